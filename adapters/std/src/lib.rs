//! What the runtime adapters of Tidewire share and programs without a runtime use: a [`Clock`], the operating system's
//! randomness, a blocking [`EventSource`] and [`Reader`], and those parts of a driver that do no I/O.
#![forbid(unsafe_code)]

pub use tidewire_core::sse;

#[cfg(feature = "server")]
mod broadcaster;
mod buffer;
mod clock;
mod decoder;
mod dial;
mod environment;
mod event_source;
mod handle;
#[cfg(feature = "server")]
mod host;
mod race;
mod random;
mod reader;
#[cfg(feature = "server")]
mod seat;
#[cfg(feature = "serve")]
mod shared_api;
mod socket;
#[cfg(feature = "server")]
mod source;
pub mod trace;
mod transport;
mod turns;

#[cfg(feature = "server")]
pub use broadcaster::Broadcaster;
pub use buffer::with_buffer;
pub use clock::Clock;
pub use decoder::{Decoder, ReadError};
pub use environment::proxies_from_env;
pub use event_source::EventSource;
pub use handle::{Asked, Control, Handle, Status};
#[cfg(feature = "server")]
pub use host::{DRAIN, Host, Place};
pub use race::connect_any;
pub use random::{OsRandom, seed};
pub use reader::{ReadTimeout, Reader};
#[cfg(feature = "server")]
pub use seat::{Fed, Seat};
#[cfg(feature = "serve")]
pub use shared_api::{ApiSeat, SharedApi};
pub use socket::{accept_pause, connect_error, tune};
#[cfg(feature = "tls")]
pub use tidewire_tls as tls;
pub use turns::Turns;

/// The examples of the front page compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
