//! A server without sockets and clock that does what it is told on each connection, and the client that has to live with it.

use core::time::Duration;

use tidewire_core::client::{Config, Event, State};
use tidewire_core::{Closing, Instant, Protocol};

use crate::client::Client;
use crate::heap::Heap;

/// What a server does next on a connection; behind the last of these it does nothing more.
#[derive(Clone, Debug)]
pub enum Act {
    /// It sends this, in pieces no larger than a driver reads.
    Send(Vec<u8>),
    /// It sends this byte by byte, each after this time.
    Drip(Vec<u8>, Duration),
    /// It sends this again and again, so many times.
    Flood(Vec<u8>, usize),
    /// It waits.
    Wait(Duration),
    /// It ends its side.
    End,
    /// It breaks the connection.
    Reset,
}

impl Act {
    /// Sends `text`.
    pub fn send(text: impl AsRef<[u8]>) -> Self {
        Self::Send(text.as_ref().to_vec())
    }
}

/// What became of a client.
#[derive(Debug, Default)]
pub struct Report {
    /// The requests that came, as text.
    pub requests: Vec<String>,
    /// When they came.
    pub times: Vec<Instant>,
    /// How many of them came where a redirect had led.
    pub hops: usize,
    /// How often the stream was open.
    pub opened: usize,
    /// How many messages came.
    pub messages: usize,
    /// Why connections were lost, in order, in words.
    pub lost: Vec<String>,
    /// How long the waits were that were announced with that.
    pub delays: Vec<Duration>,
    /// Why it was over, in words, if it was.
    pub closed: Option<String>,
    /// The most bytes that the client held between two things that happened.
    pub held: isize,
}

/// Lets a client of `config` live for `time` with a server that does on its connections, counted from 0, what `script` says.
///
/// Whatever the server does: each attempt is lost once at most, after the end there is nothing, something is always waited for, and
/// what the client holds stays within `bound` bytes.
///
/// # Panics
///
/// If one of these does not hold.
pub fn live(config: Config, time: Duration, bound: isize, mut script: impl FnMut(usize) -> Vec<Act>) -> Report {
    let before = Heap::live();
    let client = Client::with_seed(config, 7);
    let mut run = Run { client, report: Report::default(), outcomes: 0, before, kept: 0, bound };
    let end = run.client.now + time;
    for number in 0.. {
        run.look();
        if run.client.machine.state() == State::Closed || run.client.now >= end {
            break;
        }
        // A round trip: no server answers in no time.
        if !run.pass(LATENCY, |client| client.machine.closing() == Closing::No) {
            continue;
        }
        let request = run.client.accept();
        run.begin(request);
        for act in script(number) {
            run.look();
            if !run.client.connected {
                break;
            }
            run.act(act);
        }
        // Nothing more comes.
        while run.client.connected && run.client.now < end {
            let at = run.client.machine.poll_timeout().expect("silence has a deadline");
            run.client.advance(at.min(end) - run.client.now);
            run.look();
        }
        // The next connection.
        while run.client.machine.closing() == Closing::Abort && run.client.now < end {
            let Some(at) = run.client.machine.poll_timeout() else { break };
            run.client.advance(at.min(end) - run.client.now);
            run.look();
        }
    }
    assert!(run.outcomes <= 1, "an attempt was lost {} times", run.outcomes);
    run.report
}

struct Run {
    client: Client,
    report: Report,
    /// How often the current attempt was said to be lost.
    outcomes: usize,
    /// What the thread held before.
    before: isize,
    /// What the report holds.
    kept: isize,
    bound: isize,
}

impl Run {
    /// Notes that an attempt has reached the server.
    fn begin(&mut self, request: String) {
        assert!(self.outcomes <= 1, "an attempt was lost {} times", self.outcomes);
        let redirected = self.outcomes == 0 && !self.report.requests.is_empty();
        self.outcomes = 0;
        let now = self.client.now;
        // The string was counted as the client's until here.
        self.kept += request.capacity() as isize;
        self.keep(|report| {
            report.hops += usize::from(redirected);
            report.requests.push(request);
            report.times.push(now);
        });
    }

    /// Writes into the report, whose memory is not the client's.
    fn keep(&mut self, write: impl FnOnce(&mut Report)) {
        let before = Heap::live();
        write(&mut self.report);
        self.kept += Heap::live() - before;
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Send(bytes) => self.send(&bytes),
            Act::Drip(bytes, every) => {
                for byte in bytes {
                    if !self.pass(every, |client| client.connected) {
                        return;
                    }
                    self.send(&[byte]);
                }
            }
            Act::Flood(bytes, times) => {
                for _ in 0..times {
                    if !self.client.connected {
                        return;
                    }
                    self.send(&bytes);
                }
            }
            Act::Wait(time) => drop(self.pass(time, |client| client.connected)),
            Act::End => self.client.eof(),
            Act::Reset => self.client.reset(),
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            if !self.client.connected {
                return;
            }
            self.client.receive(piece);
            self.look();
        }
    }

    /// Lets time pass as long as `wanted` holds; returns whether it did to the end.
    fn pass(&mut self, time: Duration, wanted: impl Fn(&Client) -> bool) -> bool {
        let end = self.client.now + time;
        while wanted(&self.client) {
            let next = self.client.machine.poll_timeout().filter(|at| *at <= end);
            self.client.advance(next.unwrap_or(end) - self.client.now);
            self.look();
            if next.is_none() {
                return wanted(&self.client);
            }
        }
        false
    }

    /// Takes what was told, and looks at what the client holds.
    fn look(&mut self) {
        for event in core::mem::take(&mut self.client.events) {
            assert!(self.report.closed.is_none(), "{event} after the end");
            let (retry_in, why) = match event {
                Event::Opened { .. } => {
                    self.report.opened += 1;
                    continue;
                }
                Event::Message(_) => {
                    self.report.messages += 1;
                    continue;
                }
                Event::Disconnected { reason, retry_in, .. } => (Some(retry_in), reason.to_string()),
                Event::Closed(reason) => (None, reason.to_string()),
                _ => continue,
            };
            // A deadline for it all may end a wait too.
            self.outcomes += usize::from(retry_in.is_some());
            self.kept += why.capacity() as isize;
            self.keep(|report| match retry_in {
                Some(retry_in) => {
                    report.lost.push(why);
                    report.delays.push(retry_in);
                }
                None => report.closed = Some(why),
            });
        }
        let older = self.client.connects.len().saturating_sub(1);
        self.client.connects.drain(..older);
        let held = Heap::live() - self.before - self.kept;
        self.report.held = self.report.held.max(held);
        assert!(held <= self.bound, "{held} bytes are held");
    }
}

/// As much as a driver reads at once.
const PIECE: usize = 32 * 1024;

const LATENCY: Duration = Duration::from_millis(1);
