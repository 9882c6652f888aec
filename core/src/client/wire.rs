//! One HTTP/1.1 exchange: a request out, a response in.
//!
//! ```text
//!  head ──1xx──► head ──final──► body ──its end──► over
//!    └──────────────── fault, end of input ────────▲
//! ```

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use bytes::Bytes;

use super::{Reason, Request};
use crate::http::{BodyReader, HeadLimits, HeadReader, Method, RequestHead, ResponseHead, response_framing};
use crate::{Closing, Instant, Protocol};

/// How many 1xx responses may come before the final one.
pub const MAX_INTERIM: u32 = 32;

/// The HTTP/1.1 of one attempt.
///
/// What was received stays undecoded until it is asked for: with [`piece`](Self::piece), which lends it, or with
/// [`poll_event`](Protocol::poll_event), which copies the body. It has no deadlines: whoever runs it has.
pub struct Wire {
    method: Method,
    transmit: VecDeque<Bytes>,
    state: State,
    /// What was received and not consumed yet.
    input: Vec<u8>,
    /// Up to where `input` was read.
    read: usize,
    /// Where in `input`, before `read`, there are bytes of the body that nobody has consumed.
    body: Range<usize>,
    end: InputEnd,
}

/// A part of a response, lent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The head of the final response.
    Head(Box<ResponseHead>),
    /// Bytes of the body, never empty; the same are lent again until they are [consumed](Wire::consume).
    Body(&'a [u8]),
    /// The response is over: complete, or for this reason. The last piece.
    End(Result<(), Reason>),
}

/// A part of a response, to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireEvent {
    /// The head of the final response.
    Head(Box<ResponseHead>),
    /// Bytes of the body, never empty.
    Body(Bytes),
    /// The response is over: complete, or for this reason. The last event.
    End(Result<(), Reason>),
}

impl Wire {
    /// Returns the exchange that begins with `request`.
    pub fn new(request: &Request, limits: HeadLimits) -> Self {
        Self::with_head(&request.head(), request.body.as_ref(), limits)
    }

    /// Returns the exchange that begins with a request of this head, which tells the length of `body`.
    pub(super) fn with_head(request: &RequestHead, body: Option<&Bytes>, limits: HeadLimits) -> Self {
        let mut head = Vec::with_capacity(512);
        request.encode(&mut head);
        let mut transmit = VecDeque::new();
        match body {
            Some(body) if body.len() <= TOGETHER => {
                head.extend_from_slice(body);
                transmit.push_back(head.into());
            }
            Some(body) => transmit.extend([head.into(), body.clone()]),
            None => transmit.push_back(head.into()),
        }
        Self {
            method: request.method.clone(),
            transmit,
            state: State::Head { reader: Box::new(HeadReader::new(limits)), interim: 0 },
            input: Vec::new(),
            read: 0,
            body: 0..0,
            end: InputEnd::Open,
        }
    }

    /// Notes that the connection broke. What was received before still counts.
    pub fn handle_reset(&mut self) {
        if self.end == InputEnd::Open {
            self.end = InputEnd::Reset;
        }
    }

    /// Returns the next part of the response.
    pub fn piece(&mut self) -> Option<Piece<'_>> {
        if self.body.is_empty() {
            match self.advance()? {
                Found::Head(head) => return Some(Piece::Head(head)),
                Found::Body(body) => self.body = body,
                Found::End(result) => {
                    self.state = State::Over;
                    self.transmit.clear();
                    self.forget();
                    return Some(Piece::End(result));
                }
            }
        }
        self.input.get(self.body.clone()).map(Piece::Body)
    }

    /// Notes that so many bytes of the body were used; more than were lent count as all of them.
    pub fn consume(&mut self, count: usize) {
        self.body.start = self.body.start.saturating_add(count).min(self.body.end);
    }

    /// Returns whether something was received that has not been decoded.
    pub fn has_input(&self) -> bool {
        self.read < self.input.len() || !self.body.is_empty()
    }

    /// Returns what was received behind the head, and whether more may come: `Some(true)` once the peer has ended its side,
    /// `Some(false)` once the connection broke. For a connection that is no HTTP any more.
    pub(super) fn into_rest(mut self) -> (Vec<u8>, Option<bool>) {
        self.input.drain(..self.read.min(self.input.len()));
        let end = match self.end {
            InputEnd::Open => None,
            InputEnd::Eof => Some(true),
            InputEnd::Reset => Some(false),
        };
        (self.input, end)
    }

    /// Reads on until something is found.
    fn advance(&mut self) -> Option<Found> {
        loop {
            let unread = self.input.get(self.read..).unwrap_or_default();
            match &mut self.state {
                State::Over => return None,
                State::Head { .. } if unread.is_empty() => {
                    return match self.end {
                        InputEnd::Open => {
                            self.forget();
                            None
                        }
                        InputEnd::Eof => Some(Found::End(Err(Reason::NoResponse))),
                        InputEnd::Reset => Some(Found::End(Err(Reason::Reset))),
                    };
                }
                State::Head { reader, interim } => match reader.feed(unread) {
                    Err(error) => return Some(Found::End(Err(Reason::Head(error)))),
                    Ok(None) => self.forget(),
                    Ok(Some((head, used))) => {
                        self.read += used;
                        // RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior to a final
                        // response". A 101 is final: what was asked for follows it, or else nothing that could be read.
                        if head.is_informational() && head.status != 101 {
                            *interim += 1;
                            if *interim > MAX_INTERIM {
                                return Some(Found::End(Err(Reason::TooManyInterim { limit: MAX_INTERIM })));
                            }
                            continue;
                        }
                        return Some(match response_framing(&self.method, &head) {
                            Ok(framing) => {
                                self.state = State::Body(BodyReader::new(framing));
                                Found::Head(Box::new(head))
                            }
                            Err(error) => Found::End(Err(Reason::Framing(error))),
                        });
                    }
                },
                State::Body(reader) if reader.is_done() => return Some(Found::End(Ok(()))),
                State::Body(reader) if unread.is_empty() => {
                    return match self.end {
                        InputEnd::Open => {
                            self.forget();
                            None
                        }
                        InputEnd::Eof => Some(Found::End(reader.finish().map_err(Reason::Body))),
                        InputEnd::Reset => Some(Found::End(Err(Reason::Reset))),
                    };
                }
                State::Body(reader) => match reader.read(unread) {
                    Err(error) => return Some(Found::End(Err(Reason::Body(error)))),
                    Ok(step) => {
                        self.read += step.consumed;
                        if !step.data.is_empty() {
                            // Data is always the last of what a step consumes.
                            return Some(Found::Body(self.read - step.data.len()..self.read));
                        }
                    }
                },
            }
        }
    }

    /// Drops the input and its memory.
    fn forget(&mut self) {
        self.input = Vec::new();
        self.read = 0;
        self.body = 0..0;
    }
}

impl Protocol for Wire {
    type Event = WireEvent;

    fn handle_input(&mut self, _now: Instant, bytes: &[u8]) {
        if matches!(self.state, State::Over) || self.end != InputEnd::Open {
            return;
        }
        if self.read > 0 {
            // What was used already makes room.
            let used = if self.body.is_empty() { self.read } else { self.body.start };
            self.input.drain(..used.min(self.input.len()));
            self.read -= used;
            self.body = self.body.start.saturating_sub(used)..self.body.end.saturating_sub(used);
        }
        self.input.extend_from_slice(bytes);
    }

    fn handle_eof(&mut self, _now: Instant) {
        if self.end == InputEnd::Open {
            self.end = InputEnd::Eof;
        }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_event(&mut self) -> Option<WireEvent> {
        let (event, used) = match self.piece()? {
            Piece::Head(head) => (WireEvent::Head(head), 0),
            Piece::Body(bytes) => (WireEvent::Body(Bytes::copy_from_slice(bytes)), bytes.len()),
            Piece::End(result) => (WireEvent::End(result), 0),
        };
        self.consume(used);
        Some(event)
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmit.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn closing(&self) -> Closing {
        if matches!(self.state, State::Over) { Closing::Abort } else { Closing::No }
    }
}

/// Without what is sent and received: the fields of a request prove an identity, those of a response give one.
impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, transmit, state, input, read, body, end } = self;
        let unsent: usize = transmit.iter().map(Bytes::len).sum();
        let mut shown = f.debug_struct("Wire");
        shown.field("method", method).field("unsent", &unsent).field("state", state).field("received", &input.len());
        shown.field("read", read).field("body", body).field("end", end).finish()
    }
}

#[derive(Debug)]
enum State {
    Head {
        reader: Box<HeadReader<ResponseHead>>,
        /// How many 1xx responses came.
        interim: u32,
    },
    Body(BodyReader),
    Over,
}

/// How the input ended, if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InputEnd {
    Open,
    Eof,
    Reset,
}

enum Found {
    Head(Box<ResponseHead>),
    /// Bytes of the body, as a range of the input.
    Body(Range<usize>),
    End(Result<(), Reason>),
}

/// Up to how many bytes of body go out in one piece with the head.
const TOGETHER: usize = 16 * 1024;
