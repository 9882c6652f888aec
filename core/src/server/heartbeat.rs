use alloc::vec::Vec;
use core::time::Duration;

use crate::sse::{self, EventName};
use crate::{Instant, Random, SplitMix64, UnixTime};

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
    /// Whether the first beat comes at once, and not only after [`every`](Self::every). Default `false`.
    pub at_once: bool,
}

impl Heartbeat {
    /// Makes a comment after so much silence.
    pub const fn new(every: Duration) -> Self {
        Self { every, form: KeepAlive::Comment, when: When::Idle, jitter: 0, at_once: false }
    }

    /// Makes none at all.
    pub const fn never() -> Self {
        Self::new(Duration::ZERO)
    }

    /// Makes the heartbeat of go-httpsse: a [`KeepAlive::Thump`] at once and every so often, whatever else is sent. `unix_at_start` is the
    /// wall time at [`Instant::START`].
    pub const fn thump(every: Duration, unix_at_start: UnixTime) -> Self {
        Self { every, form: KeepAlive::Thump { unix_at_start }, when: When::Always, jitter: 0, at_once: true }
    }

    /// Appends a beat.
    pub(super) fn encode(&self, now: Instant, out: &mut Vec<u8>) {
        match &self.form {
            KeepAlive::Comment => out.extend_from_slice(b":\n\n"),
            KeepAlive::Newline => out.push(b'\n'),
            KeepAlive::Event(name) => sse::Fields { event: Some(name), ..sse::Fields::default() }.encode(out),
            KeepAlive::Thump { unix_at_start } => thump(*unix_at_start + now.since_start(), self.every, out),
        }
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
    /// Two comments that tell the wall time of this beat and of the next one, as go-httpsse sends them.
    Thump {
        /// The wall time at [`Instant::START`].
        unix_at_start: UnixTime,
    },
}

/// Appends two comments in one block: when this is, and when the next one should be.
fn thump(unix: UnixTime, every: Duration, out: &mut Vec<u8>) {
    let told = |unix: UnixTime| alloc::format!("unix-time {} ({unix})", unix.as_millis() / 1000);
    let mut beat = sse::EventWriter::new(out);
    beat.comment(&alloc::format!(" heartbeat thump! at {}", told(unix)));
    beat.comment(&alloc::format!("   next should be at {}", told(unix + every)));
    beat.commit();
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

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::server::{Config, EventStream, Framing, StreamHead};

    fn sent(stream: &mut EventStream) -> String {
        core::iter::from_fn(|| stream.poll_transmit())
            .map(|piece| String::from_utf8_lossy(&piece).into_owned())
            .collect()
    }

    #[test]
    fn a_thump_comes_at_once_and_tells_when_the_next_one_does() {
        let unix_at_start = UnixTime::from_millis(784_111_777_000);
        let every = Duration::from_millis(4_567);
        let head = StreamHead { heartbeat: Some(Heartbeat::thump(every, unix_at_start)), ..StreamHead::default() };
        let mut now = Instant::START;
        let mut stream = EventStream::new(Config::default(), &head, Framing::Bare, now, 1);
        let expected = [
            ": heartbeat thump! at unix-time 784111777 (1994-11-06T08:49:37.000Z)\n\
             :   next should be at unix-time 784111781 (1994-11-06T08:49:41.567Z)\n\n",
            ": heartbeat thump! at unix-time 784111781 (1994-11-06T08:49:41.567Z)\n\
             :   next should be at unix-time 784111786 (1994-11-06T08:49:46.134Z)\n\n",
        ];
        assert_eq!(sent(&mut stream), expected[0]);
        assert_eq!(stream.poll_timeout(), Some(now + every));
        now = now + every;
        stream.handle_timeout(now);
        assert_eq!(sent(&mut stream), expected[1]);

        // One that is set on the way comes at once as well, and one that is not waits.
        let newline = Heartbeat { form: KeepAlive::Newline, at_once: true, ..Heartbeat::new(every) };
        stream.set_heartbeat(now, Some(newline.clone()));
        assert_eq!(sent(&mut stream), "\n");
        stream.set_heartbeat(now, Some(Heartbeat { at_once: false, ..newline }));
        assert_eq!(sent(&mut stream), "");
    }
}
