//! A small machine to try the drivers with: lines out, lines in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tidewire_core::{Closing, Instant, Protocol};

/// How long a test may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A line that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line(pub(crate) String);

/// Sends its lines, ends its side, and hears the peer to its end.
#[derive(Debug)]
pub(crate) struct Lines {
    output: VecDeque<Bytes>,
    partial: Vec<u8>,
    events: VecDeque<Line>,
    abort_at: Option<Instant>,
    over: bool,
}

impl Lines {
    /// Sends the numbers up to `count`.
    pub(crate) fn numbered(count: usize) -> Self {
        Self::of((0..count).map(|n| Bytes::from(format!("{n}\n"))))
    }

    /// Sends `count` lines of `len` bytes.
    pub(crate) fn long(count: usize, len: usize) -> Self {
        let mut line = vec![b'x'; len];
        line.push(b'\n');
        let line = Bytes::from(line);
        Self::of((0..count).map(|_| line.clone()))
    }

    fn of(output: impl Iterator<Item = Bytes>) -> Self {
        let output = output.collect();
        Self { output, partial: Vec::new(), events: VecDeque::new(), abort_at: None, over: false }
    }

    /// Gives the peer only that long.
    pub(crate) fn lingering(self, linger: Duration) -> Self {
        Self { abort_at: Some(Instant::START + linger), ..self }
    }
}

impl Protocol for Lines {
    type Event = Line;

    fn handle_input(&mut self, _now: Instant, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.partial.extend_from_slice(part);
            if self.partial.pop_if(|byte| *byte == b'\n').is_some() {
                let line = std::mem::take(&mut self.partial);
                self.events.push_back(Line(String::from_utf8_lossy(&line).into_owned()));
            }
        }
    }

    fn handle_eof(&mut self, _now: Instant) {}

    fn handle_timeout(&mut self, now: Instant) {
        if self.abort_at.is_some_and(|at| at <= now) {
            self.abort_at = None;
            self.over = true;
        }
    }

    fn poll_event(&mut self) -> Option<Line> {
        self.events.pop_front()
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.output.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.abort_at
    }

    fn closing(&self) -> Closing {
        if self.over { Closing::Abort } else { Closing::Finish }
    }
}

/// Takes everything, says nothing.
#[derive(Debug)]
pub(crate) struct Deaf;

impl Protocol for Deaf {
    type Event = Line;

    fn handle_input(&mut self, _now: Instant, _bytes: &[u8]) {}

    fn handle_eof(&mut self, _now: Instant) {}

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_event(&mut self) -> Option<Line> {
        None
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn closing(&self) -> Closing {
        Closing::No
    }
}

/// A stream of events without end, for transports that always have more.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    given: Arc<AtomicUsize>,
    at: usize,
}

impl Flood {
    /// The head of the response.
    pub(crate) const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    /// The event that comes again and again.
    pub(crate) const EVENT: &str = "data: the same again\n\n";

    /// Makes a stream that counts the bytes it gives.
    pub(crate) fn new(given: Arc<AtomicUsize>) -> Self {
        Self { given, at: 0 }
    }

    /// Fills the space with what comes next.
    pub(crate) fn fill(&mut self, space: &mut [u8]) {
        let from_head = Self::HEAD.bytes().skip(self.at);
        let events = Self::EVENT.bytes().cycle().skip(self.at.saturating_sub(Self::HEAD.len()) % Self::EVENT.len());
        for (byte, next) in space.iter_mut().zip(from_head.chain(events)) {
            *byte = next;
        }
        self.at += space.len();
        self.given.fetch_add(space.len(), Ordering::Relaxed);
    }
}
