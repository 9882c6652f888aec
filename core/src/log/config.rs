use core::time::Duration;

/// Bounds of a [`Log`](super::Log).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Publications kept in a topic, at least 1; beyond it the oldest is evicted. Default 10,000 (forge's event log 1,024).
    pub max_publications: usize,
    /// Bytes kept in a topic, with 192 for each publication; beyond it the oldest is evicted. Default 8 MiB.
    pub max_topic_bytes: usize,
    /// Bytes kept in all topics, counted alike; beyond it the oldest of all is evicted. Default 256 MiB.
    pub max_bytes: usize,
    /// Age at which a publication is evicted, if any. Default 24 h (forge's event log 5 min): a laptop's night.
    pub max_age: Option<Duration>,
    /// Topics known at once; beyond it that one without readers is forgotten that was published to least recently, and
    /// when all have readers the new one is refused. A reader of a topic that may have been forgotten is told a gap. Default 100,000.
    pub max_topics: usize,
    /// Bytes of a topic's name; a longer one is refused. Default 1024.
    pub max_name: usize,
    /// Topics one reader reads; more are refused. Default 100.
    pub max_subscriptions: usize,
    /// Readers at once; one more is refused. Default 1,000,000.
    pub max_readers: usize,
    /// Bytes of one burst, unless a single publication is longer; what [`Log::read`](super::Log::read) is asked for beyond it is not
    /// given. Default 64 KiB.
    pub max_burst: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_publications: 10_000,
            max_topic_bytes: 8 << 20,
            max_bytes: 256 << 20,
            max_age: Some(Duration::from_secs(24 * 60 * 60)),
            max_topics: 100_000,
            max_name: 1024,
            max_subscriptions: 100,
            max_readers: 1_000_000,
            max_burst: 64 << 10,
        }
    }
}
