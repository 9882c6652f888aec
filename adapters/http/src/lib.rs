//! Tidewire over other people's HTTP stacks: the machines of `tidewire-core` decide, the stack carries.
//!
//! As a server (feature `server`):
//!
//! - `Events` answers an `http::Request` with a stream of channels, or with one that the application writes: resuming, heartbeats,
//!   compression, limits, CORS and paced goodbyes are those of Tidewire's own servers.
//! - `EventBody` is the body of such an answer: an [`http_body::Body`] of any hyper, axum, tower or other stack. It gives a piece
//!   when the stack asks for one; what it is not asked for waits in the log and costs this reader a cursor.
//! - `web_socket` accepts a WebSocket in a handler of axum or hyper (feature `web-socket`), as a `Socket` to receive from and send to.
//!
//! As a client:
//!
//! - [`EventSource`] follows a stream of events, reconnecting and resuming, over any [`Transport`]: a `reqwest::Client` (feature
//!   `reqwest`), hyper-util's `Client` (feature `hyper`), or a closure from `http::Request` to `http::Response`.
//! - [`EventReader`] reads the events of a body that is open already: any [`http_body::Body`], any stream of bytes;
//!   [`events`] makes one of a response.
//! - [`ByteStream`] turns a stream of bytes into a body.
//!
//! [`Timer`] is the time of both, with [`TokioTimer`] (feature `tokio`) and [`SmolTimer`] (feature `smol`). HTTP/2, TLS, proxies,
//! cookies and pools are the stack's. What a stream is, when to come back, after which event, which redirects to follow, how long to
//! wait for what: that is the same as with the other drivers, and so are [`Config`](tidewire_core::client::Config),
//! [`Event`](tidewire_core::client::Event) and [`Handle`].
//!
//! Nothing moves unless `next()` is awaited or a body is asked, nothing is spawned, and giving up a wait loses nothing. One frame of
//! a response's body is decoded, event by event, before another is asked for. Dropping cancels. Both readers are
//! [`futures_core::Stream`]s too.
#![cfg_attr(
    feature = "reqwest",
    doc = r#"
```no_run
use tidewire_core::client::{Config, Event};
use tidewire_http::EventSource;

# #[tokio::main]
# async fn main() -> Result<(), Box<dyn std::error::Error>> {
// The event source follows redirects itself.
let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
let mut source = EventSource::new(client, Config::new("http://127.0.0.1:8080/v1/events?channel=news".parse()?));
while let Some(event) = source.next().await {
    match event {
        Event::Message(message) => println!("{}: {}", message.event_type(), message.data()),
        other => eprintln!("{other}"),
    }
}
# Ok(())
# }
```
"#
)]
#![forbid(unsafe_code)]

pub use tidewire_core as core;

mod byte_stream;
mod error;
mod event_source;
mod exchange;
#[cfg(feature = "hyper")]
mod over_hyper;
#[cfg(feature = "reqwest")]
mod over_reqwest;
mod reader;
#[cfg(feature = "server")]
mod server;
mod timer;
mod transport;

pub use byte_stream::ByteStream;
#[cfg(feature = "reqwest")]
pub use error::RequestError;
pub use error::{NotEvents, ReadError};
pub use event_source::EventSource;
#[cfg(feature = "reqwest")]
pub use over_reqwest::config_of;
pub use reader::{EventReader, events};
#[cfg(feature = "web-socket")]
pub use server::web_socket;
#[cfg(feature = "server")]
pub use server::{AsHead, BodyError, EventBody, Events};
#[cfg(feature = "server")]
pub use tidewire_std::{
    EventServer, EventServerConfig, Publisher, Repository, Route, RouteEnd, RouteError, Socket, SocketError,
};
pub use tidewire_std::{Handle, Status, seed};
#[cfg(feature = "smol")]
pub use timer::SmolTimer;
pub use timer::Timer;
#[cfg(feature = "tokio")]
pub use timer::TokioTimer;
pub use transport::{BoxError, Transport};

/// The examples of the front page compile.
#[cfg(all(doctest, feature = "reqwest"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
