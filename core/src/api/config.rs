use crate::channels::Endpoint;
use crate::server::Access;

/// Limits of an [`Api`](super::Api); those of the channels are in their own [`Config`](crate::channels::Config).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Who may ask, by `Host` and `Origin`, of all routes; and how streams are given. Its opening counts for nothing: the event
    /// `connected` tells of the heartbeat. Default: hosts of this machine and pages of the server itself.
    pub endpoint: Endpoint,
    /// Longest body of a publication, in bytes; beyond it the answer is 413. Default 64 KiB.
    pub max_message: usize,
    /// Most channels of one stream; beyond it the answer is 400. Default 100, as many as the log lets one reader read.
    pub max_channels: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: Endpoint { access: Access::default(), ..Endpoint::default() },
            max_message: 64 << 10,
            max_channels: 100,
        }
    }
}
