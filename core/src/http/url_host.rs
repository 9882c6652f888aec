//! The host of a URL, in the one form in which equal hosts compare equal (URL Standard §3.5, host parsing).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::{UrlError, percent};

/// Reads a host: a name, an IPv4 address in any of the forms that resolvers know, or an IPv6 address in brackets.
pub(super) fn parse(text: &str) -> Result<String, UrlError> {
    if let Some(address) = text.strip_prefix('[') {
        let address = address.strip_suffix(']').and_then(|address| address.parse().ok());
        return address.map(ipv6).ok_or(UrlError::Host);
    }
    // URL Standard §3.5: "Let domain be the result of running UTF-8 decode without BOM on the percent-decoding of input."
    let mut domain = Vec::with_capacity(text.len());
    percent::decode_into(text.as_bytes(), &mut domain);
    if !domain.is_ascii() {
        return Err(UrlError::HostNotAscii);
    }
    domain.make_ascii_lowercase();
    let domain = String::from_utf8(domain).map_err(|_| UrlError::Host)?;
    if domain.is_empty() || !domain.bytes().all(is_name_byte) {
        return Err(UrlError::Host);
    }
    if ends_in_a_number(&domain) {
        return ipv4(&domain).map(|address| address.to_string()).ok_or(UrlError::Host);
    }
    Ok(domain)
}

/// What names are made of. Of what else the standard lets stand in one (`,`, `;`, `=`, `*` and the like) nothing is a name on the
/// internet, and a comma in a `Host` field reads like two of them.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

/// URL Standard §3.5, "ends in a number checker".
fn ends_in_a_number(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let last = domain.rsplit('.').next().unwrap_or_default();
    let is_hexadecimal = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal || last.strip_prefix("0x").is_some_and(is_hexadecimal)
}

/// URL Standard §3.5, "IPv4 parser": one to four parts, the last of which fills what the others leave.
fn ipv4(domain: &str) -> Option<Ipv4Addr> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let (mut bits, mut left) = (0, 32_u32);
    let mut parts = domain.split('.').peekable();
    while let Some(part) = parts.next() {
        let number = ipv4_number(part)?;
        if parts.peek().is_none() {
            let fits = u64::from(number) < 1 << left;
            return fits.then(|| Ipv4Addr::from(bits | number));
        }
        left = left.checked_sub(8).filter(|&left| left > 0 && number < 256)?;
        bits |= number << left;
    }
    None
}

/// URL Standard §3.5, "IPv4 number parser": decimal, octal behind `0`, hexadecimal behind `0x`.
fn ipv4_number(part: &str) -> Option<u32> {
    let (digits, radix) = match part.strip_prefix("0x") {
        // "If input is the empty string, then return (0, true)", behind a prefix.
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if part.len() > 1 && part.starts_with('0') => (part, 8),
        None => (part, 10),
    };
    // No sign.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    u32::from_str_radix(digits, radix).ok().filter(|_| is_number)
}

/// URL Standard §3.5, "IPv6 serializer", in brackets.
fn ipv6(address: Ipv6Addr) -> String {
    // Rust writes this one kind with dots.
    match address.to_ipv4_mapped().map(|address| address.octets()) {
        Some([a, b, c, d]) => {
            format!("[::ffff:{:x}:{:x}]", u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
        }
        None => format!("[{address}]"),
    }
}
