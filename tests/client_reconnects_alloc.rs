//! A million reconnections under fake time: whatever ends them, nothing is left behind. The whole test counts, so it stands alone in
//! its binary.

use core::time::Duration;

use tidewire_core::client::{Config, ConnectError, Event, EventSource, Progress, RetryStatus, State};
use tidewire_core::{Closing, Instant, Protocol};
use tidewire_tests::client::{CHUNKED, UNTIL_CLOSE, config, redirect, response};
use tidewire_tests::heap::Heap;

#[global_allocator]
static HEAP: Heap = Heap;

const RECONNECTIONS: u64 = 1_000_000;

/// What may be left: nothing grows, but a queue may have found its size a little later.
const SLACK: isize = 1024;

#[test]
fn a_million_reconnections_leave_nothing_behind() {
    let endings = endings();
    let mut run = Run::new();
    let mut at_first = 0;
    while run.machine.attempt() < RECONNECTIONS {
        let number = run.machine.attempt();
        run.one(&endings[number as usize % endings.len()]);
        if number == RECONNECTIONS / 100 {
            at_first = Heap::live();
        }
        assert_ne!(run.machine.state(), State::Closed, "after {number}");
    }
    let left = Heap::live() - at_first;
    assert!(left <= SLACK, "{left} bytes more after {RECONNECTIONS} connections than after a hundredth of them");
    assert!(run.messages > RECONNECTIONS / 10 && run.disconnections > RECONNECTIONS / 2, "{run:?}");
    assert!(run.machine.last_event_id().len() < 30);
    // The sums of all waits: days have passed, and the clock is not at its end.
    assert!(run.now > Instant::START + Duration::from_secs(86_400) && run.now + Duration::from_secs(1) > run.now);
}

/// What a server does with a connection: nothing if the connection is not made, else what it sends, and how it leaves.
#[derive(Debug)]
struct Ending {
    refused: Option<ConnectError>,
    sent: Vec<u8>,
    leaves: Leaves,
}

#[derive(Clone, Copy, Debug)]
enum Leaves {
    End,
    Reset,
    Silent,
}

fn endings() -> Vec<Ending> {
    let refused = |error| Ending { refused: Some(error), sent: Vec::new(), leaves: Leaves::End };
    let sends = |sent: &str, leaves| Ending { refused: None, sent: sent.into(), leaves };
    let stream = |body: &str| format!("{UNTIL_CLOSE}{body}");
    vec![
        refused(ConnectError::Refused),
        refused(ConnectError::Resolve),
        sends("", Leaves::End),
        sends("", Leaves::Reset),
        sends("", Leaves::Silent),
        sends("HTTP/1.1 200 OK\r\nConte", Leaves::Silent),
        sends("nonsense\r\n\r\n", Leaves::End),
        sends(&stream(""), Leaves::End),
        sends(&stream(": hi\nid: seven\ndata: hello\n\n"), Leaves::End),
        sends(&stream("id: eight\ndata: cut\ndata: of"), Leaves::Reset),
        sends(&stream("retry: 20\n\ndata: x\n\n"), Leaves::Silent),
        sends(&stream(&format!("id: {}\nevent: big\ndata: {}\n\n", "7".repeat(20), "x".repeat(500))), Leaves::End),
        sends(&stream(&"x".repeat(1200)), Leaves::End),
        sends(&format!("{CHUNKED}9\r\ndata: y\n\n\r\n0\r\n\r\n"), Leaves::End),
        sends(&format!("{CHUNKED}ff\r\ndata"), Leaves::End),
        sends(&format!("{CHUNKED}zz"), Leaves::Reset),
        sends(&response("503 Busy", "Retry-After: 2\r\n", "come back later"), Leaves::End),
        sends("HTTP/1.1 429 Slow Down\r\n\r\nwho knows", Leaves::Silent),
        sends(&redirect(302, "http://other.test/there"), Leaves::End),
        sends(&format!("HTTP/1.1 103 Early Hints\r\n\r\n{}", stream("id\ndata: z\n\n")), Leaves::End),
    ]
}

#[derive(Debug)]
struct Run {
    machine: EventSource,
    now: Instant,
    messages: u64,
    disconnections: u64,
}

impl Run {
    fn new() -> Self {
        let machine = EventSource::new(limited(), 3, Instant::START);
        Self { machine, now: Instant::START, messages: 0, disconnections: 0 }
    }

    /// Waits for the next connection and lets a server do its worst on it.
    fn one(&mut self, ending: &Ending) {
        let connect = loop {
            self.take();
            match self.machine.poll_connect(self.now) {
                Some(connect) => break connect,
                None => self.next_deadline(),
            }
        };
        self.machine.handle_progress(self.now, connect.attempt, Progress::Resolved);
        if let Some(error) = &ending.refused {
            self.machine.handle_connect_failed(self.now, connect.attempt, error.clone());
            return self.take();
        }
        self.machine.handle_connected(self.now, connect.attempt);
        while self.machine.poll_transmit().is_some() {}
        if !ending.sent.is_empty() {
            self.machine.handle_input(self.now, &ending.sent);
            self.take();
        }
        match ending.leaves {
            Leaves::End => self.machine.handle_eof(self.now),
            Leaves::Reset => self.machine.handle_reset(self.now),
            Leaves::Silent => {}
        }
        self.take();
        while self.machine.closing() == Closing::No {
            self.next_deadline();
            self.take();
        }
    }

    fn next_deadline(&mut self) {
        self.now = self.machine.poll_timeout().expect("something is waited for").max(self.now);
        self.machine.handle_timeout(self.now);
    }

    fn take(&mut self) {
        while let Some(event) = self.machine.poll_event() {
            self.messages += u64::from(matches!(event, Event::Message(_)));
            self.disconnections += u64::from(matches!(event, Event::Disconnected { .. }));
        }
    }
}

fn limited() -> Config {
    let mut config = config();
    (config.limits.max_line, config.limits.max_event) = (1000, 1000);
    config.backoff.jitter = 0.5;
    config.retry_status = RetryStatus::TRANSIENT;
    config
}
