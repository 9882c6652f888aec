//! Channels with any number of publishers and readers: what a server of event streams decides, without a socket.

mod busy;
#[expect(clippy::module_inception, reason = "the module is named for its one type")]
mod channels;
mod config;
mod endpoint;
mod error;
mod gap;
mod guests;
mod limit;
mod memory;
mod places;
mod read;
mod stats;
mod subscribe;

pub use busy::Busy;
pub use channels::Channels;
pub use config::{ChannelConfig, Config, Replay, Unregister};
pub use endpoint::{Answer, Endpoint};
pub use error::{PublishError, SubscribeError};
pub use gap::encode_gap;
pub use guests::Guest;
pub use limit::Limit;
pub use memory::{Memory, MemoryConfig};
pub use read::{Batch, End, Load, Read};
pub use stats::{ReaderStats, Stats};
pub use subscribe::{Subscribe, Subscribed};
