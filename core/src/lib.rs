//! Realtime event streams with no I/O inside.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "json")]
pub mod api;
pub mod backoff;
pub mod client;
pub mod http;
pub mod log;
pub mod server;
pub mod sse;

mod outbox;
mod protocol;
mod random;
mod time;

pub use outbox::{Outbox, OutboxFull};
pub use protocol::{Closing, Protocol};
pub use random::{Random, SplitMix64};
pub use time::{Instant, UnixTime};
