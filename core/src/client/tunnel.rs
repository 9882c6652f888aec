//! Asking a proxy to pass bytes on (RFC 9110 §9.3.6, CONNECT).
//!
//! ```text
//!  asking ──1xx──► asking ──2xx──► open
//!    └──────── other status, fault, end of input ────► failed
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use bytes::Bytes;

use super::{ConnectError, MAX_INTERIM};
use crate::http::{HeadError, HeadLimits, HeadReader, Method, RequestHead, ResponseHead, Url};
use crate::{Closing, Instant, Protocol};

/// Makes a proxy pass on what follows on the connection, both ways; for what is secured from end to end.
///
/// It has one event: the connection reaches the server, go on with it; or it does not, drop it. Until the event it reads
/// whatever there is, so nothing of the server's is lost: that one speaks only when spoken to. It has no deadline: whoever
/// runs it has ([`Config::tunnel_timeout`](super::Config::tunnel_timeout)).
#[derive(Clone)]
pub struct Tunnel {
    /// The host and port asked for.
    authority: Box<str>,
    transmit: Option<Bytes>,
    state: State,
    /// Told once.
    event: Option<Result<(), ConnectError>>,
}

/// Why the answer of a proxy is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TunnelError {
    /// The proxy ended the connection before the head of its answer was complete.
    NoResponse,
    /// The head of the answer could not be read.
    Head(HeadError),
    /// More 1xx responses came than any proxy has a reason for.
    TooManyInterim {
        /// The limit.
        limit: u32,
    },
    /// Bytes follow the head though the server has not been spoken to.
    Unasked,
}

impl Tunnel {
    /// Asks for a tunnel to the host of `url`; `authorization` is the value of `Proxy-Authorization`, `agent` that of
    /// `User-Agent`.
    pub(super) fn new(url: &Url, authorization: Option<&[u8]>, agent: Option<&[u8]>, limits: HeadLimits) -> Self {
        // RFC 9110 §9.3.6: "the request target consists of only the host name and port number of the tunnel destination,
        // separated by a colon." "There is no default port".
        let authority = url.host_and_port();
        let mut head = RequestHead::new(Method::CONNECT, &authority);
        // RFC 9110 §10.1.5: "A user agent SHOULD send a User-Agent header field in each request unless specifically
        // configured not to do so."
        let fields =
            [("Host", Some(authority.as_bytes())), ("User-Agent", agent), ("Proxy-Authorization", authorization)];
        for (name, value) in fields.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            // A host of a Url, Base64, or values that were a field's before.
            let _ = head.fields.append(name, value);
        }
        let mut bytes = Vec::with_capacity(128);
        head.encode(&mut bytes);
        let state = State::Asking { reader: HeadReader::new(limits), interim: 0 };
        Self { authority, transmit: Some(bytes.into()), state, event: None }
    }

    /// Returns the host and port asked for.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    fn read(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let State::Asking { reader, interim } = &mut self.state {
            let result = match reader.feed(rest) {
                Err(error) => Err(TunnelError::Head(error).into()),
                Ok(None) => return,
                Ok(Some((head, used))) => {
                    rest = rest.get(used..).unwrap_or_default();
                    // RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior to a final
                    // response". A 101, which nobody asked for, is final.
                    if head.is_informational() && head.status != 101 {
                        *interim += 1;
                        if *interim <= MAX_INTERIM {
                            continue;
                        }
                        Err(TunnelError::TooManyInterim { limit: MAX_INTERIM }.into())
                    } else {
                        judge(head.status)
                    }
                }
            };
            self.finish(result);
        }
        // Between the head and the first word to the server nobody but the proxy can have sent anything.
        if matches!(self.state, State::Open) && !rest.is_empty() {
            self.finish(Err(TunnelError::Unasked.into()));
        }
    }

    fn finish(&mut self, result: Result<(), ConnectError>) {
        self.state = if result.is_ok() { State::Open } else { State::Failed };
        self.transmit = None;
        self.event = Some(result);
    }
}

/// RFC 9110 §9.3.6: "Any 2xx (Successful) response indicates that the sender (and all inbound proxies) will switch to tunnel
/// mode immediately after the response header section"; "A client MUST ignore any Content-Length or Transfer-Encoding header
/// fields received in a successful response to CONNECT."
const fn judge(status: u16) -> Result<(), ConnectError> {
    match status {
        200..=299 => Ok(()),
        _ => Err(ConnectError::ProxyRefused { status }),
    }
}

impl Protocol for Tunnel {
    type Event = Result<(), ConnectError>;

    fn handle_input(&mut self, _now: Instant, bytes: &[u8]) {
        self.read(bytes);
    }

    fn handle_eof(&mut self, _now: Instant) {
        if let State::Asking { .. } = self.state {
            self.finish(Err(TunnelError::NoResponse.into()));
        }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_event(&mut self) -> Option<Result<(), ConnectError>> {
        self.event.take()
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmit.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn closing(&self) -> Closing {
        if let State::Failed = self.state { Closing::Abort } else { Closing::No }
    }
}

/// Without the credentials.
impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authority, state, event, transmit: _ } = self;
        let mut shown = f.debug_struct("Tunnel");
        shown.field("authority", authority).field("state", state).field("event", event).finish_non_exhaustive()
    }
}

impl From<TunnelError> for ConnectError {
    fn from(error: TunnelError) -> Self {
        Self::Tunnel(error)
    }
}

impl fmt::Display for TunnelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoResponse => f.write_str("it ended the connection before it answered"),
            Self::Head(error) => error.fmt(f),
            Self::TooManyInterim { limit } => write!(f, "more than {limit} interim responses (1xx) and no final one"),
            Self::Unasked => f.write_str("bytes follow its answer though the server was not spoken to"),
        }
    }
}

impl Error for TunnelError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Head(error) => Some(error),
            Self::NoResponse | Self::TooManyInterim { .. } | Self::Unasked => None,
        }
    }
}

#[derive(Clone, Debug)]
enum State {
    Asking {
        reader: HeadReader<ResponseHead>,
        /// How many 1xx responses came.
        interim: u32,
    },
    Open,
    Failed,
}
