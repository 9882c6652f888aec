//! One accepted HTTP/1.1 connection as a machine: requests in, plain replies and one event stream out, or a WebSocket both ways.
//!
//! A [`Session`] is a [`Protocol`](crate::Protocol). It tells each whole [`Request`]; the application answers it with
//! [`reply`](Session::reply) or [`start_stream`](Session::start_stream), and the session does the rest: framing, dates, pipelining,
//! `100 Continue`, `HEAD`, HTTP/1.0, deadlines, keep-alive comments, goodbyes, and the polite refusal of what it cannot read.
//!
//! A stream is fed in one of two ways, or in both. Publications of a [`Log`](crate::log::Log) come a [`Burst`](crate::log::Burst)
//! at a time, when the session [wants](Session::wants_publications) them: the peer's reading paces the reading of the log, and a burst is
//! one piece for one write. What is for this reader alone goes through [`send`](Session::send) and
//! [`send_message`](Session::send_message), into a bounded outbox. A session with an idle stream is less than 400 bytes. Over somebody
//! else's HTTP an [`EventStream`] is the body alone; both are an [`Outlet`].
//!
//! What peers send ahead is answered in order, and never mixed up: the next request is read when the last one was answered and its answer
//! taken, and until then a driver that heeds [`wants_input`](crate::Protocol::wants_input) reads no further than one read.
//!
//! # WebSockets
//!
//! A request that asks for one is checked by [`ws::Upgrade`](crate::ws::Upgrade), and [`upgrade`](Session::upgrade) makes the connection
//! a [`ws::Connection`](crate::ws::Connection), which is then told and steered through the session. Whose pages may ask is decided by the same
//! [`Access`] as for streams, since browsers apply no CORS to WebSockets; where a token is looked for, by [`TokenPlaces`]; and
//! [`WebSocketEndpoint`] does all of it at once.
//!
//! # gzip
//!
//! A stream may have the coding gzip ([`StreamHead::coding`], feature `deflate`), off unless the application
//! [negotiates](StreamHead::negotiate) it. A burst is compressed once for all its readers (a `log::Packer`), each alone, so that it can
//! stand in any reader's stream: a delivery costs some 30 ns more than a plain one and a reader 24 bytes, where a window for each costs
//! 18 to 180 µs and 352 kB. The price is the ratio, because nothing refers to what came before. Of the plain bytes there are left
//! (`cargo run --release --bin gzip` in `tests/benches`):
//!
//! | what is written at once | shared | a window each |
//! |---|---|---|
//! | an event of 84 bytes | 106 % | 36 % |
//! | an envelope of 100 bytes of text, 291 in all | 69 % | 21 % |
//! | one of 1 KiB of text | 36 % | 17 % |
//! | 16 of 100 bytes | 17 % | 11 % |
//! | a burst of 64 KiB | 16 % | 14 % |
//!
//! So it pays for messages of some 200 bytes or more, for bursts and for replay. Everything else, heartbeats, gaps and the last word, is stored
//! inside the coding as it is, 5 bytes longer. Each burst ends with a byte, and so is with the reader when it has come; a stream that ends
//! ends whole, with its checksum.
//!
//! An application without a log sends what it likes:
//!
//! ```
//! use tidewire_core::server::{Config, Event, Session, StreamHead};
//! use tidewire_core::{Instant, Protocol, UnixTime, sse};
//!
//! let now = Instant::START;
//! let mut session = Session::new(Config::default(), now, UnixTime::default(), 1);
//! session.handle_input(now, b"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
//! let Some(Event::Request(request)) = session.poll_event() else { unreachable!() };
//! assert_eq!(&*request.head.target, "/sse");
//!
//! session.start_stream(now, StreamHead::default())?;
//! session.send_message(now, &sse::Message::new("hello"))?;
//! let written = session.poll_transmit().unwrap_or_default();
//! assert!(written.starts_with(b"HTTP/1.1 200 OK\r\n") && written.ends_with(b"\r\n\r\nd\r\ndata: hello\n\n\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! How a server is run, behind which proxies, on which systems and with how much memory, is told by [`operating`]; what this one has
//! beside others, by [`comparison`].

#[cfg(doc)]
#[doc = include_str!("comparison.md")]
pub mod comparison {}
#[cfg(doc)]
#[doc = include_str!("operating.md")]
pub mod operating {}

mod access;
mod config;
mod end;
mod event;
mod event_stream;
mod framed;
mod heartbeat;
mod linger;
mod origin;
mod outlet;
mod output;
mod pace;
mod refusal;
mod replies;
mod requests;
mod session;
mod stream_head;
mod token;
mod upgrade;
mod web_socket_endpoint;
mod web_socket_outlet;

pub use access::{Access, AccessError};
pub use config::Config;
pub use end::End;
pub use event::{AnswerError, CloseReason, Event, Refusal, Reply, Request, SendError};
pub use event_stream::EventStream;
pub use framed::Framing;
pub use heartbeat::{Heartbeat, KeepAlive, When};
pub use outlet::Outlet;
pub use pace::Pace;
pub use session::Session;
pub use stream_head::StreamHead;
pub use token::{Token, TokenError, TokenPlace, TokenPlaces, TokenProtocol};
pub use web_socket_endpoint::{Entry, WebSocketEndpoint};
