//! Channels with any number of publishers and readers: what a server of event streams decides, without a socket.

mod busy;
#[expect(clippy::module_inception, reason = "the module is named for its one type")]
mod channels;
mod config;
mod debounce;
mod due;
mod end;
mod endpoint;
mod error;
mod gap;
mod guests;
mod limit;
mod load;
mod memory;
mod place;
mod publish;
mod read;
mod registry;
mod stats;
mod subscribe;
mod timeout;

use core::time::Duration;

pub use busy::Busy;
pub use channels::Channels;
pub use config::{ChannelConfig, Config, Replay, Unregister};
pub use endpoint::{Answer, Endpoint, Opening};
pub use error::{PublishError, SubscribeError};
pub use gap::encode_gap;
pub use guests::Guest;
pub use limit::Limit;
pub use load::{Batch, Load};
pub use memory::{Memory, MemoryConfig};
pub use read::Read;
pub use stats::{ReaderStats, Stats, Totals};
pub use subscribe::{Subscribe, Subscribed};

/// Returns the part of `whole` that `random` is of 2^64.
fn part(whole: Duration, random: u64) -> Duration {
    // Less than 2^94, times less than 2^32.
    let nanos = (whole.as_nanos() * u128::from(random >> 32)) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
