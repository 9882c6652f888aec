//! The body of the fuzz target of the server's machine: any input, any order of what application, peer and clock do.

use std::collections::VecDeque;
use std::time::Duration;

use tidewire_core::http::{
    BodyReader, Framing, HeadLimits, HeadReader, Method, ResponseHead, Version, response_framing,
};
use tidewire_core::log::Burst;
use tidewire_core::server::{CloseReason, Config, End, Event, Reply, Session, StreamHead};
use tidewire_core::{Closing, Instant, Protocol, UnixTime};

use crate::fuzz::split_line;

/// The first line says what happens, a letter each; the rest is what the peer sends. When the letters are used up, the peer sends
/// all that is left, ends its side, and reads everything.
///
/// `a`…`p`: it sends 1, 2, 4, … 32,768 bytes; `q`: it reads one piece, `Q`: all; `E`: it ends its side; `0`…`9`: 0, 1, 2, 4, … 256 s
/// pass; `r`: the request is answered, `s`: with a stream; `B`: a burst is pushed, `M`: a message sent, `X`: the stream ended, `L`: for lag;
/// `H`: its heartbeat is stopped; `S`: the server shuts down.
pub fn machine(input: &[u8]) {
    let (steps, mut sent) = split_line(input);
    let mut machine = Machine::new();
    for step in steps.iter().take(1_000) {
        machine.unread |= *step != b'Q' && !step.is_ascii_digit();
        match step {
            b'a'..=b'p' => {
                let (piece, rest) = sent.split_at(sent.len().min(1 << (step - b'a')));
                machine.session.handle_input(machine.now, piece);
                sent = rest;
            }
            b'q' => machine.read(),
            b'Q' => machine.read_all(),
            b'E' => machine.session.handle_eof(machine.now),
            b'0'..=b'9' => machine.wait(Duration::from_secs((1 << (step - b'0')) / 2)),
            b'r' => machine.reply(),
            b's' => machine.start_stream(),
            b'B' => machine.push_burst(),
            b'M' => machine.send(),
            b'X' => machine.session.end_stream(machine.now, End::default()),
            b'L' => {
                machine.cut |= machine.session.is_streaming();
                machine.session.end_stream(machine.now, End::new(CloseReason::Lagging));
            }
            b'H' => {
                assert_eq!(machine.session.set_heartbeat(machine.now, None).is_ok(), machine.session.stream().is_some())
            }
            b'S' => {
                machine.shut_down = true;
                machine.session.shutdown(machine.now);
            }
            _ => {}
        }
        machine.check();
    }
    machine.session.handle_input(machine.now, sent);
    machine.session.handle_eof(machine.now);
    machine.check();
    machine.read_all();
    machine.wait(Duration::from_secs(1_000));
    machine.finish();
}

struct Machine {
    session: Session,
    now: Instant,
    /// The methods of requests that wait for an answer, and of all that were told, with the version.
    waiting: VecDeque<Method>,
    asked: VecDeque<(Method, Version)>,
    closed: Option<CloseReason>,
    closing: Closing,
    output: Vec<u8>,
    /// Events given to the stream: bursts and messages.
    given: [Vec<String>; 2],
    shut_down: bool,
    /// Whether something may wait to be read, and whether it did so when the socket was dropped.
    unread: bool,
    cut: bool,
}

impl Machine {
    fn new() -> Self {
        let mut config = Config::default();
        config.head.max_bytes = 1_000;
        config.max_body = 1_000;
        config.max_pipelined = 1_000;
        config.max_ignored = 1_000;
        config.max_queued_frames = 4;
        config.max_stream_time = Some(Duration::from_secs(100));
        Self {
            session: Session::new(config, Instant::START, UnixTime::default(), 1),
            now: Instant::START,
            waiting: VecDeque::new(),
            asked: VecDeque::new(),
            closed: None,
            closing: Closing::No,
            output: Vec::new(),
            given: [Vec::new(), Vec::new()],
            shut_down: false,
            unread: false,
            cut: false,
        }
    }

    fn wait(&mut self, duration: Duration) {
        let until = self.now + duration;
        let mut steps = 0;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            self.cut |= self.unread && self.session.closing() == Closing::Abort;
            self.unread = true;
            assert!(self.session.poll_timeout() != Some(at), "what was due is done");
            steps += 1;
            assert!(steps < 1_000, "time does not stand still");
            self.check();
        }
        self.now = until;
        self.session.handle_timeout(self.now);
        self.check();
    }

    fn read(&mut self) {
        if let Some(piece) = self.session.poll_transmit() {
            assert!(!piece.is_empty());
            self.output.extend_from_slice(&piece);
        }
        self.check();
    }

    fn read_all(&mut self) {
        loop {
            let before = self.output.len();
            self.read();
            if self.output.len() == before {
                self.unread = false;
                return;
            }
        }
    }

    fn reply(&mut self) {
        let waits = self.waiting.pop_front().is_some();
        let mut reply = Reply::new(200);
        reply.body = "answer".into();
        assert_eq!(self.session.reply(self.now, reply).is_ok(), waits);
    }

    fn start_stream(&mut self) {
        let waits = self.waiting.pop_front().is_some();
        assert_eq!(self.session.start_stream(self.now, StreamHead::default()).is_ok(), waits);
    }

    fn push_burst(&mut self) {
        let wanted = self.session.wants_publications();
        let event = format!("data: burst {}\n\n", self.given[0].len());
        let pushed = self.session.push_burst(self.now, &Burst::new(event.as_bytes())).is_ok();
        assert!(pushed || !wanted);
        if pushed {
            assert!(self.session.is_streaming() && !self.session.wants_publications());
            self.given[0].push(event);
        }
    }

    fn send(&mut self) {
        let event = format!("data: message {}\n\n", self.given[1].len());
        if self.session.send(self.now, event.as_bytes()).is_ok() {
            assert!(self.session.is_streaming());
            self.given[1].push(event);
        }
    }

    /// What is true after every step.
    fn check(&mut self) {
        while let Some(event) = self.session.poll_event() {
            assert!(self.closed.is_none(), "nothing is told after the end: {event:?}");
            match event {
                Event::Request(request) => {
                    assert!(self.waiting.is_empty(), "one request at a time");
                    assert!(request.body.len() <= 1_000);
                    self.waiting.push_back(request.head.method.clone());
                    self.asked.push_back((request.head.method, request.head.version));
                }
                Event::Closed(reason) => {
                    assert!(reason != CloseReason::Shutdown || self.shut_down);
                    self.closed = Some(reason);
                }
                other => panic!("{other:?}"),
            }
        }
        let closing = self.session.closing();
        assert!(closing >= self.closing, "closing never goes back");
        self.closing = closing;
        assert_eq!(closing != Closing::No, self.closed.is_some());
        assert!(!self.session.is_streaming() || closing == Closing::No);
        let waits_for_nothing = self.session.poll_timeout().is_none();
        assert!(!waits_for_nothing || closing == Closing::Abort || !self.waiting.is_empty());
    }

    fn finish(mut self) {
        if self.closing == Closing::No {
            assert!(!self.waiting.is_empty(), "only an application may hold a connection whose peer has gone");
        } else {
            assert_eq!(self.closing, Closing::Abort, "the linger has passed");
            assert_eq!((self.session.poll_transmit(), self.session.poll_timeout()), (None, None));
        }
        self.check_output();
    }

    /// What the peer has read are answers, one for each request and in their order, the last one perhaps cut short.
    fn check_output(&mut self) {
        let cut = self.cut;
        let mut rest = &self.output[..];
        let mut refused = false;
        while !rest.is_empty() {
            assert!(!refused, "a refusal is the last answer");
            let mut heads = HeadReader::<ResponseHead>::new(HeadLimits::default());
            let (head, used) = heads.feed(rest).expect("a head that reads").expect("a whole head");
            rest = &rest[used..];
            if head.is_informational() {
                continue;
            }
            refused = head.status != 200;
            assert!(!refused || matches!(self.closed, Some(CloseReason::Refused(_))));
            // Whose a refusal is was not told: one without a body is that of a HEAD.
            let refused_head = refused && rest.is_empty();
            let (method, version) = match refused {
                true if refused_head => (Method::HEAD, Version::Http11),
                true => (Method::GET, Version::Http11),
                false => self.asked.pop_front().expect("it was asked"),
            };
            let framing = response_framing(&method, &head).expect("a body that reads");
            assert!(version == Version::Http11 || framing != Framing::Chunked, "HTTP/1.0 knows no chunks");
            let is_stream = head.fields.get("content-type") == Some(b"text/event-stream") && framing != Framing::None;
            let (body, whole, after) = read_body(framing, rest);
            rest = after;
            if is_stream {
                assert!(whole || cut || framing == Framing::UntilClose || self.closed.is_none());
                assert!(rest.is_empty(), "a stream is the last answer");
                self.check_stream(&body, cut);
            } else {
                assert!(whole, "an answer is one piece, however it ends");
                assert!(refused || method == Method::HEAD || body == b"answer");
            }
        }
    }

    /// The events of each kind come in their order, and all of them unless the peer did not read.
    fn check_stream(&self, body: &[u8], cut: bool) {
        let text = std::str::from_utf8(body).expect("what was given is text");
        for (kind, given) in ["data: burst ", "data: message "].iter().zip(&self.given) {
            let got: Vec<String> =
                text.split_inclusive("\n\n").filter(|event| event.starts_with(kind)).map(str::to_owned).collect();
            assert!(given.starts_with(&got));
            assert!(cut || got == *given, "all that was given was read");
        }
    }
}

fn read_body(framing: Framing, mut rest: &[u8]) -> (Vec<u8>, bool, &[u8]) {
    let mut reader = BodyReader::new(framing);
    let mut body = Vec::new();
    while !reader.is_done() && !rest.is_empty() {
        let step = reader.read(rest).expect("a body that reads");
        body.extend_from_slice(step.data);
        rest = &rest[step.consumed..];
    }
    (body, reader.is_done(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_steps_pass() {
        use tidewire_core::{Random, SplitMix64};
        const STEPS: &[u8] = b"aceghijkqqqQE0123456789rrrrssBBBBMMMXSLH";
        const SENT: &[&[u8]] = &[
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"x",
        ];
        let mut random = SplitMix64::new(7);
        let mut pick = |count: usize| (random.next_u64() % count as u64) as usize;
        for _ in 0..3_000 {
            let mut input: Vec<u8> = (0..pick(30)).map(|_| STEPS[pick(STEPS.len())]).collect();
            input.push(b'\n');
            for _ in 0..pick(6) {
                // The last one, a fault, is rare.
                input.extend_from_slice(SENT[pick(SENT.len() * 4) % (SENT.len() * 4 - 3) % SENT.len()]);
            }
            machine(&input);
        }
    }
}
