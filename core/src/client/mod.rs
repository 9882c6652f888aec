//! The reconnecting client of an event stream (HTML §9.2), and that of a WebSocket (RFC 6455), as machines without I/O.
//!
//! ```text
//!                  ┌───────────────── redirect, at once ────────────────┐
//!                  ▼                                                    │
//!  new ─────────► due ──poll_connect──► connecting ──► waiting for the head ──200──► open
//!                  ▲                        │                │    │                   │
//!                  │                      failed           lost  other status         │ lost
//!             its time came                 ▼                ▼    ▼                   ▼
//!                  └──────────────────── waiting ◄──────────────(reading what it says)
//!                                                                 ▼
//!                       from everywhere, close or a final fault: closed
//! ```
//!
//! - [`Source`] decides: where to connect and with what request, whether the response is a stream, what its bytes say, when
//!   to try again. It speaks no HTTP/1.1, so it can sit on somebody else's HTTP.
//! - [`Wire`] is the HTTP/1.1 of one attempt: it writes the request and reads the response.
//! - [`EventSource`] is both in one: what a driver with sockets runs.
//! - [`WebSocket`] is both in one, too, with a [`ws::Connection`](crate::ws::Connection) behind the head of the response. A driver runs
//!   either by [`Reconnect`].
//!
//! Beside them stands [`exchange`], for requests that are no streams, such as publishing. What other clients do and do not do
//! is told by [`comparison`].
//!
//! # Driving an [`EventSource`] or a [`WebSocket`]
//!
//! ```text
//! loop {
//!     take poll_event until there is none; after Event::Closed stop
//!     if closing() is Abort: drop the socket, if there is one
//!     if poll_connect(now) gives a Connect: start connecting there, and tell the wall time by handle_clock
//!     write poll_transmit
//!     wait for: connected or not   → handle_progress, handle_connected, handle_connect_failed
//!               bytes              → handle_input         the end  → handle_eof
//!               an error           → handle_reset         poll_timeout → handle_timeout
//! }
//! ```
//!
//! A socket that is to be finished ([`Closing::Finish`](crate::Closing::Finish), of a [`WebSocket`] only) is written empty and then
//! ended on this side, and read on.
//!
//! A driver looks whether there are bytes to read before it says that a deadline passed: an application that took its time
//! with an event is no reason to call the server silent.
//!
//! # What happens when
//!
//! - Every reconnection begins at the configured URL with the configured request, also after a permanent redirect: one
//!   wrong redirect must not lead a client away for good, and `Authorization` goes along again where it belongs.
//! - The request is built anew for each attempt, and changed by [`Config::before_request`] if there is one; what follows
//!   (origin, redirects, [`Event::Opened`]) goes by the request that was sent.
//! - A redirect is followed at once, without a delay. `Authorization`, `Proxy-Authorization`, `Cookie`, a `Host` of the
//!   caller's and the usual fields for keys of APIs (`X-Api-Key`, `Api-Key`, `X-Goog-Api-Key`, `X-Auth-Token`) are dropped when it
//!   leads to another origin; other fields and, where the method stays, the body go along. One that cannot be followed ends
//!   it all.
//! - Each step of connecting has its own deadline ([`Connect`]), so that the reason says which one it was.
//! - A request for http goes to the proxy, if there is one ([`Proxies`]), one for https through it ([`Tunnel`]); each hop of a
//!   redirect is asked about anew. A proxy that is down is tried again like a server that is down; one that refuses with a
//!   status that does not pass, such as 407, ends it all. `Proxy-Authorization` goes to the proxy only, and credentials are
//!   shown nowhere.
//! - The last event ID goes along iff it is not empty, as the bytes it is made of. One with control characters, which no
//!   field can carry, stays at home.
//! - The event that was being received when a connection is lost is discarded, and its id is not used.
//! - A stream that reaches a [limit](crate::sse::Limits) is lost like any other, but never counts as healthy: the next
//!   connection may meet the same event.
//! - So is one that cannot be decoded (feature `deflate`) and one that tells of an error ([`Mark::Error`]); one that is cut
//!   off before its marked end counts as healthy only if it can be resumed.
//! - A message that is the marked end drops the connection: what follows it is not read.
//!
//! # What follows a failure
//!
//! How an attempt failed or a connection ended is a [`Reason`]. It goes this way:
//!
//! ```text
//!  is it final in itself? ───► is reconnecting off? ───► must the request not be sent again?
//!  retry_status                reconnect                 resend
//!        └─────────────────────────┴───────────┬────────────┘
//!                                              ▼
//!                                    is a limit reached?      max_failures, first_connection
//!                                              ▼
//!                                    on_failure is told all this and decides
//!                                              ▼
//!                        Event::Closed, or Event::Disconnected and the wait
//! ```
//!
//! - The delay is that of the [backoff](crate::backoff); for a status not less than its `Retry-After`, as far as
//!   [`Config::max_retry_after`] believes it; or what the hook says.
//! - A hook ([`Config::on_failure`]) that says "again" is obeyed also where the configuration would end it: after a 401, a
//!   wrong content type, a redirect to nowhere, a 204, and for a POST that may have been acted upon. The limits hold
//!   whatever it says.
//! - [`Config::total_timeout`] and [`FirstConnection::Within`] count from the first request on, end it at their time, in the
//!   middle of whatever goes on, and ask no hook.
//! - What takes time, such as fetching another token, is done between [`Event::Disconnected`] and the next call of the
//!   driver: nothing moves meanwhile, and [`EventSource::config_mut`] takes the new token. What is at hand, such as a token
//!   that something else keeps fresh, is put in by [`Config::before_request`].
//!
//! # WebSockets
//!
//! All of this holds for a [`WebSocket`], with a response 101 that passes [`ws::Offer::check`](crate::ws::Offer::check) in place of the 200.
//! These things are its own:
//!
//! - Redirects are followed where [`Config::max_redirects`] allows it, which [`WebSocketConfig::new`] does not; from `wss` to `ws` never.
//! - Proxies are asked for a [`Tunnel`], whatever the scheme (RFC 6455 §4.1).
//! - Silence is looked after by pings ([`ws::Config`](crate::ws::Config)), and counts as a lost connection.
//! - What an end means, unless [`WebSocketConfig::come_back`] or the hook says otherwise:
//!
//! | the connection ended | then | and was healthy if it |
//! |---|---|---|
//! | lost, or no pong (1006) | another attempt | delivered a message, or was open for 60 s |
//! | 1001, 1005 (no code), 1011, 1014 | another attempt | as above |
//! | 1012 restart, 1013 try again later | another attempt | never: the delays grow |
//! | the server broke the protocol or a limit | another attempt | never |
//! | 1000 | over, and complete | |
//! | 1002, 1003, 1007 to 1010, 3000 to 4999 | over: [`CloseReason::WebSocket`] | |
//! | status 101, but a wrong handshake | over: [`CloseReason::Handshake`] | |
//!
//! - [`WebSocketConfig::on_open`] says what to send first on each connection. Messages are never kept for a later connection; how many were
//!   taken and had not left is told with the end.
//!
//! # Presets
//!
//! | | [`Config::new`], as browsers | [`Config::launchdarkly`] | [`Config::llm`] |
//! |---|---|---|---|
//! | method | GET | GET | POST of JSON |
//! | statuses tried again | none | all but 204 | 408, 409, 429, 5xx |
//! | `Retry-After` | up to 1 h | up to 1 h (theirs: not looked at) | up to 1 h |
//! | a 200 of another content type | final | taken for the stream | final |
//! | a redirect that cannot be followed | final | tried again | final |
//! | redirects in a row | 20 | 10 | 20 |
//! | a POST whose connection was lost | not sent again | sent again | not sent again |
//! | a POST answered with a status tried again | not sent again | sent again | sent again |
//! | the first connection | tried for ever | tried for ever (theirs: once, or for a time) | as any |
//! | failures in a row | any number | any number | 3 |
//! | delays | 1 s, doubled up to 30 s, less up to half by chance | 3 s; doubling, maximum and chance where switched on | 0.5 s, doubled up to 8 s, less up to half by chance |
//! | they start over after | an event, or 60 s open | 60 s open (theirs: 60 s after the last event) | an event, or 60 s open |
//! | the server's `retry` | base and floor, up to 1 h | base, starts over | base and floor, up to 1 h |
//! | the head of the response within | 60 s (browsers: for ever) | 60 s (theirs: for ever) | 10 min |
//! | silence | 5 min (browsers: for ever) | for ever | 5 min |

#[cfg(doc)]
#[doc = include_str!("comparison.md")]
pub mod comparison {}
pub mod exchange;
#[cfg(feature = "json")]
pub mod mcp;
#[cfg(feature = "json")]
pub mod publish;

mod coded;
mod config;
mod connect;
mod content;
mod dialer;
mod event;
mod event_source;
mod hook;
mod marks;
mod next;
mod no_proxy;
mod policy;
mod preset;
mod proxy;
mod reason;
mod reconnect;
mod redirect;
mod request;
mod retry_after;
mod retry_status;
mod source;
mod tunnel;
mod web_socket;
mod wire;

pub use config::Config;
pub use connect::{Connect, Peer, Progress};
pub use content::{Answer, ContentType};
pub use event::{Event, Restart, State};
pub use event_source::EventSource;
pub use hook::{Decision, Failure, FailureHook, RequestHook};
pub use marks::{Mark, Marks};
#[cfg(feature = "json")]
pub use next::NextError;
pub use no_proxy::NoProxy;
pub use policy::{FirstConnection, Resend};
pub use proxy::{EnvProxyError, Proxies, Proxy, ProxyError};
pub use reason::{CloseReason, ConnectError, Reason, Refusal};
pub use reconnect::{Change, Reconnect};
pub use redirect::RedirectError;
pub use request::Request;
pub use retry_status::RetryStatus;
pub use source::Source;
pub use tunnel::{Tunnel, TunnelError};
#[cfg(feature = "json")]
pub use web_socket::SendJsonError;
pub use web_socket::{CloseCodes, OpenHook, Opened, SendError, WebSocket, WebSocketConfig, WebSocketEvent};
pub use wire::{MAX_INTERIM, Piece, Wire, WireEvent};
