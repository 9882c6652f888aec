//! What the head of a response means.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use bytes::Bytes;

use super::{Phase, Source, after};
use crate::Instant;
use crate::client::coded::Coded;
use crate::client::policy::{Refused, Verdict, judge, judge_upgrade};
use crate::client::{Event, Reason, RedirectError, Refusal};
use crate::http::ResponseHead;

impl Source {
    /// Takes the head of the final response.
    pub fn handle_head(&mut self, now: Instant, head: Box<ResponseHead>) {
        let Phase::Head { .. } = self.phase else { return };
        self.sent = true;
        // What has a foreign coding is refused, or read as it is.
        self.coded = Coded::of(&head.fields, &self.config).unwrap_or_default();
        let verdict = match &self.upgrade {
            None => judge(&head, &self.config),
            Some(_) => judge_upgrade(&head),
        };
        match verdict {
            Verdict::Stream => {
                let first_byte = self.config.first_byte_timeout;
                let silent_at = after(now, first_byte.or(self.config.read_timeout));
                self.open(now, head, Phase::Open { silent_at, untouched: first_byte.is_some() });
            }
            Verdict::Upgrade => self.upgrade(now, head),
            Verdict::Answer => {
                self.has_opened = true;
                self.response = Some(head.clone());
                let first_byte = self.config.first_byte_timeout;
                let silent_at = after(now, first_byte.or(self.config.read_timeout));
                self.phase = Phase::Answer { silent_at, untouched: first_byte.is_some(), head, body: Vec::new() };
            }
            Verdict::Redirect => self.redirect(now, *head),
            Verdict::NoContent => {
                let refusal = self.refusal(*head, Vec::new(), false);
                self.lose(now, Reason::Status(refusal));
            }
            Verdict::Refuse(refused) => self.refuse(now, head, refused),
        }
    }

    /// Notes that what follows `head` is what was asked for.
    fn open(&mut self, now: Instant, head: Box<ResponseHead>, phase: Phase) {
        self.backoff.opened(now);
        self.has_opened = true;
        self.response = Some(head.clone());
        self.phase = phase;
        let url = Box::new(self.request.url.clone());
        self.events.push_back(Event::Opened { status: head.status, head, url });
    }

    /// Looks whether `head` begins the WebSocket that was asked for.
    fn upgrade(&mut self, now: Instant, head: Box<ResponseHead>) {
        let Some(upgrade) = &mut self.upgrade else { return };
        // There is no body, and no coding of one.
        self.coded = None;
        match upgrade.check(&head) {
            // Whoever runs the connection looks after its silence.
            Ok(()) => self.open(now, head, Phase::Open { silent_at: None, untouched: false }),
            Err(error) => {
                let refusal = self.refusal(*head, Vec::new(), true);
                self.lose(now, Reason::Handshake { refusal, error });
            }
        }
    }

    fn redirect(&mut self, now: Instant, head: ResponseHead) {
        let limit = self.config.max_redirects;
        let from = self.request.url.clone();
        let followed = if self.redirects < limit {
            self.request.redirect(&head, self.upgrade.is_some())
        } else {
            Err(RedirectError::TooMany { limit })
        };
        match followed {
            Ok(()) => {
                self.redirects += 1;
                self.coded = None;
                self.phase = Phase::Due { redirected: true };
            }
            Err(error) => {
                let refusal = Box::new(Refusal { url: from, head, body: Bytes::new(), truncated: true });
                self.lose(now, Reason::Redirect { refusal, error });
            }
        }
    }

    /// Begins to read what a response says that is not the stream.
    fn refuse(&mut self, now: Instant, head: Box<ResponseHead>, refused: Refused) {
        let until = now + self.config.error_body_timeout;
        self.phase = Phase::Refused { until, head, refused, body: Vec::new() };
    }

    /// Ends a response that is not the stream.
    pub(super) fn settle(&mut self, now: Instant, truncated: bool) {
        let Phase::Refused { head, refused, body, .. } = &mut self.phase else { return };
        let head = mem::replace(&mut **head, ResponseHead::new(0));
        let (body, refused) = (mem::take(body), *refused);
        let reason = refused.reason(self.refusal(head, body, truncated));
        self.lose(now, reason);
    }

    fn refusal(&self, head: ResponseHead, body: Vec<u8>, truncated: bool) -> Box<Refusal> {
        Box::new(Refusal { url: self.request.url.clone(), head, body: body.into(), truncated })
    }
}
