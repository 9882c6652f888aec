//! ```text
//!          head            body             answered
//!  Head ─────────► Body ─────────► Answer ──────────► Head
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Config, Refusal, Request};
use crate::Instant;
use crate::http::{BodyReader, Expectation, Framing, HeadReader, Method, RequestHead, Version, request_framing};
use crate::ws::Upgrade;

/// The requests of one connection, one after the other.
pub(super) struct Requests {
    heads: HeadReader<RequestHead>,
    /// What came of later requests before this one was answered.
    pipelined: Vec<u8>,
    step: Step,
}

enum Step {
    /// Waiting for a head, or inside one.
    Head { deadline: Instant, begun: bool },
    /// Inside a body.
    Body(Box<Body>),
    /// The application has the request.
    Answer(Exchange),
}

struct Body {
    head: RequestHead,
    reader: BodyReader,
    bytes: Vec<u8>,
    deadline: Instant,
}

/// What the answer must know of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    pub(super) head_only: bool,
    pub(super) version: Version,
    pub(super) keep_alive: bool,
    /// Whether a WebSocket may be the answer.
    pub(super) asks_upgrade: bool,
}

/// What came of reading.
pub(super) enum Came {
    /// The peer waits to be told to go on with its body.
    Continue,
    Request(Request),
    Refused {
        refusal: Refusal,
        head_only: bool,
    },
}

impl Requests {
    pub(super) fn new(now: Instant, config: &Config) -> Self {
        Self {
            heads: HeadReader::new(config.head),
            pipelined: Vec::new(),
            step: Step::Head { deadline: now + config.head_timeout, begun: true },
        }
    }

    /// Reads until something has come of it; returns how many bytes that took, all of them where nothing has.
    pub(super) fn read(&mut self, now: Instant, config: &Config, input: &[u8]) -> (usize, Option<Came>) {
        match &mut self.step {
            Step::Head { deadline, begun } => match self.heads.feed(input) {
                Ok(Some((head, used))) => (used, self.begin(now, config, head, used == input.len())),
                Ok(None) => {
                    if !*begun && !self.heads.is_empty() {
                        *begun = true;
                        *deadline = now + config.head_timeout;
                    }
                    (input.len(), None)
                }
                Err(error) => (input.len(), Some(Came::refused(Refusal::Head(error), false))),
            },
            Step::Body(body) => {
                let head_only = body.head.method == Method::HEAD;
                let step = match body.reader.read(input) {
                    Ok(step) => step,
                    Err(error) => return (input.len(), Some(Came::refused(Refusal::Body(error), head_only))),
                };
                if step.data.len() > config.max_body.saturating_sub(body.bytes.len()) {
                    let refusal = Refusal::BodyTooLong { limit: config.max_body };
                    return (input.len(), Some(Came::refused(refusal, head_only)));
                }
                body.bytes.extend_from_slice(step.data);
                (step.consumed, if step.done { self.take_request() } else { None })
            }
            Step::Answer(_) => (0, None),
        }
    }

    /// Returns what the answer must know, if the application has the request.
    pub(super) const fn exchange(&self) -> Option<Exchange> {
        match self.step {
            Step::Answer(exchange) => Some(exchange),
            _ => None,
        }
    }

    /// Notes that the request was answered.
    pub(super) fn next(&mut self, now: Instant, config: &Config) {
        self.step = Step::Head { deadline: now + config.idle_timeout, begun: false };
    }

    /// Keeps what came before its time; returns whether there was room for it.
    pub(super) fn keep(&mut self, config: &Config, bytes: &[u8]) -> bool {
        let has_room = bytes.len() <= config.max_pipelined.saturating_sub(self.pipelined.len());
        if has_room {
            self.pipelined.extend_from_slice(bytes);
        } else {
            self.pipelined = Vec::new();
        }
        has_room
    }

    pub(super) fn take_pipelined(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.pipelined)
    }

    pub(super) const fn pipelined(&self) -> usize {
        self.pipelined.len()
    }

    /// Tells whether a head is waited for, begun or not.
    pub(super) const fn wants_head(&self) -> bool {
        matches!(self.step, Step::Head { .. })
    }

    /// Tells whether nothing of a next request has come.
    pub(super) fn is_idle(&self) -> bool {
        self.wants_head() && self.heads.is_empty() && self.pipelined.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.step {
            Step::Head { deadline, .. } => Some(*deadline),
            Step::Body(body) => Some(body.deadline),
            Step::Answer(_) => None,
        }
    }

    /// Returns what is said to a peer that was too slow; `None`: nothing, as it has said nothing either.
    pub(super) fn late(&self) -> Option<Came> {
        match &self.step {
            Step::Head { begun, .. } => {
                (*begun && !self.heads.is_empty()).then(|| Came::refused(Refusal::HeadTimeout, false))
            }
            Step::Body(body) => Some(Came::refused(Refusal::BodyTimeout, body.head.method == Method::HEAD)),
            Step::Answer(_) => None,
        }
    }

    /// Returns the name of the step.
    pub(super) const fn name(&self) -> &'static str {
        match self.step {
            Step::Head { .. } => "Head",
            Step::Body(_) => "Body",
            Step::Answer(_) => "Answer",
        }
    }

    fn begin(&mut self, now: Instant, config: &Config, head: RequestHead, waits: bool) -> Option<Came> {
        let head_only = head.method == Method::HEAD;
        let framing = match request_framing(&head) {
            Ok(framing) => framing,
            Err(error) => return Some(Came::refused(Refusal::Framing(error), head_only)),
        };
        let limit = config.max_body;
        if matches!(framing, Framing::Length(length) if length > limit as u64) {
            return Some(Came::refused(Refusal::BodyTooLong { limit }, head_only));
        }
        let expectation = head.expectation();
        if expectation == Expectation::Unknown {
            return Some(Came::refused(Refusal::Expectation, head_only));
        }
        let reader = BodyReader::new(framing);
        let done = reader.is_done();
        let deadline = now + config.body_timeout;
        self.step = Step::Body(Box::new(Body { head, reader, bytes: Vec::new(), deadline }));
        if done {
            return self.take_request();
        }
        // RFC 9110 §10.1.1: "A server MAY omit sending a 100 (Continue) response if it has already received some or all of the
        // content for the corresponding request".
        (expectation == Expectation::Continue && waits).then_some(Came::Continue)
    }

    fn take_request(&mut self) -> Option<Came> {
        let Step::Body(body) = &mut self.step else { return None };
        let head = core::mem::replace(&mut body.head, RequestHead::new(Method::GET, "/"));
        let request = Request { head, body: core::mem::take(&mut body.bytes).into() };
        self.step = Step::Answer(Exchange {
            head_only: request.head.method == Method::HEAD,
            version: request.head.version,
            keep_alive: request.head.keep_alive(),
            asks_upgrade: request.head.method == Method::GET && Upgrade::is_asked(&request.head),
        });
        Some(Came::Request(request))
    }
}

impl Came {
    const fn refused(refusal: Refusal, head_only: bool) -> Self {
        Self::Refused { refusal, head_only }
    }
}
