//! Tidewire on tokio: sockets and timers. What is sent and when is decided by the machines of `tidewire-core`.
//!
//! The runtime needs its I/O and time drivers (`enable_all`).
#![forbid(unsafe_code)]

pub use tidewire_core as core;

mod alarm;
mod connect;
mod connection;
mod event_source;
mod link;
mod reader;
mod runtime;
#[cfg(feature = "serve")]
mod serve;

pub use connect::connect;
pub use connection::Connection;
pub use event_source::EventSource;
pub use reader::Reader;
#[cfg(feature = "serve")]
pub use serve::{serve, serve_connection};
#[cfg(feature = "serve")]
pub use tidewire_std::Service;
pub use tidewire_std::{Clock, Handle, OsRandom, ReadError, seed};
