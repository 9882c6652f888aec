//! What a request takes: `Accept` and `Accept-Encoding` with their weights (RFC 9110 §12.4.2, §12.5).
//!
//! Read as they are meant where they are malformed: a weight like `.2` or `0.3333` counts (Java's `HttpURLConnection` sends the first,
//! with a bare `*` for `*/*`); a member with a weight that says nothing is left out, and a field of which nothing is left counts as
//! absent. Parameters of media types other than the weight make no difference.
//!
//! ```
//! use tidewire_core::http::{Fields, accept};
//!
//! let mut fields = Fields::new();
//! fields.append("Accept", "text/html, text/*;q=0.5, text/event-stream;q=0")?;
//! assert_eq!(accept::media_type(&fields, "text/html"), 1000);
//! assert_eq!(accept::media_type(&fields, "text/plain"), 500);
//! assert_eq!(accept::media_type(&fields, "text/event-stream"), 0);
//! assert_eq!(accept::media_type(&Fields::new(), "text/event-stream"), 1000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::error::Error;
use core::fmt;

use super::{Fields, trim};

/// A content coding that an event stream can be given in; without the feature `deflate` there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// `gzip` (RFC 1952).
    #[cfg(feature = "deflate")]
    Gzip,
}

impl Coding {
    /// Returns its name, as in `Content-Encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "deflate")]
            Self::Gzip => "gzip",
        }
    }
}

/// The request takes neither gzip nor content without a coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAcceptable;

/// Returns the weight that `Accept` gives the media type `essence`, in thousandths; 0 is a refusal. Without the field it takes
/// everything.
pub fn media_type(fields: &Fields, essence: &str) -> u16 {
    let kind = essence.split_once('/').map_or(essence, |(kind, _)| kind);
    let specificity = |range: &[u8]| {
        let is_kind = || range.strip_suffix(b"/*").is_some_and(|one| one.eq_ignore_ascii_case(kind.as_bytes()));
        match range {
            range if range.eq_ignore_ascii_case(essence.as_bytes()) => Some(3),
            b"*/*" | b"*" => Some(1),
            _ => is_kind().then_some(2),
        }
    };
    let mut is_absent = true;
    let mut best = (0, 0);
    for member in weighted(fields, "accept") {
        is_absent = false;
        // RFC 9110 §12.5.1: "Media ranges can be overridden by more specific media ranges or specific media types. If more than one
        // media range applies to a given type, the most specific reference has precedence."
        if let Some(specificity) = specificity(member.name) {
            best = best.max((specificity, member.weight));
        }
    }
    if is_absent { FULL } else { best.1 }
}

/// Returns the content coding for the answer to a request with these fields; `None`: none.
///
/// # Errors
///
/// When the request refuses both what can be made and content without a coding.
pub fn coding(fields: &Fields) -> Result<Option<Coding>, NotAcceptable> {
    let (mut gzip, mut identity, mut others) = (None, None, None);
    for member in weighted(fields, "accept-encoding") {
        let is = |name: &str| member.name.eq_ignore_ascii_case(name.as_bytes());
        let known = match () {
            // RFC 9110 §8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
            () if is("gzip") || is("x-gzip") => &mut gzip,
            () if is("identity") => &mut identity,
            () if is("*") => &mut others,
            () => continue,
        };
        *known = (*known).max(Some(member.weight));
    }
    // RFC 9110 §12.5.3: "The asterisk "*" symbol in an Accept-Encoding field matches any available content coding not explicitly
    // listed in the field."
    let gzip = gzip.or(others).unwrap_or(0);
    let is_refused = identity.or(others.filter(|weight| *weight == 0)) == Some(0);
    best_coding().filter(|_| gzip > 0 && gzip >= identity.unwrap_or(0)).map_or_else(
        // RFC 9110 §12.5.3: "the origin server SHOULD send a response without any content coding unless the identity coding is
        // indicated as unacceptable."
        || if is_refused { Err(NotAcceptable) } else { Ok(None) },
        |coding| Ok(Some(coding)),
    )
}

#[cfg(feature = "deflate")]
const fn best_coding() -> Option<Coding> {
    Some(Coding::Gzip)
}

#[cfg(not(feature = "deflate"))]
const fn best_coding() -> Option<Coding> {
    None
}

struct Weighted<'a> {
    name: &'a [u8],
    weight: u16,
}

/// Returns the members of the lists under `name` with their weights.
fn weighted<'a>(fields: &'a Fields, name: &'a str) -> impl Iterator<Item = Weighted<'a>> {
    fields.get_all(name).flat_map(|value| parts(value, b',')).filter_map(|member| {
        let mut parts = parts(member, b';');
        let name = parts.next().filter(|name| !name.is_empty())?;
        // RFC 9110 §12.4.2: "If no "q" parameter is present, the default weight is 1."
        let weight = match parts.find_map(|part| part.strip_prefix(b"q=").or(part.strip_prefix(b"Q="))) {
            Some(value) => parse_weight(value)?,
            None => FULL,
        };
        Some(Weighted { name, weight })
    })
}

/// Returns what stands between the separators, without spaces around it; those inside quoted strings separate nothing.
fn parts(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let separates = move |byte: &u8| {
        if core::mem::take(&mut is_escaped) {
            return false;
        }
        is_escaped = is_quoted && *byte == b'\\';
        is_quoted ^= *byte == b'"';
        *byte == separator && !is_quoted
    };
    text.split(separates).map(trim)
}

/// Returns a weight in thousandths, if it is one.
fn parse_weight(value: &[u8]) -> Option<u16> {
    let (whole, fraction) = match value.iter().position(|byte| *byte == b'.') {
        Some(at) => (value.get(..at)?, value.get(at + 1..)?),
        None => (value, &b""[..]),
    };
    let is_digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    if value == b"." || value.is_empty() || !is_digits(fraction) {
        return None;
    }
    let digit = |at: usize| fraction.get(at).map_or(0, |byte| u16::from(byte - b'0'));
    let thousandths = digit(0) * 100 + digit(1) * 10 + digit(2);
    let is_some = fraction.iter().any(|byte| *byte != b'0');
    match whole {
        // So little is not nothing.
        b"" | b"0" => Some(if is_some { thousandths.max(1) } else { 0 }),
        b"1" if !is_some => Some(FULL),
        _ => None,
    }
}

impl fmt::Display for NotAcceptable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request takes neither gzip nor content without a coding")
    }
}

impl Error for NotAcceptable {}

/// The weight of what is taken without a reserve.
const FULL: u16 = 1000;
