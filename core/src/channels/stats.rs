use alloc::vec::Vec;

use super::{Channels, Guest, Limit};
use crate::Instant;
use crate::log::{GapReason, ReaderId};

/// Plain numbers of [`Channels`]: those of this moment, and those since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections here, but for those that are only told that there are enough.
    pub connections: usize,
    /// Readers open.
    pub readers: usize,
    /// Channels registered, or with readers.
    pub channels: usize,
    /// What was counted since the start.
    pub totals: Totals,
}

/// What is counted from the start on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Publications accepted, comments included.
    pub published: u64,
    /// Readers begun.
    pub subscribed: u64,
    /// Bursts given to readers, each for one write: publications, comments and gaps.
    pub bursts: u64,
    /// Bytes of them, before they are framed and compressed.
    pub bytes: u64,
    /// Gaps told, by reason.
    pub gaps: Vec<(GapReason, u64)>,
    /// Readers ended because they were too far behind.
    pub ended_for_lag: u64,
    /// Connections and readers refused, by limit.
    pub refused: Vec<(Limit, u64)>,
}

impl Totals {
    /// Returns how often a gap of this reason was told.
    pub fn gaps_of(&self, reason: GapReason) -> u64 {
        count_of(&self.gaps, &reason)
    }

    /// Returns how often this limit has kept somebody out.
    pub fn refused_by(&self, limit: Limit) -> u64 {
        count_of(&self.refused, &limit)
    }

    pub(super) fn count_burst(&mut self, bytes: usize) {
        self.bursts += 1;
        self.bytes += bytes as u64;
    }

    pub(super) fn count_gap(&mut self, reason: GapReason) {
        count(&mut self.gaps, reason);
    }

    pub(super) fn refuse(&mut self, limit: Limit) {
        count(&mut self.refused, limit);
    }
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
    /// Bytes of them.
    pub behind_bytes: usize,
    /// Bytes that it was given.
    pub bytes: u64,
    /// Gaps that it was told.
    pub gaps: u32,
    /// Whether it is given what its repository has.
    pub loading: bool,
}

impl Channels {
    /// Returns the plain numbers of this moment.
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.guests.len(),
            readers: self.log.stats().readers,
            channels: self.channels.len(),
            totals: self.totals.clone(),
        }
    }

    /// Returns the numbers of one reader.
    pub fn reader_stats(&self, reader: ReaderId) -> Option<ReaderStats> {
        let place = self.places.get(reader)?;
        let lag = self.log.lag(reader).unwrap_or_default();
        Some(ReaderStats {
            reader,
            guest: place.guest,
            since: place.since,
            behind: lag.messages,
            behind_bytes: lag.bytes,
            bytes: place.bytes,
            gaps: place.gaps,
            loading: place.loading.is_some(),
        })
    }

    /// Returns the readers, in no order that means anything.
    pub fn readers(&self) -> impl Iterator<Item = ReaderId> {
        self.places.iter().map(|place| place.id)
    }

    /// Returns the channels that `reader` reads.
    pub fn channels_of(&self, reader: ReaderId) -> impl Iterator<Item = &str> {
        self.places.get(reader).into_iter().flat_map(|place| place.channels.as_slice()).map(AsRef::as_ref)
    }
}

/// There are few kinds of anything.
fn count<K: PartialEq>(counts: &mut Vec<(K, u64)>, key: K) {
    match counts.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += 1,
        None => counts.push((key, 1)),
    }
}

fn count_of<K: PartialEq>(counts: &[(K, u64)], key: &K) -> u64 {
    counts.iter().find(|(known, _)| known == key).map_or(0, |(_, count)| *count)
}
