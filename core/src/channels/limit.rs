use core::fmt;

/// Which limit keeps a connection or a reader out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// `max_connections` are there.
    Connections,
    /// `max_connections_per_ip` of this address are there.
    ConnectionsPerIp,
    /// `max_readers` of a channel read it.
    ReadersOfChannel,
    /// `max_readers` or `max_topics` of the log are in use.
    Log,
}

impl Limit {
    /// Returns its word, for names of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerIp => "connections_per_ip",
            Self::ReadersOfChannel => "readers_of_channel",
            Self::Log => "log",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connections => "the server has as many connections as it may have",
            Self::ConnectionsPerIp => "this address has as many connections as it may have",
            Self::ReadersOfChannel => "the channel has as many readers as it may have",
            Self::Log => "the server has as many readers or channels as it may have",
        })
    }
}

impl core::error::Error for Limit {}
