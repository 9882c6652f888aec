//! What the runtime adapters of Tidewire share and programs without a runtime use: a [`Clock`], the operating system's
//! randomness, a blocking [`EventSource`], [`WebSocket`] and [`Reader`], and those parts of a driver that do no I/O.
#![forbid(unsafe_code)]

pub use tidewire_core::sse;

#[cfg(feature = "server")]
mod blocking;
#[cfg(feature = "server")]
mod broadcaster;
mod buffer;
mod clock;
mod decoder;
#[cfg(feature = "server")]
mod delivery;
mod dial;
mod ear;
mod environment;
#[cfg(feature = "server")]
mod event_seat;
#[cfg(feature = "server")]
mod event_server;
mod event_source;
mod handle;
#[cfg(feature = "server")]
mod host;
#[cfg(feature = "server")]
mod memory;
#[cfg(feature = "server")]
mod publisher;
mod race;
mod random;
mod reader;
mod reconnecting;
#[cfg(feature = "server")]
mod repository;
#[cfg(feature = "server")]
mod route;
#[cfg(feature = "server")]
mod seat;
#[cfg(feature = "serve")]
mod shared_api;
mod socket;
mod talk;
pub mod trace;
mod transport;
mod turns;
mod waiters;
mod web_socket;
#[cfg(feature = "server")]
mod ws_seat;
#[cfg(feature = "server")]
mod ws_socket;
#[cfg(feature = "server")]
mod ws_state;

#[cfg(feature = "server")]
pub use blocking::Blocking;
#[cfg(feature = "server")]
pub use broadcaster::Broadcaster;
pub use buffer::with_buffer;
pub use clock::Clock;
pub use decoder::{Decoder, ReadError};
#[cfg(feature = "server")]
pub use delivery::{DeliverError, Delivery};
pub use environment::proxies_from_env;
#[cfg(feature = "server")]
pub use event_seat::EventSeat;
#[cfg(feature = "server")]
pub use event_server::{Begin, BeginSocket, EventServer, EventServerConfig, Response};
pub use event_source::EventSource;
pub use handle::{Asked, Control, Handle, Status};
#[cfg(feature = "server")]
pub use host::{DRAIN, Host, Place};
#[cfg(feature = "server")]
pub use memory::Memory;
#[cfg(feature = "server")]
pub use publisher::Publisher;
pub use race::connect_any;
pub use random::{OsRandom, PooledRandom, seed};
pub use reader::{ReadTimeout, Reader};
#[cfg(feature = "server")]
pub use repository::{Loading, Repository, RepositoryError};
#[cfg(feature = "server")]
pub use route::{Route, RouteEnd, RouteError, RouteFed, RouteSeat};
#[cfg(feature = "server")]
pub use seat::{Fed, Seat};
#[cfg(feature = "serve")]
pub use shared_api::{ApiSeat, SharedApi};
#[cfg(feature = "server")]
pub use socket::reset_on_drop;
pub use socket::{accept_pause, connect_error, lengthen_queue, tune};
pub use talk::{Sender, Talk};
#[cfg(feature = "tls")]
pub use tidewire_tls as tls;
pub use turns::Turns;
pub use web_socket::WebSocket;
#[cfg(feature = "server")]
pub use ws_seat::SocketSeat;
#[cfg(feature = "server")]
pub use ws_socket::{Socket, SocketError};

/// The examples of the front page compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
