use core::time::Duration;

use crate::log;
use crate::server::Access;

/// Limits and timing of an [`Api`](super::Api).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Who may ask, by `Host` and `Origin`.
    pub access: Access,
    /// How much of each channel is kept, and how many channels and readers there may be.
    pub log: log::Config,
    /// Longest body of a publication, in bytes; beyond it the answer is 413. Default 64 KiB.
    pub max_message: usize,
    /// Most channels of one stream; beyond it the answer is 400. Default 100.
    pub max_channels: usize,
    /// The reconnection time told to readers (HTML §9.2.6, `retry`). Default 1 s.
    pub retry: Duration,
    /// Silence after which a stream carries a keep-alive, which readers are told in `connected`; zero: never. It holds over that of
    /// the sessions. Default 15 s.
    pub keep_alive: Duration,
    /// When a reader that was refused for load may come back (RFC 9110 §10.2.3, `Retry-After`). Default 5 s.
    pub retry_after: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            access: Access::default(),
            log: log::Config::default(),
            max_message: 64 << 10,
            max_channels: 100,
            retry: Duration::from_secs(1),
            keep_alive: Duration::from_secs(15),
            retry_after: Duration::from_secs(5),
        }
    }
}
