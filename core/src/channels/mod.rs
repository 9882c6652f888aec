//! Channels with any number of publishers and readers: what a server of event streams decides, without a socket.
//!
//! [`Channels`] stands on a [`Log`](crate::log::Log), which appends and lends, and decides the rest: who may come, what a reader is given
//! first, when it is held back, told or ended, and when it may come back. [`Endpoint`] answers a request for a stream, whatever carries it.
//!
//! ```
//! use tidewire_core::channels::{Channels, Config, Read, Subscribe};
//! use tidewire_core::{Instant, SplitMix64};
//!
//! let now = Instant::START;
//! let mut channels = Channels::new(Config::default(), Box::new(SplitMix64::new(1)), now); // a server takes true randomness
//! let guest = channels.admit(Some("192.0.2.1".parse()?))?; // a connection
//! let asked = Subscribe { guest, channels: &["news", "sport"], last_event_id: None };
//! let reader = channels.subscribe(now, asked)?.reader;
//!
//! let id = channels.publish(now, ["news", "sport"], "The tide is high")?; // accepted from here on
//! assert_eq!(channels.poll_wake(), Some(reader));
//! let Some(Read::Burst { burst, more: false }) = channels.read(now, reader, 64 << 10) else { unreachable!() };
//! assert_eq!(burst.bytes(), format!("id: {id}\ndata: The tide is high\n\n"));
//!
//! channels.close(reader);
//! channels.leave(guest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A channel
//!
//! A channel is a name under which messages are published. It is [registered](Channels::register) with a [`ChannelConfig`], or there on
//! demand ([`Config::on_demand`]). A message may go to several channels in one call; who reads several of them is given it once. One
//! stream follows several channels, and one id resumes over all of them, but for two kinds that are followed alone: those whose ids belong
//! to the application, because one id cannot say where two orders stand, and those that are debounced.
//!
//! [Unregistered](Channels::unregister), it is gone with what it kept. Its readers are given what was published before; then they
//! end, or stay open and silent for good. A channel registered anew under the name is another one: they are not its readers, and who comes
//! back with an old id is told a gap.
//!
//! Acknowledgement comes in two strengths: the id that [`publish`](Channels::publish) returns says that the log has it;
//! [`watch`](Channels::watch) and [`poll_written`](Channels::poll_written) say that every reader's socket has it.
//!
//! # What a reader is given
//!
//! 1. What follows the id that it brings, *exclusively*. (LaunchDarkly's page has the event itself come again.) Without an id nothing, or
//!    with [`Replay::All`] all that is kept.
//! 2. What is published from then on. There is no seam between the two.
//! 3. [`End`](crate::server::End), once, as the last: after [`shutdown`](Channels::shutdown) and `EndReaders` when it has read what was published before;
//!    after the longest time ([`Config::max_time`]) or too great a lag at once, also in the middle of a replay and when its socket takes nothing
//!    ([`poll_end`](Channels::poll_end)). It brings the reader's own `retry:`, drawn so that all who are sent away come back at no more than
//!    [`Config::return_rate`] a second.
//!
//! What it cannot be given is told in band, before what follows: the event `gap` with the data
//! `{"reason":…,"after":…,"next":…}`, in one form whatever the reason. With ids of the server's its id is where to go on from; with ids of the
//! application's it has none, and the reader comes back with the one it has.
//!
//! | reason | when |
//! |---|---|
//! | `evicted` | what follows the id is no longer kept, or was never known to the repository |
//! | `epoch`, `ahead`, `malformed` | the id is of another life of the server, from its future, or none |
//! | `limit` | more follows than is replayed ([`max_replay`](crate::log::TopicConfig::max_replay)) |
//! | `lag` | the reader was too slow ([`LagPolicy`](crate::log::LagPolicy)) |
//! | `unavailable` | the repository failed, or did not answer within [`Config::load_timeout`] |
//!
//! A debounced reader ([`ChannelConfig::debounce`]) is given only the last of what comes close together: what comes after a pause is held back
//! for a time drawn between half of the debounce and all of it, and replaced by what comes meanwhile. That is no gap, and it is never too
//! far behind.
//!
//! # Over WebSocket
//!
//! A path gives the same over WebSocket to who asks for one ([`Endpoint::web_socket`]): each block of the stream is a text message, a JSON object
//! of its fields ([`Messages`](crate::log::Messages)), so that a page goes from one transport to the other without reading anything anew:
//!
//! ```text
//! {"id":"1-1","retry":1000}                                     where it starts, and when to come back
//! {"id":"1-2","event":"trade","data":"{\"price\":42}"}          a publication
//! {"id":"1-7","event":"gap","data":"{\"reason\":\"lag\",…}"}    what it cannot be given
//! {"retry":5210}                                                the end, and a close frame behind it
//! ```
//!
//! It could be the data alone, or data that is JSON as it is. But a reader must have the id to resume and the type to tell a gap from a
//! publication; and whoever publishes need not say whether what it publishes is JSON. So `data` is a string, as `EventSource` gives it.
//!
//! A page cannot set fields, so it says the last id in the query ([`Endpoint::query`]). Heartbeats are pings. The close code says whether to come
//! back: 1000 when there is nothing more to read, 1008 for who was too slow, 1001 when the server goes or the time is over. A burst is made
//! messages of once for all its readers, a frame each, in one piece for one write; and compressed once for those that agreed on it
//! ([`Config::deflate`](crate::channels::Config)), message by message, where a message becomes smaller.
//!
//! # The repository
//!
//! A channel with [`repository`](ChannelConfig::repository) has ids of the application's and a store behind it, which is asked by [`Read::Load`]
//! when a reader brings an id that the log does not have, and answers by [`handle_loaded`](Channels::handle_loaded). Three rules make the
//! hand-over to live exact, whenever the answer comes and whatever is published meanwhile:
//!
//! - Who publishes stores *first* and publishes *after*.
//! - The order of the store is the order of publishing.
//! - An id names one message.
//!
//! Then, if the last message of the replay stands in the log, the reader goes on behind it there; if nothing was published since the store was
//! asked, it goes on at the head; else the store is asked once more. So nothing is lost or doubled when the live buffer overflows
//! meanwhile, either: what it has lost is in the store. A batch is asked for when the last one was taken by the socket. What the store
//! had before it was published is told apart from what is new by its id, up to 16 messages on their way at once; two publishers that
//! overtake each other between the store and the log double nothing.
//!
//! [`Memory`] is a repository in memory.
//!
//! # Limits
//!
//! | limit | default | beyond it |
//! |---|---|---|
//! | [`max_connections`](Config::max_connections), [`max_connections_per_ip`](Config::max_connections_per_ip) (IPv6: a /64) | 100,000; 20,000 | busy; after [`max_refused`](Config::max_refused) more (1,000) dropped |
//! | [`max_readers`](ChannelConfig::max_readers) of a channel, and of the log | 1,000,000 | busy |
//! | channels: [`max_topics`](crate::log::Config::max_topics) | 100,000 | the one published to least recently that nobody reads or registered goes; else busy |
//! | channels of a stream and of a publication: [`max_subscriptions`](crate::log::Config::max_subscriptions) | 100 | 400; an error |
//! | bytes of a name or an own id: [`max_name`](crate::log::Config::max_name) | 1,024 | 400; an error |
//! | what is kept: [`TopicConfig`](crate::log::TopicConfig), [`max_bytes`](crate::log::Config::max_bytes), [`max_age`](crate::log::Config::max_age) | 10,000, 8 MiB; 256 MiB; 24 h | the oldest goes |
//! | a batch of a repository | 256, 64 KiB, 10 s | asked for in parts; a gap |
//!
//! *Busy* is answered before any stream ([`Busy`]): 503 with `Retry-After` to programs, and to browsers, whose `EventSource` stops for good at
//! any status but 200, a stream that says `retry:` and ends; each with a time of its own.
//!
//! Memory: besides the log's, some 200 bytes a reader and 60 a connection; while a reader replays from a repository one batch; and 16 ids for
//! the next 16 publications.
//!
//! For all readers over WebSocket there are 16 bursts more, as messages, and 320 KB if they are compressed; for all in gzip the same.

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
mod heartbeat;
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
pub use endpoint::{Answer, Endpoint, Opened, Opening};
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
