//! Realtime streams with no I/O inside: Server-Sent Events and WebSocket, clients and servers.
//!
//! Everything that can be right or wrong about a stream, from the first byte of an HTTP request to the replay after a reconnect, is
//! decided here by deterministic state machines. They touch no socket, clock, thread or random source: bytes and time are handed to
//! them; bytes, events and deadlines are taken from them. So they run in any runtime and without std, whole conversations are tested
//! in microseconds of fake time, and an incident can be replayed from its recorded inputs.
//!
//! # The map
//!
//! | module | what is in it |
//! |---|---|
//! | [`sse`] | event streams: a parser that lends what it finds, an encoder that cannot be made to inject |
//! | [`http`] | HTTP/1.1 heads, bodies, strict framing, targets and URLs |
//! | [`ws`] | WebSocket: frames, messages, the opening handshake, connections, compression |
//! | [`backoff`] | how long to wait before connecting again |
//! | [`client`] | [`client::EventSource`] and [`client::WebSocket`], the reconnecting clients; requests with one bounded answer |
//! | [`server`] | [`server::Session`], one accepted connection: plain replies, event streams and WebSockets |
//! | [`log`] | topics, positions and cursors: publish once, read by many, resume exactly |
//! | [`channels`] | channels with publishers and readers: replay, limits, pacing, and the answer to a request for a stream |
//! | `api` | the routes of the program (feature `json`) |
//!
//! Codecs (`sse`, `http`, the frames of `ws`) know nothing of machines; imports run downward only. The adapters `tidewire-tokio` and `tidewire-smol` drive
//! the machines with sockets; to write another one takes the contract, [`Protocol`], and a loop.
//!
//! # The loop
//!
//! A driver takes what a machine has to say, carries its bytes, and tells it the time. Here two machines are each other's network:
//!
//! ```
//! use tidewire_core::client::{self, EventSource};
//! use tidewire_core::server::{self, Session, StreamHead};
//! use tidewire_core::{Instant, Protocol, UnixTime, sse};
//!
//! let now = Instant::START;
//! let mut client = EventSource::new(client::Config::new("http://localhost/sse".parse()?), 1, now);
//! let mut session = Session::new(server::Config::default(), now, UnixTime::default(), 2);
//!
//! let connect = client.poll_connect(now).ok_or("nothing to connect to")?;
//! client.handle_connected(now, connect.attempt); // a driver connects a socket first
//!
//! let mut received = Vec::new();
//! loop {
//!     // Events first: what they lead to may be more bytes.
//!     if let Some(event) = client.poll_event() {
//!         received.push(event);
//!     } else if let Some(server::Event::Request(_)) = session.poll_event() {
//!         session.start_stream(now, StreamHead::default())?;
//!         session.send_message(now, &sse::Message::new("hello"))?;
//!     } else if let Some(bytes) = client.poll_transmit() {
//!         session.handle_input(now, &bytes);
//!     } else if let Some(bytes) = session.poll_transmit() {
//!         client.handle_input(now, &bytes);
//!     } else {
//!         break; // a driver waits here: for the socket, or until `poll_timeout`, and then calls `handle_timeout`
//!     }
//! }
//! let [client::Event::Opened { .. }, client::Event::Message(message)] = &received[..] else { panic!("{received:?}") };
//! assert_eq!(message.data(), "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "json")]
pub mod api;
pub mod backoff;
pub mod channels;
pub mod client;
pub mod http;
pub mod log;
pub mod server;
pub mod sse;
pub mod ws;

mod outbox;
mod protocol;
mod quote;
mod random;
mod time;

pub use outbox::{Outbox, OutboxFull};
pub use protocol::{Closing, Protocol};
pub use random::{Random, SplitMix64};
pub use time::{Instant, UnixTime};
