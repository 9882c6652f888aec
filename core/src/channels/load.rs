use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::due::What;
use super::gap::encode_own_gap;
use super::place::Ending;
use super::registry::Channel;
use super::{Channels, PublishError};
use crate::Instant;
use crate::log::{Burst, GapReason, Lag, Position, ReaderId};
use crate::server::CloseReason;
use crate::sse::ToMessage;

/// What the repository of a channel is asked: what follows an id, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// The channel.
    pub channel: Arc<str>,
    /// The id after which to begin, exclusively; `None`: with the first.
    pub after: Option<Box<str>>,
    /// The most publications that are wanted.
    pub max_publications: usize,
    /// About how many bytes are wanted.
    pub max_bytes: usize,
}

impl Load {
    /// Asks for what follows `id` in `channel`, without a limit.
    pub fn after(channel: &str, id: &str) -> Self {
        Self { after: Some(id.into()), ..Self::all(channel) }
    }

    /// Asks for all of `channel`, without a limit.
    pub fn all(channel: &str) -> Self {
        Self { channel: channel.into(), after: None, max_publications: usize::MAX, max_bytes: usize::MAX }
    }
}

/// What a repository answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Own ids and encoded events, oldest first.
    pub publications: Vec<(Box<str>, Bytes)>,
    /// Whether more follows these.
    pub more: bool,
    /// Whether the store does not know the id it was asked about, or not any longer: the reader is told of a gap, and these begin with
    /// the oldest that there is.
    pub missed: bool,
}

impl Batch {
    /// Appends a message with an id of its own.
    ///
    /// # Errors
    ///
    /// It has none, or its id or event type cannot be sent; nothing was appended.
    pub fn push(&mut self, message: &(impl ToMessage + ?Sized)) -> Result<(), PublishError> {
        let id = message.own_id().ok_or(PublishError::NoOwnId)?;
        let mut bytes = Vec::new();
        message.encode_to(&mut bytes).map_err(PublishError::Name)?;
        self.publications.push((id.into(), bytes.into()));
        Ok(())
    }
}

/// A reader's replay from the repository.
///
/// ```text
///  Ask ──Load──► Asked ──handle_loaded──► Answered ──all is given, no more, and the log goes on there──► live
///   ▲              │ failed, or too late      │
///   │              └────────► Answered: gap ──┼──► live
///   └─────────────────────────────────────────┘ more, or the log does not go on there
/// ```
#[derive(Debug)]
pub(super) struct Loading {
    /// The id of the last that was given, or that the reader brought.
    after: Option<Box<str>>,
    state: State,
    /// A gap that is to be told before the batch.
    gap: Option<GapReason>,
    batch: VecDeque<(Box<str>, Bytes)>,
    more: bool,
    failed: bool,
    /// Whether the last answer had nothing.
    is_empty: bool,
    /// Whether there is nobody to ask any more.
    is_orphan: bool,
    /// The last position of the channel when the repository was asked: all up to there was stored by then.
    seen: Position,
    /// The ids that were given last.
    recent: VecDeque<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ask,
    Asked { until: Instant },
    Answered,
}

impl Loading {
    pub(super) fn new(after: Option<&str>) -> Self {
        Self {
            after: after.map(Box::from),
            state: State::Ask,
            gap: None,
            batch: VecDeque::new(),
            more: false,
            failed: false,
            is_empty: false,
            is_orphan: false,
            seen: Position::START,
            recent: after.map(Box::from).into_iter().collect(),
        }
    }

    /// Returns until when the answer is waited for, if it is.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Asked { until } => Some(until),
            State::Ask | State::Answered => None,
        }
    }

    pub(super) fn fail(&mut self) {
        self.state = State::Answered;
        self.gap = Some(GapReason::Unavailable);
        self.failed = true;
        self.more = false;
    }

    fn note_given(&mut self, id: Box<str>) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(id.clone());
        self.after = Some(id);
    }

    /// Takes what comes next of the batch, about `max_bytes` of it.
    fn take(&mut self, max_bytes: usize) -> Option<Burst> {
        let mut bytes = Vec::new();
        while let Some((_, next)) = self.batch.front()
            && (bytes.is_empty() || bytes.len() + next.len() <= max_bytes)
            && let Some((id, next)) = self.batch.pop_front()
        {
            bytes.extend_from_slice(&next);
            self.note_given(id);
        }
        (!bytes.is_empty()).then(|| Burst::new(&bytes))
    }
}

/// What a reader was given by the repository and may be given once more, live: its publisher has stored it, and not published it yet.
#[derive(Debug)]
pub(super) struct Given {
    ids: Vec<Box<str>>,
    /// How many other publications it may take until they come.
    patience: usize,
}

/// What a reader in its replay is to be given.
pub(super) enum Next {
    /// What stands in `lent`.
    Lent,
    Load(Load),
    Wait,
    End(CloseReason),
    /// The replay is over: what the log has.
    Live,
}

impl Channels {
    /// Takes the answer of the repository to a [`Load`]: what it has, or that it failed. What it answers to a reader that has ended, or is
    /// not waiting any longer, is ignored.
    pub fn handle_loaded(&mut self, now: Instant, reader: ReaderId, answer: Result<Batch, ()>) {
        self.note_time(now);
        let Some(loading) = self.places.get_mut(reader).and_then(|place| place.loading.as_mut()) else { return };
        let Some(until) = loading.deadline() else { return };
        match answer {
            Ok(batch) => {
                loading.state = State::Answered;
                loading.gap = batch.missed.then_some(GapReason::Evicted);
                // Nothing and more of it would be asked for again and again.
                loading.more = batch.more && !batch.publications.is_empty();
                loading.is_empty = batch.publications.is_empty();
                loading.batch = batch.publications.into();
            }
            Err(()) => loading.fail(),
        }
        self.dues.remove(until, reader, What::LoadTimeout);
        self.wake_up(reader);
    }

    /// Gives up on the repository of a reader: it is told a gap, and goes on with what was published since it was asked. What was answered
    /// already is given first, and the gap is told only if more would have to be asked for.
    pub(super) fn give_up_loading(&mut self, reader: ReaderId) {
        let Some(loading) = self.places.get_mut(reader).and_then(|place| place.loading.as_mut()) else { return };
        match loading.deadline() {
            Some(until) => self.dues.remove(until, reader, What::LoadTimeout),
            None if loading.state == State::Answered => {
                loading.is_orphan = true;
                return;
            }
            // Nobody was asked for what it does not get.
            None => loading.seen = self.log.last_of(reader),
        }
        loading.fail();
        self.wake_up(reader);
    }

    /// Returns what comes next in the replay of a reader.
    pub(super) fn read_loading(&mut self, now: Instant, reader: ReaderId, max_bytes: usize) -> Next {
        loop {
            let Some(place) = self.places.get_mut(reader) else { return Next::Wait };
            let Some(loading) = place.loading.as_mut() else { return Next::Live };
            match (loading.state, place.ending) {
                // It comes back with the id that it has.
                (State::Ask | State::Asked { .. }, Some(Ending { reason, .. })) => return Next::End(reason),
                (State::Asked { .. }, None) => return Next::Wait,
                (State::Ask, None) if loading.is_orphan => loading.fail(),
                (State::Ask, None) => {
                    let Some(channel) = place.channels.as_slice().first() else { return Next::Wait };
                    let load = Load {
                        channel: Arc::clone(channel),
                        after: loading.after.clone(),
                        max_publications: self.config.load_publications.max(1),
                        max_bytes: self.config.load_bytes,
                    };
                    let until = now + self.config.load_timeout;
                    loading.state = State::Asked { until };
                    loading.seen = self.log.last_of(reader);
                    self.dues.add(until, reader, What::LoadTimeout);
                    return Next::Load(load);
                }
                (State::Answered, _) => {}
            }
            if let Some(reason) = loading.gap.take() {
                let mut bytes = Vec::new();
                let next = loading.batch.front().map(|(id, _)| &**id);
                encode_own_gap(reason, loading.after.as_deref().unwrap_or_default(), next, &mut bytes);
                place.note_gap(&bytes);
                self.totals.count_gap(reason);
                self.lent = Burst::new(&bytes);
                return Next::Lent;
            }
            if let Some(burst) = loading.take(max_bytes.min(self.config.log.max_burst)) {
                place.bytes += burst.len() as u64;
                self.lent = burst;
                return Next::Lent;
            }
            if loading.more {
                loading.state = State::Ask;
                continue;
            }
            let Some(channel) = place.channels.as_slice().first() else { return Next::Wait };
            let stands = loading.after.as_deref().and_then(|id| self.log.find_own_of(reader, id));
            let last = self.log.last_of(reader);
            // Who publishes stores first. So if the last that was given stands in the log, what follows it there follows it in the store;
            // and if nothing was published since the store was asked, all that was published is given.
            let from = match stands {
                Some(position) => position,
                // What was published since is no part of the gap.
                None if loading.failed || loading.is_orphan => loading.seen,
                None if last <= loading.seen => last,
                None => {
                    loading.state = State::Ask;
                    continue;
                }
            };
            self.log.seek_to(reader, from);
            // To ask once more who has just said that nothing follows would go on for ever.
            let may_ask = !(loading.failed || loading.is_orphan || (loading.is_empty && last <= loading.seen));
            if may_ask && is_too_far(self.log.lag(reader), self.channels.get(channel)) {
                loading.state = State::Ask;
                continue;
            }
            let is_later = |id: &str| self.log.find_own_of(reader, id).is_none_or(|position| position > from);
            let ids: Vec<Box<str>> = loading.recent.drain(..).filter(|id| is_later(id)).collect();
            place.given = (!ids.is_empty()).then(|| Box::new(Given { ids, patience: RECENT }));
            place.loading = None;
            return Next::Live;
        }
    }

    /// Moves a reader behind what it was given by its repository already, and returns how much it may read at once.
    pub(super) fn skip_given(&mut self, reader: ReaderId, max_bytes: usize) -> usize {
        let Some(place) = self.places.get_mut(reader) else { return max_bytes };
        while let Some(given) = &mut place.given {
            // A gap is told first.
            if self.log.has_missed(reader) || !self.log.has_next(reader) {
                return 0;
            }
            let next = self.log.next_own_id(reader);
            let known = next.and_then(|next| given.ids.iter().position(|id| **id == *next));
            if let Some(known) = known {
                given.ids.swap_remove(known);
                self.log.skip_next(reader);
            } else if given.patience > 0 {
                given.patience -= 1;
                return 0;
            } else {
                given.ids.clear();
            }
            if given.ids.is_empty() {
                place.given = None;
            }
        }
        max_bytes
    }
}

/// Tells whether a reader would be too far behind if it went on with the log: the store has it, too.
fn is_too_far(lag: Option<Lag>, channel: Option<&Channel>) -> bool {
    let Some((lag, config)) = lag.zip(channel.and_then(|channel| channel.config.as_ref())) else { return false };
    let policy = config.topic.lag;
    lag.messages > 1 && (lag.messages > policy.max_behind || lag.bytes > policy.max_behind_bytes)
}

/// How many of the last that the repository gave are told apart from what is published later: more publications than this are not between
/// the store and the log at once.
const RECENT: usize = 16;
