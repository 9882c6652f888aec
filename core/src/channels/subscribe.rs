use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use super::debounce::{self, Debounce};
use super::due::What;
use super::gap::{encode_gap, encode_own_gap};
use super::load::Loading;
use super::place::{Form, Names, Place};
use super::{Channels, Guest, Limit, Replay, SubscribeError};
use crate::Instant;
use crate::log::{Gap, OpenError, ReaderId, Start};

/// A stream as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Subscribe<'a> {
    /// Whose.
    pub guest: Guest,
    /// The channels; a name that stands there twice counts once.
    pub channels: &'a [&'a str],
    /// The last event ID that the reader brings; an empty one is none.
    pub last_event_id: Option<&'a str>,
}

/// A stream that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscribed {
    /// Its reader.
    pub reader: ReaderId,
    /// What the reader must be told before anything else.
    pub gap: Option<Gap>,
    /// The id where the stream starts, so that a reader that is cut before its first publication resumes from there. `None` before a gap,
    /// and where it is not known.
    pub start: Option<Box<str>>,
    /// Whether it goes on where the reader was, as far as is known: the repository of a channel may still have to tell of a gap.
    pub resumed: bool,
    /// Where the ids belong to the application: that of the first message that follows the gap.
    next_own: Option<Option<Box<str>>>,
}

impl Subscribed {
    /// Appends the event that tells the reader of its gap, if there is one.
    pub fn encode_gap(&self, out: &mut Vec<u8>) {
        match (&self.gap, &self.next_own) {
            (Some(gap), Some(next)) => encode_own_gap(gap.reason, &gap.after, next.as_deref(), out),
            (Some(gap), None) => encode_gap(gap, out),
            (None, _) => {}
        }
    }
}

impl Channels {
    /// Begins a stream.
    ///
    /// # Errors
    ///
    /// When it may not begin; nothing has begun then.
    pub fn subscribe(&mut self, now: Instant, asked: Subscribe<'_>) -> Result<Subscribed, SubscribeError> {
        self.note_time(now);
        if self.closed {
            return Err(SubscribeError::Closed);
        }
        if let Some(limit) = asked.guest.limit() {
            return Err(SubscribeError::Busy(limit));
        }
        let mut names: Vec<&str> = asked.channels.to_vec();
        names.sort_unstable();
        names.dedup();
        let plan = self.plan(&names)?;

        let after = asked.last_event_id.filter(|id| !id.is_empty());
        // What the log does not know is the repository's to answer.
        let load = plan.repository
            && match (after, names.first()) {
                (Some(id), Some(name)) => self.log.find_own(name, id).is_none(),
                (None, _) => plan.all,
                (Some(_), None) => false,
            };
        let from = match after {
            _ if load => Start::Live,
            Some(id) => Start::After(id),
            None if plan.all => Start::Oldest,
            None => Start::Live,
        };
        let opened = self.log.open_reader(now, names.iter().copied(), from);
        let (reader, gap) = opened.map_err(|error| self.refused(error))?;
        if let Some(gap) = &gap {
            self.totals.count_gap(gap.reason);
        }

        self.totals.subscribed += 1;
        let names: Vec<_> = names.into_iter().map(|name| self.enter(name)).collect();
        let ends_at = self.draw_end(now);
        if let Some(at) = ends_at {
            self.dues.add(at, reader, What::End);
        }
        let start = match gap {
            // Who waits for its repository has the id it came with.
            _ if load => None,
            None if self.log.has_own_ids(reader) => self.log.last_own_id(reader).map(Box::from),
            None => self.log.cursor(reader).map(|id| id.to_string().into()),
            Some(_) => None,
        };
        let own_ids = self.log.has_own_ids(reader);
        let next_own = own_ids.then(|| self.log.next_own_id(reader).map(Box::from));
        let resumed = after.is_some() && gap.is_none();
        let state = if from == Start::Live && !load { debounce::State::Idle } else { debounce::State::Replaying };
        self.places.insert(Place {
            id: reader,
            guest: asked.guest,
            since: now,
            channels: Names::new(names),
            ending: None,
            ends_at,
            debounce: plan.debounce.map(|most| Debounce { most, state }),
            loading: load.then(|| Box::new(Loading::new(after))),
            given: None,
            own_ids,
            queued: false,
            form: Form::Plain,
            bytes: 0,
            gaps: gap.is_some().into(),
        });
        Ok(Subscribed { reader, gap, start, resumed, next_own })
    }

    /// Closes a reader whose stream has ended; closing it again does nothing.
    pub fn close(&mut self, reader: ReaderId) {
        let Some(place) = self.places.remove(reader) else { return };
        self.log.close_reader(reader);
        self.heartbeats.remove(&reader);
        let held = place.debounce.and_then(|debounce| match debounce.state {
            debounce::State::Held(at) => Some(at),
            _ => None,
        });
        let asked = place.loading.as_ref().and_then(|loading| loading.deadline());
        let dues = [(place.ends_at, What::End), (held, What::Release), (asked, What::LoadTimeout)];
        for (at, what) in dues {
            if let Some(at) = at {
                self.dues.remove(at, reader, what);
            }
        }
        for name in place.channels.as_slice() {
            self.exit(name);
        }
    }

    /// Looks at what the channels are together.
    fn plan(&mut self, names: &[&str]) -> Result<Plan, SubscribeError> {
        let mut plan = Plan::default();
        let mut alone = false;
        let mut full = false;
        for name in names {
            let readers = self.channels.get(*name).map_or(0, |channel| channel.readers);
            let config = self.config_of(name).ok_or(SubscribeError::UnknownChannel)?;
            full |= readers >= config.max_readers;
            alone |= config.has_own_ids() || config.debounce.is_some();
            plan.all |= config.replay == Replay::All;
            plan.repository |= config.repository;
            plan.debounce = plan.debounce.or(config.debounce.filter(|most| !most.is_zero()));
        }
        if alone && names.len() > 1 {
            return Err(SubscribeError::NotAlone);
        }
        if full {
            return Err(SubscribeError::Busy(self.refuse(Limit::ReadersOfChannel)));
        }
        Ok(plan)
    }

    fn draw_end(&mut self, now: Instant) -> Option<Instant> {
        let time = self.config.max_time?;
        let most = (time / 100).saturating_mul(self.config.max_time_jitter.min(100).into());
        Some(now + time.saturating_sub(super::part(most, self.random.next_u64())))
    }

    fn refused(&mut self, error: OpenError) -> SubscribeError {
        let log = &self.config.log;
        match error {
            OpenError::NoTopics => SubscribeError::NoChannels,
            OpenError::TooManySubscriptions => SubscribeError::TooManyChannels { limit: log.max_subscriptions },
            OpenError::OwnIdsNotAlone => SubscribeError::NotAlone,
            OpenError::NameTooLong => SubscribeError::NameTooLong { limit: log.max_name },
            _ => SubscribeError::Busy(self.refuse(Limit::Log)),
        }
    }
}

#[derive(Debug, Default)]
struct Plan {
    /// Whether what is kept is given without an id, too.
    all: bool,
    repository: bool,
    debounce: Option<Duration>,
}
