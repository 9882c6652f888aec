use core::time::Duration;

use bytes::Bytes;

use super::Busy;
use crate::log::{self, EventId, TopicConfig};
use crate::server::Heartbeat;

/// Limits, timing and policy of [`Channels`](super::Channels).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How much is kept in all, how many channels and readers there may be, how long the name of a channel is, and how many channels one
    /// stream follows. Its `topic` counts for nothing: [`channel`](Self::channel) says how channels are.
    pub log: log::Config,
    /// The last id of an earlier life of the server, which [`Log::head`](crate::log::Log::head) told: positions go on after it, so that who
    /// was given everything resumes without a gap, and who was not is told one. `None`: a new epoch, in which everybody is told one. Default
    /// `None`.
    pub after: Option<EventId>,
    /// How channels are that were not registered.
    pub channel: ChannelConfig,
    /// Whether a channel that was not registered is there when it is published to or read; else both are refused. Default `true`.
    pub on_demand: bool,
    /// Connections at once; one more is told that the server is busy. Default 100,000.
    pub max_connections: usize,
    /// Connections at once from one IPv4 address or one /64 of IPv6, because that is what one household or one virtual machine has;
    /// one more is told that the server is busy. Behind a proxy that hides addresses all have its own. Default 20,000.
    pub max_connections_per_ip: usize,
    /// Connections at once beyond these limits that are told so in an answer; one more is dropped without. Default 1,000.
    pub max_refused: usize,
    /// How a reader is refused for load. Default [`Busy::ByClient`].
    pub busy: Busy,
    /// The reconnection time told at the start of each stream (HTML §9.2.6, `retry`), if any. Default 1 s.
    pub retry: Option<Duration>,
    /// The least time after which a reader that was refused or ended may come back. Default 5 s.
    pub retry_after: Duration,
    /// How many readers that were refused or ended may come back in one second. Default 1,000.
    pub return_rate: u32,
    /// Longest time of a stream, if any; then it ends, also in the middle of a replay. Default `None` (LaunchDarkly's `MaxConnTime`: off).
    pub max_time: Option<Duration>,
    /// How much of [`max_time`](Self::max_time) is taken away at random, in percent, so that streams that began together do not end together.
    /// Default 10.
    pub max_time_jitter: u8,
    /// The last bytes of each stream at shutdown, before its `retry`: whole events. Default none.
    pub last_event: Option<Bytes>,
    /// Publications that a repository is asked for at once. Default 256.
    pub load_publications: usize,
    /// Bytes that a repository is asked for at once. Default 64 KiB.
    pub load_bytes: usize,
    /// Time for an answer of a repository; then it counts as one that failed. Default 10 s.
    pub load_timeout: Duration,
    /// What keeps the streams alive, of which their readers are told at the start; `None`: nothing. Default a comment after 15 s of
    /// silence.
    pub heartbeat: Option<Heartbeat>,
    /// How messages are compressed, once for all, that readers over WebSocket are given who agreed on it; only its
    /// [`send`](crate::ws::deflate::Config::send), [`level`](crate::ws::deflate::Config::level) and
    /// [`min_len`](crate::ws::deflate::Config::min_len) count. Default those of a connection.
    #[cfg(feature = "deflate")]
    pub deflate: crate::ws::deflate::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            log: log::Config::default(),
            after: None,
            channel: ChannelConfig::default(),
            on_demand: true,
            max_connections: 100_000,
            max_connections_per_ip: 20_000,
            max_refused: 1_000,
            busy: Busy::ByClient,
            retry: Some(Duration::from_secs(1)),
            retry_after: Duration::from_secs(5),
            return_rate: 1_000,
            max_time: None,
            max_time_jitter: 10,
            last_event: None,
            load_publications: 256,
            load_bytes: 64 << 10,
            load_timeout: Duration::from_secs(10),
            heartbeat: Some(Heartbeat::default()),
            #[cfg(feature = "deflate")]
            deflate: crate::ws::deflate::Config::default(),
        }
    }
}

/// How one channel is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChannelConfig {
    /// How much of the channel is kept and replayed, what becomes of readers that are too slow, and whether the ids belong to the
    /// application.
    pub topic: TopicConfig,
    /// What a reader without an id is given. Of several channels all is given of all when one of them says so. Default
    /// [`Replay::FromId`].
    pub replay: Replay,
    /// For how long at most what comes after a pause is held back from each reader, while what comes later replaces it: the time is
    /// drawn between half of it and all of it, so that readers that are told to ask for something do not ask together. What is
    /// replaced is no gap. Zero is none. Default `None`.
    pub debounce: Option<Duration>,
    /// Readers at once; one more is told that the server is busy. Default 1,000,000.
    pub max_readers: usize,
    /// Whether a store of the application answers what the log does not have; the ids belong to the application then. Default `false`.
    pub repository: bool,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            topic: TopicConfig::default(),
            replay: Replay::FromId,
            debounce: None,
            max_readers: 1_000_000,
            repository: false,
        }
    }
}

impl ChannelConfig {
    /// Tells whether the ids of the channel belong to the application.
    pub const fn has_own_ids(&self) -> bool {
        self.repository || self.topic.own_ids
    }

    pub(super) fn topic(&self) -> TopicConfig {
        let mut topic = self.topic;
        topic.own_ids = self.has_own_ids();
        topic
    }
}

/// What a reader is given first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// What follows the id that it brings; nothing without an id (LaunchDarkly's default).
    FromId,
    /// What follows the id that it brings; without one all that is kept (LaunchDarkly's `ReplayAll`).
    All,
}

/// What becomes of the readers of a channel that is unregistered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unregister {
    /// They are given what was published before, and end.
    EndReaders,
    /// They stay open, and are given nothing further of this channel, also when one of its name is registered anew.
    KeepReaders,
}
