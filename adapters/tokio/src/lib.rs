//! Tidewire on tokio: sockets and timers. What is sent and when is decided by the machines of `tidewire-core`.
//!
//! - [`EventSource`] follows a stream of events, reconnecting and resuming.
//! - [`Connection`] drives one machine over one stream: a `server::Session` over an accepted socket, or any other.
//! - [`Reader`] reads events from anything that can be read.
//! - `serve` runs the program's server of channels (feature `serve`, on by default).
//!
//! All are pulled: nothing moves, and nothing is spawned but by `serve`, unless `next()` is awaited. Its wait can be given up
//! at any point, as in a `select`, and nothing is lost by it. `tidewire-smol` is the same on smol, line for line but for one
//! module.
//!
//! The runtime needs its I/O and time drivers (`enable_all`).
//!
//! ```no_run
//! use tidewire_core::client::{Config, Event};
//! use tidewire_tokio::EventSource;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "http://127.0.0.1:8080/v1/events?channel=news".parse()?;
//! let mut source = EventSource::new(Config::new(url));
//! while let Some(event) = source.next().await {
//!     match event {
//!         Event::Message(message) => println!("{}: {}", message.event_type(), message.data()),
//!         other => eprintln!("{other}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub use tidewire_core as core;

#[cfg(feature = "tls")]
mod accept;
mod alarm;
mod connect;
mod connection;
mod connector;
mod event_source;
mod link;
mod reader;
mod runtime;
#[cfg(feature = "serve")]
mod serve;

pub use connect::connect;
pub use connection::Connection;
pub use connector::Connector;
pub use event_source::EventSource;
pub use reader::Reader;
#[cfg(feature = "tls")]
pub use runtime::TlsStream;
#[cfg(feature = "serve")]
pub use serve::{serve, serve_connection};
#[cfg(all(feature = "serve", feature = "tls"))]
pub use serve::{serve_connection_tls, serve_tls};
#[cfg(feature = "serve")]
pub use tidewire_std::SharedApi;
pub use tidewire_std::{Clock, Handle, OsRandom, ReadError, Status, seed};
#[cfg(feature = "tls")]
pub use tidewire_tls as tls;
