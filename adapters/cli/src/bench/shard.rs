//! The readers of one thread, and what they measured.

use tidewire_core::client::{CloseReason, Event, Reason, Refusal, publish};

use super::run::{Run, micros};
use super::sequence::Sequence;
use super::tally::{Tally, count};
use crate::exit::Exit;
use crate::wording::flags;

/// The readers of one thread.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) tally: Tally,
    readers: Vec<Reader>,
    /// The exit code that the first failure would have.
    pub(super) failed: Option<Exit>,
}

/// One reader.
#[derive(Clone, Debug)]
struct Reader {
    state: State,
    has_tried: bool,
    /// What it got; none until it is open for the first time.
    sequence: Option<Sequence>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Since when, in microseconds.
    Connecting(u64),
    Open,
    Over,
}

impl Shard {
    pub(super) fn new(readers: usize) -> Self {
        let reader = Reader { state: State::Over, has_tried: false, sequence: None };
        Self { tally: Tally::new(), readers: vec![reader; readers], failed: None }
    }

    /// Notes that a reader begins to connect.
    pub(super) fn begin(&mut self, reader: usize, run: &Run) {
        if let Some(reader) = self.readers.get_mut(reader) {
            reader.state = State::Connecting(run.now());
        }
    }

    /// Takes what a reader is told.
    pub(super) fn take(&mut self, reader: usize, run: &Run, event: &Event) {
        let Self { tally, readers, failed } = self;
        let Some(reader) = readers.get_mut(reader) else { return };
        let now = run.now();
        match event {
            Event::Opened { .. } => {
                if let State::Connecting(since) = reader.state {
                    tally.connects.saturating_record(now.saturating_sub(since));
                }
                reader.tried(tally);
                if reader.sequence.is_none() {
                    tally.opened += 1;
                    tally.opening = Some((tally.opening.map_or(now, |(first, _)| first), now));
                    reader.sequence = Some(Sequence::new((!run.is_publishing()).then_some(0)));
                }
                reader.moves(State::Open, tally);
            }
            Event::Message(message) => {
                tally.bytes += message.data().len() as u64;
                tally.gaps += u64::from(message.event_type() == "gap");
                match (run.stamps.find(message.data()), &mut reader.sequence) {
                    (Some(stamp), Some(sequence)) => {
                        let arrival = sequence.take(stamp.number);
                        tally.arrived(arrival, now.saturating_sub(stamp.planned), now.saturating_sub(stamp.sent));
                    }
                    _ => tally.others += 1,
                }
            }
            Event::Disconnected { reason, retry_in, .. } => {
                failed.get_or_insert(exit(reason));
                count(&mut tally.failures, cause(reason));
                reader.tried(tally);
                reader.moves(State::Connecting(now + micros(*retry_in)), tally);
            }
            Event::Closed(reason) => {
                failed.get_or_insert(close_exit(reason));
                count(&mut tally.failures, close_cause(reason));
                reader.tried(tally);
                reader.moves(State::Over, tally);
            }
            _ => {}
        }
    }

    /// Returns what the readers got that were ever open.
    pub(super) fn sequences(&self) -> impl Iterator<Item = &Sequence> {
        self.readers.iter().filter_map(|reader| reader.sequence.as_ref())
    }
}

impl Reader {
    fn tried(&mut self, tally: &mut Tally) {
        tally.tried += u64::from(!self.has_tried);
        self.has_tried = true;
    }

    fn moves(&mut self, state: State, tally: &mut Tally) {
        tally.open -= u64::from(self.state == State::Open);
        tally.open += u64::from(state == State::Open);
        self.state = state;
    }
}

/// Returns the cause without what differs from reader to reader.
fn cause(reason: &Reason) -> String {
    match reason {
        Reason::Status(refusal) => status(refusal),
        reason => in_words(reason),
    }
}

fn close_cause(reason: &CloseReason) -> String {
    match reason {
        CloseReason::Status(refusal) => status(refusal),
        reason => in_words(reason),
    }
}

/// All deadlines are one option here, and what is no stream is never taken for one.
fn in_words(reason: &impl ToString) -> String {
    flags(&reason.to_string())
        .replace("--connect-timeout", "--timeout")
        .replace("--head-timeout", "--timeout")
        .replace("? --any-content-type takes it all the same", "?")
}

/// Returns the status with what the server says about it, as a problem (RFC 9457) or in a line of text.
fn status(refusal: &Refusal) -> String {
    let problem = publish::Refusal::read(refusal.head.status, &refusal.body);
    let line = refusal.text().and_then(|text| text.lines().next()).filter(|line| line.len() < 100);
    match line.filter(|_| problem.reason.is_none()) {
        Some(line) => format!("{problem}: {line}"),
        None => problem.to_string(),
    }
}

fn exit(reason: &Reason) -> Exit {
    match reason {
        Reason::Status(_) => Exit::Refused,
        Reason::ContentType(_) | Reason::ContentCoding(_) | Reason::Head(_) | Reason::Framing(_) => Exit::NotAStream,
        _ => Exit::Network,
    }
}

fn close_exit(reason: &CloseReason) -> Exit {
    match reason {
        CloseReason::NoContent => Exit::NoContent,
        CloseReason::Status(_) | CloseReason::ProxyRefused { .. } => Exit::Refused,
        CloseReason::ContentType(_) | CloseReason::ContentCoding(_) | CloseReason::Redirect { .. } => Exit::NotAStream,
        reason => reason.reason().map_or(Exit::Network, exit),
    }
}
