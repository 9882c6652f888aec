use alloc::boxed::Box;
use core::time::Duration;

use bytes::Bytes;

use super::{ContentType, FailureHook, FirstConnection, Marks, Proxies, RequestHook, Resend, RetryStatus};
use crate::backoff;
#[cfg(feature = "deflate")]
use crate::http::coding::{self, Codings};
use crate::http::{Fields, HeadLimits, Method, Url};
use crate::sse::{EventId, Limits};

/// What to ask for, and the limits and timing of an [`EventSource`](super::EventSource).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where the stream is.
    pub url: Url,
    /// The method of the request. Default GET.
    pub method: Method,
    /// Fields of the request. They take the place of those that are sent by default: `Accept: text/event-stream`,
    /// `Cache-Control: no-cache`, `Accept-Encoding: identity`, `User-Agent`, `Host`. A `Last-Event-ID` among them is taken
    /// as [`last_event_id`](Self::last_event_id), if that is not set; `Content-Length` and `Transfer-Encoding` are left
    /// out: they follow from the body.
    pub fields: Fields,
    /// The body of the request, with its own `Content-Type` among the [`fields`](Self::fields). Default none.
    pub body: Option<Bytes>,
    /// The last event ID of an earlier stream, to go on after it. Default none.
    pub last_event_id: Option<EventId<'static>>,
    /// How long to wait before connecting again.
    pub backoff: backoff::Config,
    /// Whether a lost connection is followed by another one. Default true; false: [`CloseReason::Lost`] after the first.
    ///
    /// [`CloseReason::Lost`]: super::CloseReason::Lost
    pub reconnect: bool,
    /// After how many failures in a row to give up with [`CloseReason::GaveUp`]; a connection that was
    /// [healthy](crate::backoff) starts the count over. Default `None`: never, as browsers do.
    ///
    /// [`CloseReason::GaveUp`]: super::CloseReason::GaveUp
    pub max_failures: Option<u32>,
    /// How long the first connection is tried. Default for ever, as browsers do.
    pub first_connection: FirstConnection,
    /// Which statuses are tried again. Default none, as browsers do.
    pub retry_status: RetryStatus,
    /// Longest `Retry-After` of a status that is tried again; a longer one counts as this. No delay is shorter than what it
    /// says (RFC 9110 §10.2.3; seconds or a date; before it milliseconds by the name of `retry-after-ms`, which some APIs
    /// send too), and chance adds at most a tenth. Default 1 h. `None`: any; zero: it is
    /// not looked at.
    pub max_retry_after: Option<Duration>,
    /// Whether a request is sent again when its connection is lost. Default only where that cannot do harm.
    pub resend: Resend,
    /// Which content types are taken for the stream. Default exactly `text/event-stream`, as browsers do.
    pub content_type: ContentType,
    /// Whether the server may answer in one piece: a 200 with `application/json`, or another type that ends in `+json`, is read
    /// whole, told as [`Event::Answer`] and ends it all with [`CloseReason::Answered`]. The number is how many bytes it may
    /// have; more is [`CloseReason::AnswerTooLong`]. [`read_timeout`](Self::read_timeout) bounds its silences. Default
    /// `None`: such a response is refused for its content type.
    ///
    /// [`Event::Answer`]: super::Event::Answer
    /// [`CloseReason::Answered`]: super::CloseReason::Answered
    /// [`CloseReason::AnswerTooLong`]: super::CloseReason::AnswerTooLong
    pub max_answer: Option<usize>,
    /// Which content codings are asked for and undone, of the stream, of an [answer](Self::max_answer) and of what a refusal
    /// says. Default none: `Accept-Encoding: identity`. An `Accept-Encoding` among the [`fields`](Self::fields) is sent in
    /// place of these, which are undone all the same. A stream that is coded otherwise ends with
    /// [`CloseReason::ContentCoding`]; one that cannot be decoded is lost with [`Reason::Coding`].
    ///
    /// [`CloseReason::ContentCoding`]: super::CloseReason::ContentCoding
    /// [`Reason::Coding`]: super::Reason::Coding
    #[cfg(feature = "deflate")]
    pub codings: Codings,
    /// Limits of what comes out of them.
    #[cfg(feature = "deflate")]
    pub coding_limits: coding::Limits,
    /// Which messages end the stream or tell of an error. Default none.
    pub marks: Marks,
    /// Decides what follows each end of an attempt or connection. Default none: what the fields above say.
    pub on_failure: Option<FailureHook>,
    /// Changes each request before it is sent. Default none.
    pub before_request: Option<RequestHook>,
    /// How many redirects in a row are followed; one more is [`RedirectError::TooMany`]. Default 20 (Fetch §4.4).
    ///
    /// [`RedirectError::TooMany`]: super::RedirectError::TooMany
    pub max_redirects: u32,
    /// The proxies between here and the server. Default none; the environment is only looked at by who asks for it
    /// (`tidewire_std::proxies_from_env`). Each hop of a redirect is asked about anew.
    pub proxies: Proxies,
    /// The path of a Unix socket to connect to, whatever host and port the URL names; redirects stay on it, and
    /// [`proxies`](Self::proxies) do not apply. `Host` and the certificate's name are still those of the URL. Default none.
    pub unix_socket: Option<Box<str>>,
    /// How long it may take to find the addresses of the host, or of the proxy; then [`Reason::ResolveTimeout`]. Default 10 s.
    /// `None`: as long as the system likes.
    ///
    /// [`Reason::ResolveTimeout`]: super::Reason::ResolveTimeout
    pub resolve_timeout: Option<Duration>,
    /// How long connecting to them may take, all addresses together; then [`Reason::ConnectTimeout`]. Default 10 s. `None`: as
    /// long as the system likes, which may be minutes. Where steps are not told, all of them, from the request that is due to
    /// [`Source::handle_connected`](super::Source::handle_connected); a stack of somebody else's has deadlines of its own.
    ///
    /// [`Reason::ConnectTimeout`]: super::Reason::ConnectTimeout
    pub connect_timeout: Option<Duration>,
    /// How long a proxy may take to connect to the server (CONNECT, for https); then [`Reason::TunnelTimeout`]. Default 10 s.
    /// `None`: for ever.
    ///
    /// [`Reason::TunnelTimeout`]: super::Reason::TunnelTimeout
    pub tunnel_timeout: Option<Duration>,
    /// How long securing the connection may take; then [`Reason::TlsTimeout`]. Default 10 s. `None`: for ever.
    ///
    /// [`Reason::TlsTimeout`]: super::Reason::TlsTimeout
    pub tls_timeout: Option<Duration>,
    /// How long the response's head may take from the connection on; then [`Reason::HeadTimeout`]. Default 60 s: some servers
    /// send it with the first event only. `None`: for ever.
    ///
    /// [`Reason::HeadTimeout`]: super::Reason::HeadTimeout
    pub head_timeout: Option<Duration>,
    /// How long the first byte of the stream, or of an [answer](Self::max_answer), may take from the head on; then [`Reason::FirstByteTimeout`]. Default `None`:
    /// [`read_timeout`](Self::read_timeout) holds from the beginning.
    ///
    /// [`Reason::FirstByteTimeout`]: super::Reason::FirstByteTimeout
    pub first_byte_timeout: Option<Duration>,
    /// How long an open stream may be silent, to the last byte; any byte, be it of a comment, starts it anew. Then
    /// [`Reason::ReadTimeout`]: a connection that died without a word is only noticed so. Default 5 min (node.js' fetch); with
    /// a server that sends comments, three times their interval is better. `None`: for ever, as browsers do.
    ///
    /// [`Reason::ReadTimeout`]: super::Reason::ReadTimeout
    pub read_timeout: Option<Duration>,
    /// How long it may take all in all, over all attempts and waits, from the first request on; then
    /// [`CloseReason::TotalTimeout`]. A change after the first request changes nothing. Default `None`: for ever.
    ///
    /// [`CloseReason::TotalTimeout`]: super::CloseReason::TotalTimeout
    pub total_timeout: Option<Duration>,
    /// How long to read what a response says that is not the stream; what came until then is told. Default 5 s.
    pub error_body_timeout: Duration,
    /// How much of it is kept, in bytes. Default 16 KiB.
    pub max_error_body: usize,
    /// Limits of the response's head.
    pub head_limits: HeadLimits,
    /// Limits of the stream.
    pub limits: Limits,
}

impl Config {
    /// Returns the defaults for the stream at `url`.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            method: Method::GET,
            fields: Fields::new(),
            body: None,
            last_event_id: None,
            backoff: backoff::Config::default(),
            reconnect: true,
            max_failures: None,
            first_connection: FirstConnection::default(),
            retry_status: RetryStatus::default(),
            max_retry_after: Some(Duration::from_secs(60 * 60)),
            resend: Resend::default(),
            content_type: ContentType::default(),
            max_answer: None,
            #[cfg(feature = "deflate")]
            codings: Codings::NONE,
            #[cfg(feature = "deflate")]
            coding_limits: coding::Limits::default(),
            marks: Marks::none(),
            on_failure: None,
            before_request: None,
            max_redirects: 20,
            proxies: Proxies::default(),
            unix_socket: None,
            resolve_timeout: Some(Duration::from_secs(10)),
            connect_timeout: Some(Duration::from_secs(10)),
            tunnel_timeout: Some(Duration::from_secs(10)),
            tls_timeout: Some(Duration::from_secs(10)),
            head_timeout: Some(Duration::from_secs(60)),
            first_byte_timeout: None,
            read_timeout: Some(Duration::from_secs(300)),
            total_timeout: None,
            error_body_timeout: Duration::from_secs(5),
            max_error_body: 16 * 1024,
            head_limits: HeadLimits::default(),
            limits: Limits::default(),
        }
    }

    /// Returns the value of the default `Accept-Encoding`.
    #[cfg(feature = "deflate")]
    pub(super) const fn accept_encoding(&self) -> &'static str {
        self.codings.accept()
    }

    /// Returns the value of the default `Accept-Encoding`.
    #[cfg(not(feature = "deflate"))]
    pub(super) const fn accept_encoding(&self) -> &'static str {
        "identity"
    }
}
