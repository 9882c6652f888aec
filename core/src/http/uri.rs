use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::host::{HostPort, is_ip_literal};
use super::percent;

/// Where a client connects and what it asks for there: an absolute `http` or `https` URL without userinfo and fragment.
///
/// Characters that cannot stand in a URL (RFC 3986) are percent-encoded when it is parsed; the scheme and the host are
/// lower-cased and a default port is dropped, so that equal places compare equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    tls: bool,
    port: u16,
    /// Host and, if it is not the default, port.
    authority: Box<str>,
    /// Path and query; begins with `/`.
    target: Box<str>,
}

impl Url {
    /// Parses an absolute URL; a fragment is dropped.
    ///
    /// # Errors
    ///
    /// When it is not an `http` or `https` URL that a client can follow.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let parts = Parts::split(text)?;
        let tls = tls_of(parts.scheme.ok_or(UrlError::Relative)?)?;
        let authority = parts.authority.ok_or(UrlError::Host)?;
        Self::build(tls, authority, parts.path, parts.query)
    }

    /// Resolves a reference, such as the value of a `Location` field, against this URL (RFC 3986 §5.3).
    ///
    /// `http:path`, the scheme of this URL without an authority, is read as the relative reference `path`, as browsers do
    /// (RFC 3986 §5.2.2 allows it).
    ///
    /// # Errors
    ///
    /// When the reference is not a URL or leads to one that [`parse`](Self::parse) refuses.
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let parts = Parts::split(reference)?;
        let tls = parts.scheme.map_or(Ok(self.tls), tls_of)?;
        if let Some(authority) = parts.authority {
            return Self::build(tls, authority, parts.path, parts.query);
        }
        if tls != self.tls {
            return Err(UrlError::Host);
        }
        let (base_path, base_query) = self.target.split_once('?').map_or((&*self.target, None), |(p, q)| (p, Some(q)));
        let target = if parts.path.is_empty() {
            join_query(base_path, parts.query.or(base_query))
        } else if parts.path.starts_with('/') {
            join_query(&remove_dot_segments(parts.path), parts.query)
        } else {
            // RFC 3986 §5.2.3: "all but the last segment of the base URI's path".
            let directory = base_path.rsplit_once('/').map_or("", |(directory, _)| directory);
            let mut merged = String::from(directory);
            merged.push('/');
            merged.push_str(parts.path);
            join_query(&remove_dot_segments(&merged), parts.query)
        };
        Ok(Self { target, ..self.clone() })
    }

    /// Returns whether the connection is to be secured.
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// Returns `http` or `https`.
    pub const fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Returns the name or address to connect to; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        let host = HostPort::split(&self.authority).host;
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// Returns the port to connect to.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns what stands in the `Host` field: the host, and the port if it is not the scheme's default.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the host and the port, also where that is the scheme's default.
    pub fn host_and_port(&self) -> Box<str> {
        let default = if self.tls { 443 } else { 80 };
        if self.port == default { format!("{}:{}", self.authority, self.port).into() } else { self.authority.clone() }
    }

    /// Returns the request target in origin form: path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns whether scheme, host and port are the same, so that credentials may go along.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.tls == other.tls && self.authority == other.authority
    }

    fn build(tls: bool, authority: &str, path: &str, query: Option<&str>) -> Result<Self, UrlError> {
        let (host, port) = parse_authority(authority)?;
        let default = if tls { 443 } else { 80 };
        let port = port.unwrap_or(default);
        let mut authority = host;
        if port != default {
            authority.push(':');
            authority.push_str(&port.to_string());
        }
        let target = join_query(&remove_dot_segments(path), query);
        Ok(Self { tls, port, authority: authority.into(), target })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.target)
    }
}

impl core::str::FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

/// The parts of a URI reference (RFC 3986 §3), the fragment left out.
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, UrlError> {
        if let Some(bad) = text.chars().find(|&char| char == ' ' || char.is_control()) {
            return Err(UrlError::Character { char: bad });
        }
        let text = text.split_once('#').map_or(text, |(text, _)| text);
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let Some(rest) = rest.strip_prefix("//") else {
            return Ok(Self { scheme, authority: None, path: rest, query });
        };
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        Ok(Self { scheme, authority: Some(authority), path, query })
    }
}

/// RFC 3986 §3.1: `scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )`.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn tls_of(scheme: &str) -> Result<bool, UrlError> {
    if scheme.eq_ignore_ascii_case("http") {
        Ok(false)
    } else if scheme.eq_ignore_ascii_case("https") {
        Ok(true)
    } else {
        Err(UrlError::Scheme)
    }
}

fn parse_authority(text: &str) -> Result<(String, Option<u16>), UrlError> {
    // RFC 9110 §4.2.4: userinfo "is deprecated"; a recipient "SHOULD […] treat its presence as an error".
    if text.contains('@') {
        return Err(UrlError::Userinfo);
    }
    let parts = HostPort::split(text);
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_name = !parts.host.is_empty() && parts.host.bytes().all(is_name_byte);
    if !is_name && !is_ip_literal(parts.host) {
        return Err(if parts.host.is_ascii() { UrlError::Host } else { UrlError::HostNotAscii });
    }
    let port = match parts.port {
        None | Some("") => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|&port| port != 0).ok_or(UrlError::Port)?)
        }
        Some(_) => return Err(UrlError::Port),
    };
    Ok((parts.host.to_ascii_lowercase(), port))
}

fn join_query(path: &str, query: Option<&str>) -> Box<str> {
    let mut target = Vec::with_capacity(path.len() + query.map_or(0, str::len) + 2);
    if path.is_empty() {
        target.push(b'/');
    }
    percent::encode_into(path.as_bytes(), is_target_byte, &mut target);
    if let Some(query) = query {
        target.push(b'?');
        percent::encode_into(query.as_bytes(), |byte| byte == b'?' || is_target_byte(byte), &mut target);
    }
    String::from_utf8(target).unwrap_or_default().into()
}

/// What stands as it is in a path: unreserved, sub-delims, `:`, `@` and `/` (RFC 3986 §3.3), and the `%` of an escape.
fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte)
}

/// RFC 3986 §5.2.4, and WHATWG URL: `%2e` is a dot.
fn remove_dot_segments(path: &str) -> Cow<'_, str> {
    let is_dots = |segment: &str| matches!(dots(segment), Some(1 | 2));
    if !path.split('/').any(is_dots) {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match dots(segment) {
            Some(2) => drop(kept.pop()),
            Some(1) => {}
            _ => {
                kept.push(segment);
                continue;
            }
        }
        // A path that ends in dots ends in a slash.
        if is_last {
            kept.push("");
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in kept {
        out.push('/');
        out.push_str(segment);
    }
    Cow::Owned(out)
}

/// Returns how many dots a segment is made of, if of nothing else and at most two.
fn dots(segment: &str) -> Option<usize> {
    let mut rest = segment;
    let mut count = 0;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').or_else(|| rest.strip_prefix("%2e")).or_else(|| rest.strip_prefix("%2E"))?;
        count += 1;
    }
    (1..=2).contains(&count).then_some(count)
}

/// Why a URL was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// There is no scheme.
    Relative,
    /// The scheme is neither `http` nor `https`.
    Scheme,
    /// There is no host, or it is not a name or an address.
    Host,
    /// The host is not ASCII.
    HostNotAscii,
    /// The port is not a number from 1 to 65535.
    Port,
    /// There is a user name or password.
    Userinfo,
    /// There is a space or a control character.
    Character {
        /// The character.
        char: char,
    },
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relative => "the URL has no scheme; begin it with http:// or https://",
            Self::Scheme => "the URL's scheme is not spoken here; use http:// or https://",
            Self::Host => "the URL has no valid host; write a name, an IPv4 address or an IPv6 address in brackets",
            Self::HostNotAscii => "the URL's host is not ASCII; write it in its ASCII form, which begins with xn--",
            Self::Port => "the URL's port is not a number from 1 to 65535",
            Self::Userinfo => "the URL holds a user name or password; send them in an authorization field",
            Self::Character { char: ' ' } => "the URL holds a space; write it as %20",
            Self::Character { char } => {
                return write!(f, "the URL holds the control character {}; leave it out", char.escape_default());
            }
        })
    }
}

impl core::error::Error for UrlError {}
