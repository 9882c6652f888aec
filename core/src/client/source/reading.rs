//! What the body of a response says.

use alloc::boxed::Box;
use core::mem;

use super::{Phase, Source, after};
use crate::Instant;
use crate::client::{Answer, CloseReason, Event, Mark, Reason};
use crate::http::ResponseHead;
use crate::sse::{Item, Message};

impl Source {
    /// Reads the body of the response up to the next event; returns how many bytes that took. Call it again with the rest.
    ///
    /// Take the events that wait ([`poll_event`](Self::poll_event)) before.
    pub fn read(&mut self, now: Instant, bytes: &[u8]) -> (usize, Option<Event>) {
        if let Phase::Open { silent_at, untouched: untouched @ true }
        | Phase::Answer { silent_at, untouched: untouched @ true, .. } = &mut self.phase
            && !bytes.is_empty()
        {
            *untouched = false;
            *silent_at = after(now, self.config.read_timeout);
        }
        // Taken away while it lends.
        let Some(mut coded) = self.coded.take() else { return self.read_plain(now, bytes) };
        let mut event = None;
        while event.is_none() && self.is_attempting() {
            match coded.fill(bytes) {
                Ok([]) => break,
                Ok(data) => {
                    let (used, found) = self.read_plain(now, data);
                    coded.consume(used);
                    event = found;
                }
                Err(reason) => self.spoil(now, reason),
            }
        }
        if !self.is_attempting() {
            return (bytes.len(), event);
        }
        let used = coded.done(event.is_some());
        self.coded = Some(coded);
        (used, event)
    }

    /// Reads the body without its coding.
    fn read_plain(&mut self, now: Instant, bytes: &[u8]) -> (usize, Option<Event>) {
        match &mut self.phase {
            Phase::Open { .. } => self.read_stream(now, bytes),
            Phase::Refused { body, .. } => {
                let room = self.config.max_error_body.saturating_sub(body.len());
                body.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
                if bytes.len() > room {
                    self.settle(now, true);
                }
                (bytes.len(), None)
            }
            Phase::Answer { body, .. } => {
                let limit = self.config.max_answer.unwrap_or_default();
                if bytes.len() > limit.saturating_sub(body.len()) {
                    self.lose(now, Reason::AnswerTooLong { limit });
                } else {
                    body.extend_from_slice(bytes);
                }
                (bytes.len(), None)
            }
            Phase::Due { .. }
            | Phase::Connecting { .. }
            | Phase::Head { .. }
            | Phase::Waiting { .. }
            | Phase::Closed => (bytes.len(), None),
        }
    }

    fn read_stream(&mut self, now: Instant, bytes: &[u8]) -> (usize, Option<Event>) {
        let mut rest = bytes;
        while let Phase::Open { .. } = self.phase {
            let mut events = self.parser.feed_one(rest);
            let event = match events.next() {
                None => break,
                Some(Ok(Item::Message(message))) => {
                    let mark = self.config.marks.of(message);
                    // Kept only now: one that is skipped costs nothing.
                    if mark != Mark::Skip {
                        let message = message.to_owned();
                        rest = events.rest();
                        if mark == Mark::Message {
                            self.backoff.delivered();
                            return (bytes.len() - rest.len(), Some(Event::Message(message)));
                        }
                        self.take_marked(now, mark, message)
                    } else {
                        rest = events.rest();
                        self.backoff.delivered();
                        None
                    }
                }
                Some(Ok(Item::Comment(text))) => {
                    let event = Event::Comment(text.into());
                    rest = events.rest();
                    Some(event)
                }
                Some(Ok(Item::Retry(time))) => {
                    rest = events.rest();
                    self.backoff.set_retry(time);
                    Some(Event::Retry(time))
                }
                Some(Err(error)) => {
                    rest = events.rest();
                    self.spoil(now, Reason::Stream(error));
                    None
                }
            };
            if event.is_some() {
                return (bytes.len() - rest.len(), event);
            }
        }
        (bytes.len(), None)
    }

    /// Takes a message that means something to the stream; returns it if it is to be delivered.
    #[cold]
    fn take_marked(&mut self, now: Instant, mark: Mark, message: Message) -> Option<Event> {
        if mark == Mark::Error {
            self.spoil(now, Reason::ErrorEvent(Box::new(message)));
            return None;
        }
        self.backoff.delivered();
        self.finish(CloseReason::Complete);
        (mark == Mark::Last).then_some(Event::Message(message))
    }

    /// Ends the attempt for what its body is; it was not healthy.
    fn spoil(&mut self, now: Instant, reason: Reason) {
        self.backoff.spoiled();
        self.handle_failure(now, reason);
    }

    /// Hands over an answer in one piece.
    pub(super) fn answer(&mut self) {
        let Phase::Answer { head, body, .. } = &mut self.phase else { return };
        let head = mem::replace(&mut **head, ResponseHead::new(0));
        let body = mem::take(body).into();
        self.events.push_back(Event::Answer(Box::new(Answer { url: self.request.url.clone(), head, body })));
        self.finish(CloseReason::Answered);
    }
}
