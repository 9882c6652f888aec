use alloc::vec::Vec;
use core::time::Duration;

use crate::sse::{self, EventName};
use crate::{Random, SplitMix64};

/// What keeps a quiet stream alive, and shows each side that the other is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heartbeat {
    /// Time between two beats, or of silence before one; zero: never. Default 15 s (HTML Standard §9.2.7: "every 15 seconds or so").
    pub every: Duration,
    /// What is sent. Default a comment.
    pub form: KeepAlive,
    /// Whether beats come only into silence. Default they do.
    pub when: When,
    /// How much of [`every`](Self::every) may be taken away at random, each time anew, in percent; more than 100 counts as 100. Default 0.
    pub jitter: u8,
}

impl Heartbeat {
    /// Makes a comment after so much silence.
    pub const fn new(every: Duration) -> Self {
        Self { every, form: KeepAlive::Comment, when: When::Idle, jitter: 0 }
    }

    /// Makes none at all.
    pub const fn never() -> Self {
        Self::new(Duration::ZERO)
    }

    /// Draws the time until the next beat; `None`: never.
    pub(super) fn draw(&self, random: &mut SplitMix64) -> Option<Duration> {
        // No silence at all would be a flood.
        (!self.every.is_zero()).then(|| less(self.every, self.jitter, random))
    }
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self::new(Duration::from_secs(15))
    }
}

/// When a [`Heartbeat`] beats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// After silence.
    #[default]
    Idle,
    /// Whatever else is sent.
    Always,
}

/// What is sent that means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeepAlive {
    /// An empty comment, `:` and a blank line. A comment with a text that stands behind an id makes some readers dispatch an empty
    /// event (openai-python#2722).
    Comment,
    /// One line end and nothing else.
    Newline,
    /// An event of this type with empty data: pages cannot see comments, and may want to notice silence themselves.
    Event(EventName<'static>),
}

impl KeepAlive {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Comment => out.extend_from_slice(b":\n\n"),
            Self::Newline => out.push(b'\n'),
            Self::Event(name) => sse::Fields { event: Some(name), ..sse::Fields::default() }.encode(out),
        }
    }
}

/// Returns `whole` less a random part of so many percent of it.
pub(super) fn less(whole: Duration, percent: u8, random: &mut SplitMix64) -> Duration {
    if percent == 0 {
        return whole;
    }
    let jitter = (whole / 100).saturating_mul(percent.min(100).into());
    whole.saturating_sub(part(jitter, random.next_u64()))
}

/// Returns the part of `whole` that `random` is of 2^64.
pub(super) fn part(whole: Duration, random: u64) -> Duration {
    // Less than 2^94, times less than 2^32.
    let nanos = (whole.as_nanos() * u128::from(random >> 32)) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
