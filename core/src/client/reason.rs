use alloc::boxed::Box;
use alloc::string::ToString;
use core::error::Error;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use super::{RedirectError, TunnelError};
#[cfg(feature = "deflate")]
use crate::http::coding::CodingError;
use crate::http::{BodyError, FramingError, HeadError, Method, ResponseHead, Url, reason_phrase};
use crate::sse::{self, Message};
use crate::ws::{self, HandshakeError, OfferError};

/// Why a connection, or the attempt to have one, ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The connection could not be made.
    Connect(ConnectError),
    /// The addresses of the host were not found within [`Config::resolve_timeout`](super::Config::resolve_timeout).
    ResolveTimeout {
        /// The limit.
        after: Duration,
        /// The host and port of the proxy, if it was the proxy's host.
        proxy: Option<Box<str>>,
    },
    /// The connection took longer than [`Config::connect_timeout`](super::Config::connect_timeout).
    ConnectTimeout {
        /// The limit.
        after: Duration,
        /// The host and port of the proxy, if it was the connection to a proxy.
        proxy: Option<Box<str>>,
    },
    /// The proxy took longer to connect to the server than [`Config::tunnel_timeout`](super::Config::tunnel_timeout).
    TunnelTimeout {
        /// The limit.
        after: Duration,
    },
    /// Securing the connection took longer than [`Config::tls_timeout`](super::Config::tls_timeout).
    TlsTimeout {
        /// The limit.
        after: Duration,
    },
    /// The head of the response took longer than [`Config::head_timeout`](super::Config::head_timeout).
    HeadTimeout {
        /// The limit.
        after: Duration,
    },
    /// Not a byte of the stream, or of an answer in one piece, came for [`Config::first_byte_timeout`](super::Config::first_byte_timeout) after the head.
    FirstByteTimeout {
        /// The limit.
        after: Duration,
    },
    /// Not a byte came for [`Config::read_timeout`](super::Config::read_timeout).
    ReadTimeout {
        /// The limit.
        after: Duration,
    },
    /// The server ended the connection before the head of its response was complete.
    NoResponse,
    /// The head of the response could not be read.
    Head(HeadError),
    /// More 1xx responses came than any server has a reason for.
    TooManyInterim {
        /// The limit.
        limit: u32,
    },
    /// The length of the body cannot be told.
    Framing(FramingError),
    /// The body was malformed or, as [`BodyError::Truncated`], cut short.
    Body(BodyError),
    /// The server ended the stream.
    Ended {
        /// Whether that was in the middle of an event, which is lost.
        mid_event: bool,
    },
    /// The server ended the stream without the message that ends a complete one ([`Config::marks`](super::Config::marks)):
    /// it was cut off.
    Unfinished {
        /// Whether that was in the middle of an event, which is lost.
        mid_event: bool,
    },
    /// A message of the stream tells of an error ([`Mark::Error`](super::Mark::Error)): this one.
    ErrorEvent(Box<Message>),
    /// The content could not be decoded.
    #[cfg(feature = "deflate")]
    Coding(CodingError),
    /// The connection broke.
    Reset,
    /// Somebody else's HTTP stack failed, which knows no better names for it.
    Stack {
        /// Whether a server may have got the request; otherwise it is sent again whatever
        /// [`Config::resend`](super::Config::resend) says.
        sent: bool,
        /// What the stack says, with the causes it names.
        error: Box<str>,
    },
    /// The stream reached one of the limits of the parser.
    Stream(sse::Error),
    /// The server answered with a status other than 200.
    Status(Box<Refusal>),
    /// The server answered with something that is not an event stream.
    ContentType(Box<Refusal>),
    /// The stream is compressed, and none of that was offered.
    ContentCoding(Box<Refusal>),
    /// The answer in one piece was longer than [`Config::max_answer`](super::Config::max_answer).
    AnswerTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The server's answer to a request for a WebSocket has status 101, but does not begin one.
    Handshake {
        /// Who sent it, and its head.
        refusal: Box<Refusal>,
        /// What is wrong with it.
        error: HandshakeError,
    },
    /// The WebSocket ended like this.
    WebSocket(Box<ws::Closed>),
    /// A redirect could not be followed.
    Redirect {
        /// Who sent it, and its head; its body is not read.
        refusal: Box<Refusal>,
        /// What is wrong with it.
        error: RedirectError,
    },
    /// The application asked for a restart.
    Restart,
}

/// Why an [`EventSource`](super::EventSource) or a [`WebSocket`](super::WebSocket) is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application closed it.
    Requested,
    /// The server answered 204: it asks not to come back.
    NoContent,
    /// The stream is complete: the message that [marks](super::Config::marks) its end has come.
    Complete,
    /// The server answered in one piece, as [`Config::max_answer`](super::Config::max_answer) allows: see
    /// [`Event::Answer`](super::Event::Answer).
    Answered,
    /// The answer in one piece was longer than [`Config::max_answer`](super::Config::max_answer).
    AnswerTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The server answered with a status other than 200 that is not tried again.
    Status(Box<Refusal>),
    /// The server answered with something that is not an event stream.
    ContentType(Box<Refusal>),
    /// The stream has a content coding that was not asked for.
    ContentCoding(Box<Refusal>),
    /// A redirect could not be followed.
    Redirect {
        /// Who sent it.
        url: Box<Url>,
        /// Its status.
        status: u16,
        /// What is wrong with it.
        error: RedirectError,
    },
    /// The server answered a request for a WebSocket with status 101, but not as RFC 6455 §4 asks.
    Handshake {
        /// Who answered.
        url: Box<Url>,
        /// What is wrong with the answer.
        error: HandshakeError,
    },
    /// The WebSocket ended with a close code after which one does not [come back](super::WebSocketConfig::come_back).
    WebSocket(Box<ws::Closed>),
    /// What is to be offered in the handshake of a WebSocket cannot be.
    Offer(OfferError),
    /// This is the address of a WebSocket, and an event stream was asked for.
    WebSocketUrl(Box<Url>),
    /// The stream is at an https URL, or the WebSocket at a wss one, and the driver secures no connections.
    NoTls(Box<Url>),
    /// The proxy refused to connect to the server, with a status that asking again does not change.
    ProxyRefused {
        /// The host and port of the proxy.
        proxy: Box<str>,
        /// What it answered: 407 where it wants to know who asks.
        status: u16,
    },
    /// The connection ended, and its request must not be sent again unasked
    /// ([`Config::resend`](super::Config::resend)).
    NotResent {
        /// The method of the request.
        method: Method,
        /// How the connection ended.
        reason: Box<Reason>,
    },
    /// The connection ended, and [`Config::reconnect`](super::Config::reconnect) is off.
    Lost(Box<Reason>),
    /// As many attempts failed in a row as [`Config::max_failures`](super::Config::max_failures) allows.
    GaveUp {
        /// How many failed.
        failures: u32,
        /// How the last of them failed.
        reason: Box<Reason>,
    },
    /// The [hook](super::Config::on_failure) said stop.
    Stopped(Box<Reason>),
    /// The first connection was not made as [`Config::first_connection`](super::Config::first_connection) asks.
    FirstConnection {
        /// The time that it had; `None` if it was to be tried once.
        within: Option<Duration>,
        /// How the last attempt failed, if any did.
        reason: Option<Box<Reason>>,
    },
    /// The time for it all is over: [`Config::total_timeout`](super::Config::total_timeout).
    TotalTimeout {
        /// The limit.
        after: Duration,
        /// How the last attempt failed or connection ended, if any did.
        reason: Option<Box<Reason>>,
    },
}

impl Reason {
    /// Returns the answer that was not the stream, if there was one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Status(refusal)
            | Self::ContentType(refusal)
            | Self::ContentCoding(refusal)
            | Self::Handshake { refusal, .. }
            | Self::Redirect { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

impl CloseReason {
    /// Returns how the last attempt failed or connection ended, where that is told apart from why it is over.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::NotResent { reason, .. }
            | Self::GaveUp { reason, .. }
            | Self::Lost(reason)
            | Self::Stopped(reason)
            | Self::FirstConnection { reason: Some(reason), .. }
            | Self::TotalTimeout { reason: Some(reason), .. } => Some(reason),
            _ => None,
        }
    }

    /// Returns the answer that was not the stream, if that is what it ended with.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Status(refusal) | Self::ContentType(refusal) | Self::ContentCoding(refusal) => Some(refusal),
            other => other.reason().and_then(Reason::refusal),
        }
    }
}

/// A response that is not the stream that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Who sent it, after all redirects.
    pub url: Url,
    /// The head.
    pub head: ResponseHead,
    /// The beginning of the body, at most [`Config::max_error_body`](super::Config::max_error_body) bytes, without its content
    /// coding, if that was one that was asked for, else as received.
    pub body: Bytes,
    /// Whether there was more of the body.
    pub truncated: bool,
}

impl Refusal {
    /// Returns the body as text, if it is any, without white space around it.
    pub fn text(&self) -> Option<&str> {
        let text = str::from_utf8(&self.body).ok().map(str::trim);
        text.filter(|text| !text.is_empty())
    }
}

/// "503 Service Unavailable from http://…", and the first line of the body if it is text.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.head.status)?;
        if !self.head.reason.is_empty() {
            write!(f, " {}", self.head.reason)?;
        }
        write!(f, " from {}", self.url)?;
        if let Some(line) = self.text().and_then(|text| text.lines().next()) {
            f.write_str(": ")?;
            write_start(f, line)?;
        }
        if self.url.is_web_socket() && matches!(self.head.status, 200..=299) {
            f.write_str("; the server did not switch to WebSocket; is this its address?")?;
        }
        // RFC 9110 §15.5.8: "the client needs to authenticate itself in order to use a proxy for this request."
        if self.head.status == 407 { write!(f, "; the proxy wants to know who asks; {LOG_IN}") } else { Ok(()) }
    }
}

/// Writes the beginning of a text that a server sent.
pub(super) fn write_start(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let end = text.char_indices().nth(SHOWN).map_or(text.len(), |(at, _)| at);
    let shown = text.get(..end).unwrap_or(text);
    write_safe(f, shown)?;
    if end < text.len() { f.write_str("…") } else { Ok(()) }
}

/// Writes what a peer has a say in without what drives a terminal: control characters, and those that turn the direction in
/// which text is shown (Unicode Standard Annex #9 §2), so that it could be read as something else.
fn write_safe(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let turns = |char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|&char| !char.is_control() && !turns(char)).try_for_each(|char| write!(f, "{char}"))
}

/// Why a connection could not be made; told by the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name of the host has no address, or nobody could be asked for one.
    Resolve,
    /// Nobody listens there.
    Refused,
    /// The system gave up waiting.
    TimedOut,
    /// There is no way there.
    Unreachable,
    /// There is no Unix socket at the path.
    NotFound,
    /// The system does not let this program connect there.
    Denied,
    /// The system, or the driver, has no such sockets.
    Unsupported,
    /// The program has as many sockets and files open as the system lets it.
    TooManyOpen,
    /// All local ports of the system's range are in use towards this peer, or waiting to be used again.
    NoPort,
    /// The connection could not be secured: the cause, for people.
    Tls(Box<str>),
    /// The driver secures no connections. Final: [`CloseReason::NoTls`].
    NoTls,
    /// The proxy before the server could not be connected to.
    Proxy {
        /// Its host and port.
        proxy: Box<str>,
        /// Why not.
        error: Box<ConnectError>,
    },
    /// The proxy refused to connect to the server. With 408, 425, 429 or 5xx (but 501 and 505) or with one of
    /// [`Config::retry_status`](super::Config::retry_status) it is asked again; any other is final: [`CloseReason::ProxyRefused`].
    ProxyRefused {
        /// What it answered: 407 where it wants to know who asks.
        status: u16,
    },
    /// The answer of the proxy is not understood.
    Tunnel(TunnelError),
    /// Anything else.
    Other,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::ResolveTimeout { after, proxy } => {
                fmt_proxy(proxy.as_deref(), f)?;
                write!(
                    f,
                    "no address for the host within {after:?}; is the network up, or `resolve_timeout` too short?"
                )
            }
            Self::ConnectTimeout { after, proxy } => {
                fmt_proxy(proxy.as_deref(), f)?;
                write!(f, "no connection within {after:?}; is the host up, or `connect_timeout` too short?")
            }
            Self::TunnelTimeout { after } => write!(
                f,
                "no connection through the proxy within {after:?}; is the host behind it up, or `tunnel_timeout` too short?"
            ),
            Self::TlsTimeout { after } => write!(
                f,
                "no secure connection within {after:?}; does the port speak TLS, or is `tls_timeout` too short?"
            ),
            Self::HeadTimeout { after } => {
                write!(
                    f,
                    "no complete response head within {after:?}; is the server slow, or `head_timeout` too short?"
                )
            }
            Self::FirstByteTimeout { after } => write!(
                f,
                "not a byte of the stream within {after:?} of its head; is the server slow, or `first_byte_timeout` too short?"
            ),
            Self::ReadTimeout { after } => write!(
                f,
                "not a byte for {after:?}; if the server is just silent, let it send comments, or raise `read_timeout`"
            ),
            Self::NoResponse => f.write_str("the server ended the connection before it answered"),
            Self::Head(error) => write!(f, "the response is not understood: {error}"),
            Self::TooManyInterim { limit } => {
                write!(f, "the server sent more than {limit} interim responses (1xx) and no final one")
            }
            Self::Framing(error) => write!(f, "the length of the response is not understood: {error}"),
            Self::Body(error) => write!(f, "the stream broke off: {error}"),
            Self::Ended { mid_event: false } => f.write_str("the server ended the stream"),
            Self::Ended { mid_event: true } => {
                f.write_str("the server ended the stream in the middle of an event, which is lost")
            }
            Self::Unfinished { mid_event } => {
                f.write_str("the server ended the stream before it was complete")?;
                if *mid_event { f.write_str(", in the middle of an event") } else { Ok(()) }
            }
            Self::ErrorEvent(message) => {
                write!(f, "the stream tells of an error: ")?;
                write_start(f, message.data())
            }
            #[cfg(feature = "deflate")]
            Self::Coding(error) => error.fmt(f),
            Self::Reset => f.write_str("the connection broke"),
            Self::Stack { sent, error } => {
                f.write_str(if *sent { "the connection failed: " } else { "the connection could not be made: " })?;
                write_safe(f, error)
            }
            Self::Stream(error) => error.fmt(f),
            Self::Status(refusal) => refusal.fmt(f),
            Self::ContentType(refusal) => fmt_content_type(refusal, f),
            Self::ContentCoding(refusal) => fmt_content_coding(refusal, f),
            Self::AnswerTooLong { limit } => fmt_answer_too_long(*limit, f),
            Self::Handshake { refusal, error } => fmt_handshake(&refusal.url, *error, f),
            Self::WebSocket(closed) => write_safe(f, &closed.to_string()),
            Self::Redirect { refusal, error } => write!(f, "{} from {}: {error}", refusal.head.status, refusal.url),
            Self::Restart => f.write_str("restarted as asked"),
        }
    }
}

impl Error for Reason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::Head(error) => Some(error),
            Self::Framing(error) => Some(error),
            Self::Body(error) => Some(error),
            #[cfg(feature = "deflate")]
            Self::Coding(error) => Some(error),
            Self::Stream(error) => Some(error),
            Self::Handshake { error, .. } => Some(error),
            Self::Redirect { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("closed as asked"),
            Self::NoContent => f.write_str("the server answered 204: it asks not to come back"),
            Self::Complete => f.write_str("the stream is complete"),
            Self::Answered => f.write_str("the server answered in one piece"),
            Self::AnswerTooLong { limit } => fmt_answer_too_long(*limit, f),
            Self::Status(refusal) => refusal.fmt(f),
            Self::ContentType(refusal) => fmt_content_type(refusal, f),
            Self::ContentCoding(refusal) => fmt_content_coding(refusal, f),
            Self::Redirect { url, status, error } => write!(f, "{status} from {url}: {error}"),
            Self::Handshake { url, error } => fmt_handshake(url, *error, f),
            Self::WebSocket(closed) => write_safe(f, &closed.to_string()),
            Self::Offer(error) => error.fmt(f),
            Self::WebSocketUrl(url) => {
                write!(f, "{url} is the address of a WebSocket; an event stream has one with http:// or https://")
            }
            Self::NoTls(url) => {
                let (wanted, instead) = if url.is_web_socket() { ("TLS", "ws") } else { ("https", "http") };
                write!(
                    f,
                    "{url} wants {wanted}, which is not built in; follow it by {instead}:// through something that speaks TLS"
                )
            }
            Self::ProxyRefused { proxy, status } => {
                write!(f, "{proxy}: {}", ConnectError::ProxyRefused { status: *status })
            }
            Self::NotResent { method, reason } => {
                write!(f, "{reason}; the {method} request is not sent again unless `resend` allows it")
            }
            Self::Lost(reason) => write!(f, "{reason}; reconnecting is off"),
            Self::GaveUp { failures: 1, reason } => write!(f, "{reason}; gave up after the first failure"),
            Self::GaveUp { failures, reason } => write!(f, "{reason}; gave up after {failures} failures in a row"),
            Self::Stopped(reason) => write!(f, "{reason}; stopped by the program's own decision"),
            Self::FirstConnection { within: Some(within), reason } => {
                write!(f, "no stream within {within:?}; is the server up, or `first_connection` too short?")?;
                fmt_last(reason.as_deref(), f)
            }
            Self::FirstConnection { within: None, reason } => {
                match reason {
                    Some(reason) => reason.fmt(f)?,
                    None => f.write_str("no stream")?,
                }
                f.write_str("; the first connection is not tried again unless `first_connection` allows it")
            }
            Self::TotalTimeout { after, reason } => {
                write!(f, "the time for it all is over, {after:?}; raise `total_timeout` to go on for longer")?;
                fmt_last(reason.as_deref(), f)
            }
        }
    }
}

fn fmt_content_type(refusal: &Refusal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let url = &refusal.url;
    match refusal.head.fields.get_str("content-type") {
        Some(found) => write!(f, "{url} is `{}`", found.escape_debug())?,
        None => write!(f, "{url} has no content-type")?,
    }
    f.write_str(", not `text/event-stream`; is this the address of the stream?")
}

fn fmt_content_coding(refusal: &Refusal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let found = refusal.head.fields.get_str("content-encoding").unwrap_or("?");
    let url = &refusal.url;
    write!(f, "{url} is compressed (`{}`) though that was not offered", found.escape_debug())?;
    f.write_str("; switch the compression off for this stream")
}

fn fmt_answer_too_long(limit: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "the answer is longer than {limit} bytes; raise `max_answer` if that is right")
}

fn fmt_handshake(url: &Url, error: HandshakeError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{url} is no WebSocket: {error}")
}

/// Says that what follows is about the proxy, if it is.
fn fmt_proxy(proxy: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    proxy.map_or(Ok(()), |proxy| write!(f, "proxy {proxy}: "))
}

fn fmt_last(reason: Option<&Reason>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    reason.map_or(Ok(()), |reason| write!(f, " (last: {reason})"))
}

impl Error for CloseReason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Redirect { error, .. } => Some(error),
            Self::Handshake { error, .. } => Some(error),
            Self::Offer(error) => Some(error),
            other => other.reason().map(|reason| reason as &(dyn Error + 'static)),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "the name of the host has no address; is it spelled right, is the network up?",
            Self::Refused => "the connection was refused; does the server run, and on this port?",
            Self::TimedOut => "the connection was not answered in time; is the host up?",
            Self::Unreachable => "the host cannot be reached; is the network up?",
            Self::NotFound => "there is no such Unix socket; does the server run, and is the path right?",
            Self::Denied => "the system does not allow the connection; what are the rights of the socket?",
            Self::Unsupported => "there are no such sockets here; use another address of the server",
            Self::TooManyOpen => {
                "this program has as many sockets open as the system lets it; raise that with `ulimit -n`"
            }
            Self::NoPort => "no local port is free for another connection to this address; is there a wider range?",
            Self::Tls(cause) => {
                f.write_str("the connection could not be secured: ")?;
                return write_safe(f, cause);
            }
            Self::NoTls => "https is not built in",
            Self::Proxy { proxy, error } => {
                fmt_proxy(Some(proxy), f)?;
                return error.fmt(f);
            }
            Self::ProxyRefused { status: 407 } => return write!(f, "the proxy wants to know who asks (407); {LOG_IN}"),
            Self::ProxyRefused { status } => {
                return write!(f, "the proxy refused to connect to the server ({status} {})", reason_phrase(*status));
            }
            Self::Tunnel(error) => return write!(f, "the answer of the proxy is not understood: {error}"),
            Self::Other => "the connection could not be made",
        })
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Proxy { error, .. } => Some(error),
            Self::Tunnel(error) => Some(error),
            _ => None,
        }
    }
}

/// What to do about a 407.
const LOG_IN: &str = "give its URL as http://USER:PASSWORD@HOST:PORT";

/// How many characters of what a server says are shown.
const SHOWN: usize = 200;
