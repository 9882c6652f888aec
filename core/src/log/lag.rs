use super::reader::{Reader, Subscription};
use super::topic::Topic;
use super::{Gap, GapReason, Log, OnLag, ReaderId};

/// How far a reader is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Publications still to be read.
    pub messages: usize,
    /// Their bytes.
    pub bytes: usize,
}

impl Log {
    /// Returns how much of its topics `reader` has still to read; what stands in several of them counts in each. It costs the same
    /// however much that is.
    pub fn lag(&self, reader: ReaderId) -> Option<Lag> {
        let reader = self.readers.get(reader)?;
        Some(self.topics.of(reader).map(|(one, topic)| topic.lag(one.seen)).fold(Lag::default(), |sum, lag| Lag {
            messages: sum.messages + lag.messages,
            bytes: sum.bytes + lag.bytes,
        }))
    }

    /// Returns the next reader that is further behind than a topic of it allows whose policy is to [end](OnLag::End) it, once until
    /// it has read everything; also one that never reads again.
    ///
    /// It is named when it reads on, and otherwise at the publication by which it is too far behind or at most a sixteenth of
    /// `max_behind` publications and of `max_behind_bytes` bytes later: readers are looked at only then, not at each publication.
    pub fn poll_lagging(&mut self) -> Option<ReaderId> {
        self.readers.poll_lagging()
    }

    /// Does what the policies of its topics say about a reader that is too far behind or has lost something; returns the gap to tell.
    pub(super) fn heed_lag(&mut self, id: ReaderId) -> Option<Gap> {
        let reader = self.readers.get(id)?;
        let (mut lost, mut ends) = (false, false);
        for (one, topic) in self.topics.of(reader) {
            let evicted = one.seen < topic.first;
            let too_far = evicted || topic.is_too_far(counted_from(topic, one, reader));
            ends |= too_far && topic.config.lag.then == OnLag::End;
            lost |= evicted || (too_far && topic.config.lag.then != OnLag::End);
        }
        if ends {
            self.readers.name_lagging(id.slot);
        }
        if !lost {
            return None;
        }
        let (cursor, written) = self.readers.get(id).map(|reader| (reader.cursor, reader.written))?;
        let after = Gap::id(self.id(cursor));
        let until = self.skip(id, |topic, one| {
            let from = if cursor < written { one.seen.max(topic.seen_at(written)) } else { one.seen };
            let evicted = one.seen < topic.first;
            match topic.config.lag.then {
                OnLag::Latest if evicted => topic.seen_after_lag(),
                OnLag::Gap | OnLag::Latest if topic.is_too_far(from) => topic.seen_after_lag(),
                _ => one.seen.max(topic.first),
            }
        });
        self.tell(id, GapReason::Lag, after, until)
    }

    /// Looks at the readers of a topic, if one of them may be too far behind for a policy that ends it.
    pub(super) fn look_for_lag(&mut self, slot: u32) {
        let Some(topic) = self.topics.get(slot) else { return };
        let (count, bytes) = topic.scan_at;
        if topic.config.lag.then == OnLag::End && (topic.count() > count || topic.end() > bytes) {
            self.scan_for_lag(slot);
        }
    }

    /// Names the readers of a topic that are too far behind for a policy that ends them, and notes when the next may be.
    pub(super) fn scan_for_lag(&mut self, slot: u32) {
        let Some(topic) = self.topics.get(slot).filter(|topic| topic.config.lag.then == OnLag::End) else { return };
        let (max_behind, max_bytes) = (topic.config.lag.max_behind as u64, topic.config.lag.max_behind_bytes as u64);
        // Those that sleep are at the head.
        let (mut count, mut end) = (topic.count(), topic.end());
        for place in topic.roster.not_asleep() {
            let Some(reader) = self.readers.at(place) else { continue };
            let Some(one) = reader.subscriptions().iter().find(|one| one.topic == slot) else { continue };
            let from = counted_from(topic, one, reader);
            if one.seen < topic.first || topic.is_too_far(from) {
                self.readers.name_lagging(place);
            } else {
                count = count.min(from);
                end = end.min(topic.end() - topic.lag(from).bytes as u64);
            }
        }
        let step = |max: u64| (max / 16).max(1);
        let at = (
            count.saturating_add(max_behind).max(topic.count().saturating_add(step(max_behind) - 1)),
            end.saturating_add(max_bytes).max(topic.end().saturating_add(step(max_bytes) - 1)),
        );
        if let Some(topic) = self.topics.get_mut(slot) {
            topic.scan_at = at;
        }
    }
}

/// Returns from which count on a reader's lag counts: what it had to read already when it began is its replay.
fn counted_from(topic: &Topic, one: &Subscription, reader: &Reader) -> u64 {
    if reader.cursor < reader.written { one.seen.max(topic.seen_at(reader.written)) } else { one.seen }
}
