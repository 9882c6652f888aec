//! Tidewire on smol: sockets and timers. What is sent and when is decided by the machines of `tidewire-core`.
//!
//! - [`EventSource`] follows a stream of events, reconnecting and resuming. Its [`Handle`] closes, restarts and watches it from
//!   anywhere.
//! - [`WebSocket`] is a WebSocket that reconnects. Its [`Sender`] sends from anywhere while it waits.
//! - [`Connector`] makes their connections: whom TLS trusts, or a transport of one's own.
//! - [`Connection`] drives one machine over one stream: a `server::Session` over an accepted socket, or any other.
//! - [`Reader`] reads events from anything that can be read.
//! - [`EventServer`] is a server of one's own: streams of channels, streams of one reader ([`Route`]), WebSockets ([`Socket`]) and plain
//!   replies, at any paths. A [`Publisher`] publishes to its channels from any thread; a [`Repository`] answers what is no longer in memory.
//! - [`serve`] and [`serve_tls`] run one on a listener, or the program's server of channels (features `server` and `serve`, on by
//!   default).
//!
//! All are pulled: nothing moves, and nothing is spawned but by `serve`, unless `next()` is awaited. Its wait can be given up
//! at any point, as in a `select`, and nothing is lost by it. `tidewire-tokio` is the same on tokio, line for line but for one
//! module.
//!
//! ```no_run
//! use tidewire_core::client::{Config, Event};
//! use tidewire_smol::EventSource;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # smol::block_on(async {
//! let url = "http://127.0.0.1:8080/v1/events?channel=news".parse()?;
//! let mut source = EventSource::new(Config::new(url));
//! while let Some(event) = source.next().await {
//!     match event {
//!         Event::Message(message) => println!("{}: {}", message.event_type(), message.data()),
//!         other => eprintln!("{other}"),
//!     }
//! }
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # Connections
//!
//! An https URL is connected to with TLS 1.3 or 1.2 (feature `tls`, on by default), trusting the certificate authorities of
//! the web; a certificate that is refused is told as [`ConnectError::Tls`](core::client::ConnectError::Tls), in words. A
//! stream that is cut without a goodbye of TLS (close_notify) is lost, also where its length is open; leaving says goodbye.
//!
//! `Config` names proxies ([`proxies_from_env`]), a Unix socket, and a deadline for each step. A CA of one's own, and any other
//! stream of bytes, come with a [`Connector`]:
//!
//! ```no_run
//! use tidewire_core::client::Config;
//! use tidewire_smol::{Connector, EventSource, tls};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # smol::block_on(async {
//! let trusted = tls::Client::only_roots_pem(&std::fs::read("ca.pem")?)?;
//! let config = Config::new("https://internal.example/events".parse()?);
//! let mut source = EventSource::with_connector(config, Connector::new().with_tls(trusted));
//! source.opened().await?;
//! println!("{:?}", source.handle().status());
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # Serving
//!
//! ```no_run
//! use tidewire_core::channels::Endpoint;
//! use tidewire_smol::{EventServer, serve};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # smol::block_on(async {
//! let server = EventServer::default();
//! server.channels_at("/news", ["news"], Endpoint::default())?;
//! let publisher = server.publisher();
//! std::thread::spawn(move || publisher.publish(["news"], "hello"));
//! let listener = smol::net::TcpListener::bind("127.0.0.1:8080").await?;
//! serve(listener, server, std::future::pending::<()>()).await;
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! [`serve_tls`] does the same over TLS. For a machine of one's own
//! [`Connection::accept_tls`] shakes hands, within the time that the machine gives its first request:
//!
//! ```no_run
//! use tidewire_core::server::{Config, Event, Session, StreamHead};
//! use tidewire_smol::{Clock, Connection, seed, tls};
//!
//! # async fn answer(stream: smol::net::TcpStream, server: tls::Server) -> std::io::Result<()> {
//! let clock = Clock::start();
//! let session = Session::new(Config::default(), clock.now(), clock.unix(), seed());
//! let mut connection = Connection::accept_tls(stream, &server, session, clock).await?;
//! while let Some(event) = connection.next().await? {
//!     if let Event::Request(_) = event {
//!         let now = connection.now();
//!         let session = connection.protocol_mut();
//!         let _ = session.start_stream(now, StreamHead::default());
//!         let _ = session.send(now, b"data: hello\n\n");
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
mod reconnecting;
mod runtime;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "server")]
mod serve_socket;
mod web_socket;

pub use connect::connect;
pub use connection::Connection;
pub use connector::{Connector, Io, Transport};
pub use event_source::EventSource;
pub use reader::Reader;
#[cfg(feature = "tls")]
pub use runtime::TlsStream;
#[cfg(feature = "server")]
pub use serve::{serve, serve_connection, serve_connection_from};
#[cfg(all(feature = "server", feature = "tls"))]
pub use serve::{serve_connection_tls, serve_tls};
#[cfg(feature = "server")]
pub use serve_socket::serve_socket;
#[cfg(feature = "serve")]
pub use tidewire_std::SharedApi;
#[cfg(feature = "server")]
pub use tidewire_std::{
    Blocking, DeliverError, Delivery, EventServer, EventServerConfig, Host, Loading, Memory, Publisher, Repository,
    RepositoryError, Response, Route, RouteEnd, RouteError, Socket, SocketError,
};
pub use tidewire_std::{Clock, Handle, OsRandom, ReadError, Sender, Status, proxies_from_env, seed};
#[cfg(feature = "tls")]
pub use tidewire_tls as tls;
pub use web_socket::WebSocket;

/// The examples of the front page compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
