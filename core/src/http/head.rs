use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::percent;
use super::{Expectation, Fields, Method, Target, TargetError, reason_phrase};

/// The version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0: no chunked bodies; connections close unless both sides say `keep-alive`.
    Http10,
    /// HTTP/1.1
    Http11,
}

impl Version {
    /// Returns the version as it stands in a start line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The start line and fields of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The request target as it was sent, visible ASCII; [`parse_target`](Self::parse_target) takes it apart.
    pub target: Box<str>,
    /// The version.
    pub version: Version,
    /// The fields.
    pub fields: Fields,
}

impl RequestHead {
    /// Returns the head of an HTTP/1.1 request without fields.
    pub fn new(method: Method, target: &str) -> Self {
        Self { method, target: target.into(), version: Version::Http11, fields: Fields::new() }
    }

    /// Takes the request target apart.
    ///
    /// # Errors
    ///
    /// When the target has none of the four forms, or not the one that the method asks for.
    pub fn parse_target(&self) -> Result<Target<'_>, TargetError> {
        Target::parse(&self.method, &self.target)
    }

    /// Returns the host and port that the request is for: the target's own, else those of the `Host` field.
    pub fn authority(&self) -> Option<&str> {
        // RFC 9112 §3.2.2: "When an origin server receives a request with an absolute-form of request-target, the origin
        // server MUST ignore the received Host header field (if any) and instead use the host information of the
        // request-target."
        let target = self.parse_target().ok();
        target.and_then(|target| target.authority()).or_else(|| self.fields.get_str("host"))
    }

    /// Returns what the client wants to see before it sends the body.
    pub fn expectation(&self) -> Expectation {
        Expectation::of(self)
    }

    /// Returns whether the connection may serve another request after this one.
    pub fn keep_alive(&self) -> bool {
        super::keep_alive(self.version, &self.fields)
    }

    /// Appends the head to `out`, with the empty line that ends it.
    ///
    /// A byte that cannot stand in a target is percent-encoded, so that no target breaks the line.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        if self.target.is_empty() {
            out.push(b'/');
        }
        percent::encode_into(self.target.as_bytes(), |byte| byte.is_ascii_graphic(), out);
        out.push(b' ');
        out.extend_from_slice(self.version.as_str().as_bytes());
        out.extend_from_slice(b"\r\n");
        self.fields.encode(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// The status line and fields of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status, three digits.
    pub status: u16,
    /// The reason phrase, ASCII; a received one with other characters is given as an empty one.
    pub reason: Box<str>,
    /// The version.
    pub version: Version,
    /// The fields.
    pub fields: Fields,
}

impl ResponseHead {
    /// Returns the head of an HTTP/1.1 response without fields, with the usual reason phrase.
    pub fn new(status: u16) -> Self {
        Self { status, reason: reason_phrase(status).into(), version: Version::Http11, fields: Fields::new() }
    }

    /// Returns whether this is a 1xx response: another response to the same request follows, except after 101.
    pub const fn is_informational(&self) -> bool {
        matches!(self.status, 100..=199)
    }

    /// Returns whether the connection may carry another request after this response.
    pub fn keep_alive(&self) -> bool {
        // RFC 9112 §6.3: "The server MUST close the connection after responding to such a request" is about both lengths
        // in a request; a client that was sent both is as careful.
        let two_lengths = self.fields.contains("transfer-encoding") && self.fields.contains("content-length");
        super::keep_alive(self.version, &self.fields) && !two_lengths
    }

    /// Appends the head to `out`, with the empty line that ends it.
    ///
    /// A status beyond three digits is written as 999; a character that cannot stand in a reason phrase as `?`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let status = self.status.min(999);
        out.extend_from_slice(self.version.as_str().as_bytes());
        out.push(b' ');
        out.extend([status / 100, status / 10 % 10, status % 10].map(|digit| b'0' + digit as u8));
        out.push(b' ');
        let reason =
            |char: char| if char == '\t' || char == ' ' || char.is_ascii_graphic() { char as u8 } else { b'?' };
        out.extend(self.reason.chars().map(reason));
        out.extend_from_slice(b"\r\n");
        self.fields.encode(out);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn versions_print_as_in_a_start_line() {
        assert_eq!([Version::Http10, Version::Http11].map(|version| version.to_string()), ["HTTP/1.0", "HTTP/1.1"]);
    }
}
