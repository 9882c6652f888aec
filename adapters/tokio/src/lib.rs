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

pub use connect::connect;
pub use connection::Connection;
pub use event_source::EventSource;
pub use reader::Reader;
pub use tidewire_std::{Clock, Handle, ReadError};
