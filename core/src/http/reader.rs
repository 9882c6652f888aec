//! Reads heads out of a byte stream, cut anywhere.
//!
//! ```text
//!             CR LF (requests, once)
//!  Leading ─────────────────────────► Begin ──► Inside ──CR──► Cr ──LF──► Start ──CR──► EndCr ──LF──► head
//!                                                  ▲                        │
//!                                                  └──────── any other ─────┘
//! ```

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::{Fields, Method, RequestHead, ResponseHead, Version, is_token};

/// Limits of a [`HeadReader`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeadLimits {
    /// Longest head accepted, in bytes, from the start line to the empty line, both included; beyond it the answer is
    /// 431. Default 16 KiB (node.js 16 KiB, tomcat 8 KiB).
    pub max_bytes: usize,
    /// Most fields accepted; beyond it the answer is 431. Default 100 (apache and hyper 100).
    pub max_fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { max_bytes: 16 * 1024, max_fields: 100 }
    }
}

/// Reads heads of type `H`, one after the other, out of a byte stream.
///
/// Each byte is looked at once, wherever the stream is cut, and an error is found at the byte that makes it one. A head
/// that lies inside one input is parsed where it lies; only one that is cut is copied.
#[derive(Clone)]
pub struct HeadReader<H> {
    limits: HeadLimits,
    /// What has been received of an unfinished head.
    buffer: Vec<u8>,
    at: At,
    fields: usize,
    failed: Option<HeadError>,
    head: PhantomData<H>,
}

impl<H: Head> HeadReader<H> {
    /// Returns a reader that waits for the first byte of a head.
    pub const fn new(limits: HeadLimits) -> Self {
        Self { limits, buffer: Vec::new(), at: Self::FIRST, fields: 0, failed: None, head: PhantomData }
    }

    /// Takes `input`. Returns a head that ends in it and how many bytes of `input` belong to it (the others are the
    /// body's, or whatever follows; hand them on), or `None` after keeping all of `input` for later.
    ///
    /// After a head the reader is ready for the next one.
    ///
    /// # Errors
    ///
    /// When no head can begin like this. The error stays: every later call returns it again.
    pub fn feed(&mut self, input: &[u8]) -> Result<Option<(H, usize)>, HeadError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.read(input).inspect_err(|&error| {
            self.failed = Some(error);
            self.buffer = Vec::new();
        })
    }

    /// Returns whether nothing of a head has been received; an ignored empty line before it does not count.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Returns what has been received of an unfinished head.
    pub fn partial(&self) -> &[u8] {
        &self.buffer
    }

    fn read(&mut self, input: &[u8]) -> Result<Option<(H, usize)>, HeadError> {
        let skipped = self.skip_empty_line(input);
        let input = input.get(skipped..).unwrap_or_default();
        let room = self.limits.max_bytes.saturating_sub(self.buffer.len());
        let within = input.get(..room).unwrap_or(input);
        let Some(end) = self.find_end(within)? else {
            if input.len() > room {
                return Err(HeadError::TooLong { limit: self.limits.max_bytes });
            }
            self.buffer.extend_from_slice(within);
            return Ok(None);
        };
        let rest_of_head = within.get(..end).unwrap_or_default();
        let head = if self.buffer.is_empty() {
            H::parse(rest_of_head, self.fields)?
        } else {
            let mut whole = core::mem::take(&mut self.buffer);
            whole.extend_from_slice(rest_of_head);
            H::parse(&whole, self.fields)?
        };
        self.at = Self::FIRST;
        self.fields = 0;
        Ok(Some((head, skipped + end)))
    }

    /// Goes over the empty line that may stand before a request and returns how many bytes of `input` it took.
    fn skip_empty_line(&mut self, input: &[u8]) -> usize {
        // RFC 9112 §2.2: "In the interest of robustness, a server that is expecting to receive and parse a request-line
        // SHOULD ignore at least one empty line (CRLF) received prior to the request-line."
        let mut skipped = 0;
        for &byte in input {
            self.at = match (self.at, byte) {
                (At::Leading, b'\r') => At::LeadingCr,
                (At::LeadingCr, b'\n') => At::Begin,
                _ => break,
            };
            skipped += 1;
        }
        skipped
    }

    /// Looks for the empty line that ends the head and returns where it ends in `input`, checking every byte on the way.
    fn find_end(&mut self, input: &[u8]) -> Result<Option<usize>, HeadError> {
        for (index, &byte) in input.iter().enumerate() {
            self.at = match (self.at, byte) {
                (At::Inside, b'\t' | b' '..=b'~' | 0x80..) => At::Inside,
                (At::Inside, b'\r') => At::Cr,
                (At::Cr, b'\n') => At::Start,
                (At::Start, b'\r') => At::EndCr,
                (At::EndCr, b'\n') => return Ok(Some(index + 1)),
                // RFC 9112 §2.2: "A recipient of such a bare CR MUST consider that element to be invalid".
                (At::Cr | At::EndCr | At::LeadingCr, _) => return Err(HeadError::BareCr),
                // RFC 9112 §2.2: "a recipient MAY recognize a single LF as a line terminator". Of a response we do, as
                // browsers do; of a request never: who stands before us may not.
                (_, b'\n') if H::STRICT => return Err(HeadError::BareLf),
                (At::Inside, b'\n') => At::Start,
                (At::Start, b'\n') => return Ok(Some(index + 1)),
                (At::Leading | At::Begin, b'\r' | b'\n' | b'\t' | b' ') => return Err(HeadError::StartLine),
                // The first byte of a TLS handshake, and of a TLS alert.
                (At::Leading | At::Begin, 0x15 | 0x16) => return Err(HeadError::Tls),
                // A mail or shell server greets, and waits: this is known at once.
                (At::Begin, b'H') if !H::STRICT => At::Name(1),
                (At::Name(count), _) if NAME.get(usize::from(count)) == Some(&byte) => {
                    if byte == b'/' {
                        At::Inside
                    } else {
                        At::Name(count + 1)
                    }
                }
                (At::Name(_), _) => return Err(HeadError::NotHttp),
                (At::Begin, b' '..=b'~' | 0x80..) if !H::STRICT => return Err(HeadError::NotHttp),
                (_, 0..=0x1f | 0x7f) if byte != b'\t' => return Err(HeadError::Control { byte }),
                (At::Leading | At::Begin, _) => At::Inside,
                (At::Start, b'\t' | b' ') => {
                    // RFC 9112 §5.2: "A server that receives an obs-fold in a request message […] MUST either reject the
                    // message by sending a 400 (Bad Request) […] or replace each received obs-fold with one or more SP
                    // octets". §2.2: whitespace before the first field is refused everywhere.
                    if H::STRICT || self.fields == 0 {
                        return Err(HeadError::Folded);
                    }
                    At::Inside
                }
                (At::Start, _) => {
                    self.fields += 1;
                    if self.fields > self.limits.max_fields {
                        return Err(HeadError::TooManyFields { limit: self.limits.max_fields });
                    }
                    At::Inside
                }
                (At::Inside, _) => At::Inside,
            };
        }
        Ok(None)
    }

    /// Only a request may have an empty line before it.
    const FIRST: At = if H::STRICT { At::Leading } else { At::Begin };
}

/// Where in a head the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before everything; one empty line is ignored.
    Leading,
    /// After CR of the empty line to ignore.
    LeadingCr,
    /// At the first byte of the start line.
    Begin,
    /// In a response, inside the name of the protocol, of which so many bytes came.
    Name(u8),
    /// Inside a line.
    Inside,
    /// After CR inside a line.
    Cr,
    /// At the first byte of a line after the start line.
    Start,
    /// After CR at the start of a line.
    EndCr,
}

/// RFC 9112 §2.3: `HTTP-name`, case-sensitive, and the slash behind it.
const NAME: &[u8; 5] = b"HTTP/";

/// What a [`HeadReader`] reads: [`RequestHead`] or [`ResponseHead`].
pub trait Head: sealed::Sealed + Sized {}

impl Head for RequestHead {}
impl Head for ResponseHead {}

mod sealed {
    use super::HeadError;

    pub trait Sealed: Sized {
        /// Whether what the RFC merely tolerates is refused.
        const STRICT: bool;

        /// Parses a head whose line ends are checked; `fields` is how many field lines it has.
        fn parse(head: &[u8], fields: usize) -> Result<Self, HeadError>;
    }
}

impl sealed::Sealed for RequestHead {
    const STRICT: bool = true;

    fn parse(head: &[u8], fields: usize) -> Result<Self, HeadError> {
        let mut slots = vec![httparse::EMPTY_HEADER; fields];
        let mut request = httparse::Request::new(&mut slots);
        let parsed = request.parse(head);
        let complete = parsed.map_err(|error| request_error(error, head))?.is_complete();
        let (true, Some(method), Some(target), Some(minor)) = (complete, request.method, request.path, request.version)
        else {
            return Err(HeadError::StartLine);
        };
        if !target.is_ascii() {
            return Err(HeadError::Target);
        }
        let mut fields = Fields::new();
        for field in &*request.headers {
            fields.push(field.name, field.value);
        }
        let method = Method::new(method).map_err(|_| HeadError::Method)?;
        Ok(Self { method, target: target.into(), version: version(minor), fields })
    }
}

impl sealed::Sealed for ResponseHead {
    const STRICT: bool = false;

    fn parse(head: &[u8], fields: usize) -> Result<Self, HeadError> {
        let mut slots = vec![httparse::EMPTY_HEADER; fields];
        let mut response = httparse::Response::new(&mut slots);
        let mut config = httparse::ParserConfig::default();
        config.allow_obsolete_multiline_headers_in_responses(true);
        let parsed = config.parse_response(&mut response, head);
        let complete = parsed.map_err(|error| response_error(error, head))?.is_complete();
        let (true, Some(status @ 100..), Some(minor)) = (complete, response.code, response.version) else {
            return Err(HeadError::StartLine);
        };
        let mut fields = Fields::new();
        for field in &*response.headers {
            if field.value.contains(&b'\n') {
                fields.push(field.name, &unfold(field.value));
            } else {
                fields.push(field.name, field.value);
            }
        }
        let reason: Box<str> = response.reason.unwrap_or_default().into();
        Ok(Self { status, reason, version: version(minor), fields })
    }
}

const fn version(minor: u8) -> Version {
    if minor == 0 { Version::Http10 } else { Version::Http11 }
}

fn unfold(value: &[u8]) -> Vec<u8> {
    // RFC 9112 §5.2: "A user agent that receives an obs-fold in a response message […] MUST replace each received
    // obs-fold with one or more SP octets prior to interpreting the field value."
    value.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect()
}

fn request_error(error: httparse::Error, head: &[u8]) -> HeadError {
    let line = start_line(head);
    match error {
        httparse::Error::Token => match line.split(|&byte| byte == b' ').next() {
            Some(method) if is_token(method) => HeadError::Target,
            _ => HeadError::Method,
        },
        httparse::Error::Version => version_error(line.split(|&byte| byte == b' ').nth(2)),
        other => field_error(other, head),
    }
}

fn response_error(error: httparse::Error, head: &[u8]) -> HeadError {
    match error {
        httparse::Error::Version => version_error(start_line(head).split(|&byte| byte == b' ').next()),
        other => field_error(other, head),
    }
}

fn field_error(error: httparse::Error, head: &[u8]) -> HeadError {
    match error {
        httparse::Error::HeaderName => {
            let space_before_colon = |line: &[u8]| {
                let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
                name.len() < line.len() && matches!(name, [named @ .., b' ' | b'\t'] if is_token(super::trim(named)))
            };
            let mut lines = head.split(|&byte| byte == b'\n').skip(1);
            if lines.any(space_before_colon) { HeadError::SpaceBeforeColon } else { HeadError::FieldName }
        }
        // Values are checked before: `Control` and `BareCr` are what can be wrong with them.
        _ => HeadError::StartLine,
    }
}

/// A version that is well formed is one we do not speak.
fn version_error(text: Option<&[u8]>) -> HeadError {
    match text.and_then(|text| text.strip_prefix(b"HTTP/")) {
        Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit() => HeadError::Version,
        _ => HeadError::StartLine,
    }
}

fn start_line(head: &[u8]) -> &[u8] {
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Why no head could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// The head is longer than [`HeadLimits::max_bytes`].
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The head has more fields than [`HeadLimits::max_fields`].
    TooManyFields {
        /// The limit.
        limit: usize,
    },
    /// The start line does not have the three parts that it should, with one space between them.
    StartLine,
    /// A response begins with something else than `HTTP/`.
    NotHttp,
    /// The method is not a token.
    Method,
    /// The request target holds something besides visible ASCII characters.
    Target,
    /// The version is neither HTTP/1.1 nor HTTP/1.0.
    Version,
    /// A field's name is not a token, or its line has no colon.
    FieldName,
    /// There is a space between a field's name and its colon.
    SpaceBeforeColon,
    /// A line begins with a space: it continues the line before it, which is obsolete, or stands before all fields.
    Folded,
    /// A line ends with LF alone.
    BareLf,
    /// CR stands where no LF follows it.
    BareCr,
    /// There is a control character.
    Control {
        /// The character.
        byte: u8,
    },
    /// The peer speaks TLS.
    Tls,
}

impl HeadError {
    /// Returns the status to answer a request with that could not be read.
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLong { .. } | Self::TooManyFields { .. } => 431,
            Self::Version => 505,
            _ => 400,
        }
    }
}

/// How much of a head came, not what: its fields may prove an identity.
impl<H> fmt::Debug for HeadReader<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limits, buffer, at, fields, failed, head: _ } = self;
        let mut shown = f.debug_struct("HeadReader");
        shown.field("limits", limits).field("received", &buffer.len()).field("at", at).field("fields", fields);
        shown.field("failed", failed).finish()
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong { limit } => {
                return write!(
                    f,
                    "the head is longer than {limit} bytes; send fewer or shorter fields or raise the limit"
                );
            }
            Self::TooManyFields { limit } => {
                return write!(f, "the head has more than {limit} fields; send fewer or raise the limit");
            }
            Self::Control { byte } => {
                return write!(f, "the head holds the control character 0x{byte:02x}; leave it out or encode it");
            }
            Self::StartLine => "the start line is malformed; it takes three parts with one space between them",
            Self::NotHttp => "the server does not speak HTTP; is this its port?",
            Self::Method => "the method is not a token; use one such as GET or POST",
            Self::Target => "the request target holds spaces or characters beyond ASCII; percent-encode them",
            Self::Version => "the version is not spoken here; use HTTP/1.1",
            Self::FieldName => "a field name is not a token or lacks its colon; write `name: value`",
            Self::SpaceBeforeColon => "there is a space between a field name and its colon; remove it",
            Self::Folded => "a field line begins with a space; put each field on one line",
            Self::BareLf => "a line ends with LF alone; end lines with CRLF",
            Self::BareCr => "there is a CR without its LF; end lines with CRLF",
            Self::Tls => "this looks like TLS on a plain connection; check http:// against https://",
        })
    }
}

impl core::error::Error for HeadError {}
