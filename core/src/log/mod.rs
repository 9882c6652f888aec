//! Topics, positions and cursors: what is published is appended once and read by many.
//!
//! A [`Log`] has one counter of positions over all its topics, and an [`Epoch`] that is new whenever its history was lost.
//! Together they are the [`EventId`] of a publication, so that *one* id resumes exactly over every topic that a reader
//! reads. Each topic keeps its own ring, bounded by count, bytes and age, and knows how far it has evicted.
//!
//! ```text
//!  position   1    2    3    4    5    6    7    8 = head
//!  topic a    x    x         x              x
//!  topic b              x         x    x         x
//!                            ^ cursor of a reader of a and b: 5, 6, 7, 8 come next
//! ```
//!
//! A reader holds a cursor, not a queue. Live and replay are the same reading from different cursors: there is no seam
//! between them, where a publication could be lost, doubled or come out of order. What a reader can no longer be given,
//! because it was evicted before it was read, is told as a [`Gap`] *before* anything that follows; then reading goes on with the
//! oldest that is kept. Nothing is dropped without a word.
//!
//! After a gap of reason `evicted`, `lag` or `epoch` that is the oldest that the reader cannot have seen; after `ahead` and
//! `malformed`, where that cannot be told, what is published from there on; after `limit` the last `max_replay`.
//!
//! # Waking
//!
//! [`poll_wake`](Log::poll_wake) returns each reader that has something to read once, and again only after it has read
//! everything; a burst of publications costs one wake-up a reader. A new reader is woken once, too. A publication does nothing for each
//! reader: those that sleep stand together among the readers of their topic, and a mark is moved so that they are the ones to wake.
//!
//! # Several topics, and topics by themselves
//!
//! [`publish_to`](Log::publish_to) appends one publication to several topics at one position, and who reads several of them is given it once.
//! [`configure`](Log::configure) gives a topic bounds of its own ([`TopicConfig`]); it is never forgotten then. A topic with
//! [ids of the application's own](TopicConfig::own_ids) is [published to](Log::publish_own) with them, finds them again as long as they are kept,
//! and is read alone; [`seek`](Log::seek), [`next_own_id`](Log::next_own_id) and [`skip_next`](Log::skip_next) hand a reader over that was given
//! the rest out of a store.
//!
//! # Slow readers
//!
//! A reader's [`lag`](Log::lag) is known in publications and bytes at any time, at the same cost however far it is behind. Beyond what the
//! topic's [`LagPolicy`] allows it is told a gap, or given only the latest, or [named](Log::poll_lagging) to be ended, also if it never reads again. What
//! it had to read when it began is its replay, and does not count.
//!
//! # Acknowledgement
//!
//! A publication that was [accepted](Log::publish) is in the log. One that is [watched](Log::watch) is told of again when every reader that was
//! there at that time has [written](Log::note_written) it to its socket, has missed it, or has left. Nobody watching, that costs a
//! comparison for each burst.
//!
//! # Memory
//!
//! Whatever is published and whoever reads, a log takes no more heap than
//!
//! ```text
//!    80 bytes · readers  +  24 bytes · subscriptions of readers of several topics
//!  + (1,024 bytes + 2 · max_name) · topics
//!  + what the publications count: their bytes as a chunk, 192 each, 128 and its length for an own id; at most max_bytes
//!  + 17 · (max_burst + 16 KiB) + 96 KiB: bursts put together, and room for encoding
//!  + (256 bytes + 12 · readers that miss it) · watches
//! ```
//!
//! with readers and topics as many as there were at most. A reader of one topic takes 60 bytes in fact. A slow one takes no more than a fast one.
//! `tests/log_memory.rs` holds that. A delivery allocates nothing; a burst of several publications is put together once for all readers
//! that stand at the same place.
//!
//! ```
//! use tidewire_core::Instant;
//! use tidewire_core::log::{Config, Epoch, Log, Read, Start};
//!
//! let now = Instant::START;
//! let mut log = Log::new(Config::default(), Epoch::new(1));
//! for data in ["one", "two"] {
//!     log.publish(now, "news", |id, out| out.extend_from_slice(format!("id: {id}\ndata: {data}\n\n").as_bytes()))?;
//! }
//!
//! // It has seen the first, and comes back.
//! let (reader, gap) = log.open_reader(now, ["news"], Start::After("1-1"))?;
//! assert_eq!(gap, None);
//! let Some(Read::Burst { burst, more: false }) = log.read(now, reader, 64 << 10) else { unreachable!() };
//! assert_eq!(burst.bytes(), "id: 1-2\ndata: two\n\n");
//! assert_eq!(burst.chunk(), "13\r\nid: 1-2\ndata: two\n\n\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod burst;
mod config;
mod error;
mod framer;
mod gap;
mod id;
mod lag;
mod lives;
#[expect(clippy::module_inception, reason = "the module is named for its one type")]
mod log;
mod merged;
mod messages;
mod own;
#[cfg(feature = "deflate")]
mod packer;
mod read;
mod reader;
mod recent;
mod room;
mod roster;
mod topic;
mod topics;
mod watch;

pub use burst::Burst;
pub use config::{Config, LagPolicy, OnLag, TopicConfig};
pub use error::{ConfigureError, OpenError, PublishError};
pub use framer::Framer;
pub use gap::{Gap, GapReason};
pub use id::{Epoch, EventId, ParseIdError, Position};
pub use lag::Lag;
pub use log::{Log, Start, Stats};
pub use messages::Messages;
#[cfg(feature = "deflate")]
pub use packer::Packer;
pub use read::Read;
pub use reader::ReaderId;
pub use watch::{Watch, WatchError, Written};
