use core::time::Duration;

use super::Channels;
use super::due::What;
use super::place::Place;
use crate::Instant;
use crate::log::ReaderId;

/// A reader that is given only the last of what comes close together.
///
/// ```text
///            caught up              publication                 its time
///  Replaying ─────────► Idle ─────────────────────► Held(at) ───────────► Due
///                         ▲                                                │ read
///                         └────────────────────────────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) struct Debounce {
    /// How long what comes after a pause is held back at most.
    pub(super) most: Duration,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is given what was kept for it at once.
    Replaying,
    Idle,
    Held(Instant),
    Due,
}

impl Place {
    /// Notes that it has read everything, unless there is more.
    pub(super) fn rest_unless(&mut self, more: bool) {
        if let Some(debounce) = &mut self.debounce
            && !more
        {
            debounce.state = State::Idle;
        }
    }
}

impl Channels {
    /// Tells whether a reader may read: what was held back for it has had its time. It is the last, then.
    pub(super) fn release(&mut self, now: Instant, reader: ReaderId) -> bool {
        let Some(place) = self.places.get_mut(reader) else { return false };
        let Some(debounce) = &mut place.debounce else { return true };
        match debounce.state {
            State::Replaying => return true,
            State::Held(at) if at <= now || place.ending.is_some() => {
                self.dues.remove(at, reader, What::Release);
                debounce.state = State::Due;
            }
            // What it has not been woken for yet leaves before its end.
            State::Idle if place.ending.is_some() => debounce.state = State::Due,
            State::Idle | State::Held(_) => return false,
            State::Due => {}
        }
        self.log.skip_to_latest(reader);
        true
    }

    /// Holds back what has come for a reader, unless something is due already. Returns whether it is to be woken.
    pub(super) fn hold(&mut self, reader: ReaderId) -> bool {
        let Some(debounce) = self.places.get_mut(reader).and_then(|place| place.debounce.as_mut()) else { return true };
        match debounce.state {
            State::Replaying | State::Due => true,
            State::Held(_) => false,
            State::Idle => {
                if self.log.lag(reader).is_none_or(|lag| lag.messages == 0) {
                    // A new reader is woken once with nothing; it has to fall asleep to be woken again.
                    let _ = self.log.read(self.now, reader, 0);
                    return false;
                }
                // More than half of the time, and at most all of it.
                let less = super::part(debounce.most / 2, self.random.next_u64());
                let at = self.now + debounce.most.saturating_sub(less);
                debounce.state = State::Held(at);
                self.dues.add(at, reader, What::Release);
                false
            }
        }
    }

    /// Lets what was held back for a reader leave.
    pub(super) fn note_due(&mut self, reader: ReaderId) {
        if let Some(debounce) = self.places.get_mut(reader).and_then(|place| place.debounce.as_mut()) {
            debounce.state = State::Due;
            self.wake_up(reader);
        }
    }
}
