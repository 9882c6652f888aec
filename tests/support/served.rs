//! A server session with a small application and a peer that may stop reading, under fake time.

use std::time::Duration;

use tidewire_core::http::{BodyReader, Framing, HeadLimits, HeadReader, ResponseHead};
use tidewire_core::server::{CloseReason, Config, Event, Reply, Request, Session, StreamHead};
use tidewire_core::{Closing, Instant, Protocol, UnixTime};

/// A session, what came out of it, and how its two sides behave.
#[derive(Debug)]
pub struct Served {
    /// The session.
    pub session: Session,
    /// The time; see [`advance`](Self::advance).
    pub now: Instant,
    /// Whether the application answers at once: `/stream` with a stream, everything else with method, target and body.
    pub answers: bool,
    /// Whether the peer reads.
    pub reads: bool,
    /// All events so far.
    pub events: Vec<Event>,
    /// The requests among them.
    pub requests: Vec<Request>,
    output: Vec<u8>,
}

impl Served {
    /// Accepts a connection at the start of time, at the wall time of RFC 9110's example.
    pub fn new(config: Config) -> Self {
        Self::with_seed(config, 1)
    }

    /// The same with another seed.
    pub fn with_seed(config: Config, seed: u64) -> Self {
        let unix = UnixTime::from_millis(784_111_777_000);
        Self {
            session: Session::new(config, Instant::START, unix, seed),
            now: Instant::START,
            answers: true,
            reads: true,
            events: Vec::new(),
            requests: Vec::new(),
            output: Vec::new(),
        }
    }

    /// Hands over input, and runs.
    pub fn input(&mut self, text: &str) {
        self.input_bytes(text.as_bytes());
    }

    /// Hands over input, and runs.
    pub fn input_bytes(&mut self, bytes: &[u8]) {
        self.session.handle_input(self.now, bytes);
        self.run();
    }

    /// Ends the peer's side, and runs.
    pub fn eof(&mut self) {
        self.session.handle_eof(self.now);
        self.run();
    }

    /// Lets time pass, deadline by deadline.
    pub fn advance(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= until) {
            assert!(at >= self.now, "a deadline that has passed was dealt with");
            self.now = at;
            self.session.handle_timeout(at);
            self.run();
            assert!(self.session.poll_timeout() != Some(at), "what was due is done");
        }
        self.now = until;
    }

    /// Takes events and output until there are no more.
    pub fn run(&mut self) {
        loop {
            if let Some(event) = self.session.poll_event() {
                assert!(self.closed().is_none(), "nothing is told after the end: {event:?}");
                self.events.push(event.clone());
                if let Event::Request(request) = event {
                    self.requests.push(request);
                    if self.answers {
                        self.answer();
                    }
                }
            } else if let Some(piece) = self.reads.then(|| self.session.poll_transmit()).flatten() {
                assert!(!piece.is_empty());
                self.output.extend_from_slice(&piece);
            } else {
                return;
            }
        }
    }

    /// Answers the last request as the application does, and runs.
    pub fn reply(&mut self) {
        self.answer();
        self.run();
    }

    /// Returns why the session ended, if it did.
    pub fn closed(&self) -> Option<CloseReason> {
        match self.events.last()? {
            Event::Closed(reason) => Some(*reason),
            _ => None,
        }
    }

    /// Returns what is to be done with the socket.
    pub fn closing(&self) -> Closing {
        self.session.closing()
    }

    /// Takes what the peer has read.
    pub fn take_output(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.output)).unwrap()
    }

    fn answer(&mut self) {
        let request = self.requests.last().expect("there was a request");
        let answered = if &*request.head.target == "/stream" {
            self.session.start_stream(self.now, StreamHead::default())
        } else {
            let body = String::from_utf8_lossy(&request.body);
            let mut reply = Reply::new(200);
            reply.body = format!("{} {} {body}", request.head.method.as_str(), request.head.target).into();
            self.session.reply(self.now, reply)
        };
        answered.expect("the request waits for its answer");
    }
}

/// Splits a response into its head and what follows.
pub fn head_of(output: &str) -> (ResponseHead, &str) {
    let mut heads = HeadReader::<ResponseHead>::new(HeadLimits::default());
    let (head, used) = heads.feed(output.as_bytes()).expect("a head that reads").expect("a whole head");
    (head, &output[used..])
}

/// Returns the bytes of a chunked body so far, also when it is cut in the middle of a chunk.
pub fn dechunk(output: &str) -> String {
    let mut reader = BodyReader::new(Framing::Chunked);
    let mut body = Vec::new();
    let mut rest = output.as_bytes();
    while !rest.is_empty() && !reader.is_done() {
        let step = reader.read(rest).expect("chunks that read");
        body.extend_from_slice(step.data);
        rest = &rest[step.consumed..];
    }
    assert!(rest.is_empty(), "nothing follows the last chunk");
    String::from_utf8(body).expect("what was given is text")
}
