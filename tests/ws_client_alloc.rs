//! Twenty thousand reconnections of the WebSocket client under fake time, and what it holds while it is idle. The whole test counts,
//! so it stands alone in its binary.

use tidewire_core::client::{ConnectError, OpenHook, State, WebSocket, WebSocketConfig, WebSocketEvent};
use tidewire_core::ws::deflate;
use tidewire_core::{Closing, Instant, Protocol, SplitMix64};
use tidewire_tests::client::{redirect, response};
use tidewire_tests::heap::Heap;
use tidewire_tests::ws_client::{BINARY, TEXT, agreement, close_frame, config, frame};

#[global_allocator]
static HEAP: Heap = Heap;

const RECONNECTIONS: u64 = 20_000;

/// What may be left: nothing grows, but a queue may have found its size a little later.
const SLACK: isize = 1024;

#[test]
fn twenty_thousand_reconnections_leave_nothing_behind() {
    let endings = endings();
    let mut run = Run::new(limited());
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
    assert!(run.unsent > RECONNECTIONS / 20, "{run:?}");
}

#[test]
fn an_idle_client_holds_less_than_5_kilobytes() {
    let before = Heap::live();
    let mut run = Run::new(config());
    run.open();
    for _ in 0..100 {
        run.machine.handle_input(run.now, &frame(TEXT, &[b'x'; 2000]));
        run.machine.send_text(run.now, "hello").expect("there is room");
        run.take();
        while run.machine.poll_transmit().is_some() {}
    }
    assert_eq!((run.machine.state(), run.messages), (State::Open, 100));
    let idle = Heap::live() - before + size_of_val(&run.machine) as isize;
    assert!(idle < 5120, "{idle} bytes");
}

/// What a server does with a connection.
#[derive(Debug)]
enum Ending {
    Refused(ConnectError),
    /// It answers the request so, and ends.
    Answers(String),
    /// It agrees, sends this, and then leaves so.
    Opens(Vec<u8>, Leaves),
}

#[derive(Clone, Copy, Debug)]
enum Leaves {
    End,
    Reset,
    Silent,
    /// While there are messages that it did not read.
    Stalled,
}

fn endings() -> Vec<Ending> {
    let texts = [frame(TEXT, b"hello"), frame(BINARY, &[7; 500]), frame(9, b"p")].concat();
    let half = frame(TEXT, &[b'x'; 900])[..500].to_vec();
    let start = [vec![0x01, 0x03], b"abc".to_vec()].concat();
    let open = |bytes: &[u8], leaves| Ending::Opens(bytes.to_vec(), leaves);
    vec![
        Ending::Refused(ConnectError::Refused),
        Ending::Answers(String::new()),
        Ending::Answers("HTTP/1.1 101 Swi".into()),
        Ending::Answers("nonsense\r\n\r\n".into()),
        Ending::Answers(response("503 Busy", "Retry-After: 2\r\n", "come back later")),
        Ending::Answers(redirect(302, "http://other.test/there")),
        open(b"", Leaves::End),
        open(b"", Leaves::Silent),
        open(&texts, Leaves::Reset),
        open(&texts, Leaves::Stalled),
        open(&half, Leaves::End),
        open(&half, Leaves::Silent),
        open(&start, Leaves::Reset),
        open(&[start, half].concat(), Leaves::End),
        open(&[texts, close_frame(1001, "restart")].concat(), Leaves::End),
        open(&close_frame(1013, ""), Leaves::Silent),
        open(&frame(3, b""), Leaves::Silent),
        open(&frame(TEXT, &[b'x'; 1500]), Leaves::End),
        open(&frame(TEXT, b"\xff"), Leaves::End),
    ]
}

#[derive(Debug)]
struct Run {
    machine: WebSocket,
    now: Instant,
    messages: u64,
    disconnections: u64,
    unsent: u64,
}

impl Run {
    fn new(config: WebSocketConfig) -> Self {
        let machine = WebSocket::new(config, Box::new(SplitMix64::new(3)), Instant::START);
        Self { machine, now: Instant::START, messages: 0, disconnections: 0, unsent: 0 }
    }

    /// Waits for the next connection and lets a server do its worst on it.
    fn one(&mut self, ending: &Ending) {
        match ending {
            Ending::Refused(error) => {
                let attempt = self.connect();
                self.machine.handle_connect_failed(self.now, attempt, error.clone());
                return self.take();
            }
            Ending::Answers(answer) => {
                let attempt = self.connect();
                self.machine.handle_connected(self.now, attempt);
                while self.machine.poll_transmit().is_some() {}
                self.machine.handle_input(self.now, answer.as_bytes());
                self.take();
                self.machine.handle_eof(self.now);
            }
            Ending::Opens(bytes, leaves) => {
                self.open();
                self.machine.handle_input(self.now, bytes);
                self.take();
                match leaves {
                    Leaves::End => self.machine.handle_eof(self.now),
                    Leaves::Reset => self.machine.handle_reset(self.now),
                    Leaves::Stalled => {
                        for _ in 0..3 {
                            self.machine.send_text(self.now, "never read").expect("there is room");
                        }
                        self.machine.handle_reset(self.now);
                    }
                    Leaves::Silent => {}
                }
            }
        }
        self.take();
        while self.machine.closing() != Closing::Abort {
            while self.machine.poll_transmit().is_some() {}
            self.take();
            if self.machine.closing() != Closing::Abort {
                self.next_deadline();
                self.take();
            }
        }
    }

    /// Waits for the next connection.
    fn connect(&mut self) -> u64 {
        loop {
            self.take();
            match self.machine.poll_connect(self.now) {
                Some(connect) => return connect.attempt,
                None => self.next_deadline(),
            }
        }
    }

    /// Lets the next connection open.
    fn open(&mut self) {
        let attempt = self.connect();
        self.machine.handle_connected(self.now, attempt);
        let request = self.machine.poll_transmit().expect("a request");
        let answer = agreement(str::from_utf8(&request).expect("text"), "");
        self.machine.handle_input(self.now, &answer);
        self.take();
        assert_eq!(self.machine.state(), State::Open);
        while self.machine.poll_transmit().is_some() {}
    }

    fn next_deadline(&mut self) {
        self.now = self.machine.poll_timeout().expect("something is waited for").max(self.now);
        self.machine.handle_timeout(self.now);
    }

    fn take(&mut self) {
        while let Some(event) = self.machine.poll_event() {
            match event {
                WebSocketEvent::Message(_) => self.messages += 1,
                WebSocketEvent::Disconnected { unsent, .. } => {
                    self.disconnections += 1;
                    self.unsent += unsent as u64;
                }
                _ => {}
            }
        }
    }
}

fn limited() -> WebSocketConfig {
    let mut config = config();
    config.http.backoff.jitter = 0.5;
    config.http.max_redirects = 10;
    config.protocols = vec!["a".into()];
    config.token = Some("t".into());
    config.on_open = Some(OpenHook::new(|_| vec!["subscribe".into()]));
    let connection = config.connection_mut();
    connection.limits.max_message = 1000;
    connection.deflate = Some(deflate::Config::default());
    config
}
