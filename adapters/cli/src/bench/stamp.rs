//! The mark in each message: of which run it is, its number, and when it was planned and sent.

use std::fmt::Write;

/// What a message carries, apart from the run: its number, and times in microseconds since the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Counted from 0, without a gap, in the order of publishing.
    pub(super) number: u64,
    /// When it was to be published.
    pub(super) planned: u64,
    /// When it was given to the connection.
    pub(super) sent: u64,
}

/// The marks of one run, which know those of another one from their own.
#[derive(Clone, Debug)]
pub(super) struct Stamps {
    begin: String,
}

impl Stamps {
    pub(super) fn new(run: u64) -> Self {
        Self { begin: format!("tidewire-bench/{run:016x}/") }
    }

    /// Returns a message of `size` bytes, or somewhat longer if the mark alone is. No character of it needs to be escaped in JSON, in a
    /// form or in a URL.
    pub(super) fn message(&self, stamp: Stamp, size: usize) -> String {
        let mut text = self.begin.clone();
        // Writing to a String does not fail.
        let _ = write!(text, "{}/{}/{}/", stamp.number, stamp.planned, stamp.sent);
        let filler = size.saturating_sub(text.len());
        text.extend(std::iter::repeat_n('.', filler));
        text
    }

    /// Finds the mark of this run in an event's data, wherever the server put the message.
    pub(super) fn find(&self, data: &str) -> Option<Stamp> {
        let at = data.find(&self.begin)?;
        let mut numbers = data.get(at + self.begin.len()..)?.split('/');
        let mut next = || numbers.next()?.parse().ok();
        let stamp = Stamp { number: next()?, planned: next()?, sent: next()? };
        // Without the last slash, the last number may be cut.
        numbers.next().map(|_| stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { number: 7, planned: 1_000_000, sent: 1_000_250 };

    #[test]
    fn a_message_is_as_long_as_asked_and_says_what_it_is_wherever_it_stands() {
        let stamps = Stamps::new(0xab);
        let message = stamps.message(STAMP, 100);
        assert_eq!(message.len(), 100);
        assert_eq!(stamps.find(&message), Some(STAMP));
        assert_eq!(stamps.find(&format!("{{\"id\":\"x\",\"data\":\"{message}\"}}")), Some(STAMP));
        assert_eq!(stamps.find(&stamps.message(STAMP, 0)), Some(STAMP));
    }

    #[test]
    fn what_another_run_published_or_what_is_cut_is_none() {
        let stamps = Stamps::new(0xab);
        assert_eq!(stamps.find(&Stamps::new(0xac).message(STAMP, 100)), None);
        let message = stamps.message(STAMP, 0);
        for end in 0..message.len() {
            assert_eq!(stamps.find(&message[..end]), None, "{end}");
        }
        assert_eq!(stamps.find(""), None);
    }
}
