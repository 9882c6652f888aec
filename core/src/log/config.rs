use core::time::Duration;

/// Bounds of a [`Log`](super::Log).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Bounds of each topic that was not [configured](super::Log::configure) by itself.
    pub topic: TopicConfig,
    /// Bytes kept in all topics, counted as in each; beyond it the oldest of all is evicted. Default 256 MiB.
    pub max_bytes: usize,
    /// Age at which a publication is evicted, if any. Default 24 h (forge's event log 5 min): a laptop's night.
    pub max_age: Option<Duration>,
    /// Topics known at once; beyond it that one is forgotten that was published to least recently of those that nobody reads and
    /// nobody configured, and when there is none the new one is refused. A reader of a topic that may have been forgotten is told
    /// a gap. Default 100,000.
    pub max_topics: usize,
    /// Bytes of a topic's name, or of an application's own id; a longer one is refused. Default 1024.
    pub max_name: usize,
    /// Topics one reader reads, or one publication goes to; more are refused. Default 100.
    pub max_subscriptions: usize,
    /// Readers at once; one more is refused. Default 1,000,000.
    pub max_readers: usize,
    /// Bytes of one burst, unless a single publication is longer; what [`Log::read`](super::Log::read) is asked for beyond it is not
    /// given. Default 64 KiB.
    pub max_burst: usize,
    /// Publications [watched](super::Log::watch) at once; one more is refused. Default 10,000.
    pub max_watches: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            topic: TopicConfig::default(),
            max_bytes: 256 << 20,
            max_age: Some(Duration::from_secs(24 * 60 * 60)),
            max_topics: 100_000,
            max_name: 1024,
            max_subscriptions: 100,
            max_readers: 1_000_000,
            max_burst: 64 << 10,
            max_watches: 10_000,
        }
    }
}

/// Bounds of one topic, and what becomes of those who read it slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicConfig {
    /// Publications kept, at least 1; beyond it the oldest is evicted. Default 10,000 (forge's event log 1,024).
    pub max_publications: usize,
    /// Bytes kept, with 192 for each publication, and 128 and its length for an own id; beyond it the oldest is evicted. Default 8 MiB.
    pub max_bytes: usize,
    /// Publications given to a reader that begins further back; when more follow, it is told a gap of reason
    /// [`Limit`](super::GapReason::Limit) and given the last. Default: all that are kept.
    pub max_replay: usize,
    /// When a reader is too slow, and what then.
    pub lag: LagPolicy,
    /// Whether publications carry ids of the application's own, [published](super::Log::publish_own) with them; readers come back
    /// with those. Such a topic is read alone. Default: no.
    pub own_ids: bool,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            max_publications: 10_000,
            max_bytes: 8 << 20,
            max_replay: usize::MAX,
            lag: LagPolicy::default(),
            own_ids: false,
        }
    }
}

/// How far behind the head of a topic a reader may be, and what is done with one that is further.
///
/// What it had to read already when it began, its replay, does not count: a replay may be as slow as its socket, and counts only what was
/// published meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LagPolicy {
    /// Publications a reader may be behind. Default: as many as are kept, which is the most that has an effect.
    pub max_behind: usize,
    /// Bytes a reader may be behind, unless it is one publication only. Default: as many as are kept.
    pub max_behind_bytes: usize,
    /// What is done with a reader that is further behind. Default: it is told a gap.
    pub then: OnLag,
}

impl LagPolicy {
    /// Allows `max_behind` publications.
    pub const fn new(max_behind: usize, then: OnLag) -> Self {
        Self { max_behind, max_behind_bytes: usize::MAX, then }
    }

    /// What LaunchDarkly's eventsource server does by default: `BufferSize` is 128, and a reader that is further behind is ended.
    pub const fn launch_darkly() -> Self {
        Self::new(128, OnLag::End)
    }
}

impl Default for LagPolicy {
    fn default() -> Self {
        Self::new(usize::MAX, OnLag::Gap)
    }
}

/// What is done with a reader that is too far behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnLag {
    /// It is told a gap, and goes on with as much as it may be behind.
    Gap,
    /// [`Log::poll_lagging`](super::Log::poll_lagging) names it, for it to be ended; it can come back with its cursor.
    End,
    /// It is told a gap, and given the last publication only.
    Latest,
}
