use super::Guest;
use crate::Instant;
use crate::log::ReaderId;

/// Plain numbers of [`Channels`](super::Channels).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections here.
    pub connections: usize,
    /// Readers open.
    pub readers: usize,
    /// Publications that were accepted since the start, comments included.
    pub published: u64,
}

/// Plain numbers of one reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReaderStats {
    /// The reader.
    pub reader: ReaderId,
    /// Its connection.
    pub guest: Guest,
    /// When it began.
    pub since: Instant,
    /// Publications that it has still to read.
    pub behind: usize,
}
