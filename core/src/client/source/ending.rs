//! How an attempt ends, and what follows.

use alloc::boxed::Box;
use core::time::Duration;

use super::{Phase, Source};
use crate::client::policy::{final_end, is_fault};
use crate::client::retry_after::retry_after;
use crate::client::{CloseReason, Decision, Event, Failure, FirstConnection, Reason};
use crate::http::Method;
use crate::{Instant, UnixTime, ws};

/// When it is over whatever happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// Unless the stream was open.
    first: Option<Deadline>,
    total: Option<Deadline>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// How long that was.
    after: Duration,
}

/// Whether a connection that ended so does not count as healthy, whatever it delivered: the next one may meet the same, or the
/// server asks to be left alone for a while.
fn is_no_health(closed: &ws::Closed) -> bool {
    is_fault(closed) || matches!(closed.code, 1012 | 1013)
}

impl Source {
    /// Lets the deadlines over all attempts count from `now`, if this is the first.
    pub(super) fn start_deadlines(&mut self, now: Instant) {
        if self.deadlines.is_none() {
            let deadline = |after| Deadline { at: now + after, after };
            let first = match self.config.first_connection {
                FirstConnection::Within(time) => Some(deadline(time)),
                FirstConnection::Forever | FirstConnection::Never => None,
            };
            self.deadlines = Some(Deadlines { first, total: self.config.total_timeout.map(deadline) });
        }
    }

    /// Returns the earlier of the deadlines over all attempts.
    pub(super) fn last_deadline(&self) -> Option<Deadline> {
        let Deadlines { first, total } = self.deadlines?;
        let first = first.filter(|_| !self.has_opened);
        [first, total].into_iter().flatten().min_by_key(|deadline| deadline.at)
    }

    /// Ends it all because a deadline over all attempts has passed.
    pub(super) fn run_out(&mut self, now: Instant) {
        let passed = |deadline: &Deadline| deadline.at <= now;
        let Some(deadlines) = self.deadlines else { return };
        let reason = self.last_error.clone();
        if let Some(first) = deadlines.first.filter(passed).filter(|_| !self.has_opened) {
            self.finish(CloseReason::FirstConnection { within: Some(first.after), reason });
        } else if let Some(total) = deadlines.total.filter(passed) {
            self.finish(CloseReason::TotalTimeout { after: total.after, reason });
        }
    }

    /// Ends the attempt; another one follows where configuration and hook want it and no limit is reached.
    pub(super) fn lose(&mut self, now: Instant, reason: Reason) {
        let _ = self.parser.finish();
        // Whatever became of it, the request may have arrived, unless somebody knows better.
        self.sent |= matches!(self.phase, Phase::Head { .. }) && !matches!(reason, Reason::Stack { sent: false, .. });
        // What was received until then is of no use when it cannot be gone on with.
        let is_lost = matches!(self.phase, Phase::Open { .. }) && self.last_event_id().is_empty();
        if is_lost && self.config.marks.must_end() {
            self.backoff.spoiled();
        }
        if matches!(&reason, Reason::WebSocket(closed) if is_no_health(closed)) {
            self.backoff.spoiled();
        }
        let delay = self.backoff.fail_and_wait(now, self.asked_to_wait(now, &reason));
        self.last_error = Some(Box::new(reason.clone()));

        let end = self.end_by_policy(&reason);
        let limit = self.limit(&reason);
        let retry_in = (end.is_none() && limit.is_none()).then_some(delay);
        let decision = self.ask(&reason, retry_in, limit.is_some());
        let end = match decision {
            Decision::Default => end.or(limit),
            Decision::Stop => end.or(limit).or_else(|| Some(CloseReason::Stopped(Box::new(reason.clone())))),
            Decision::Retry | Decision::RetryIn(_) => limit,
        };
        match (end, decision) {
            (Some(end), _) => self.finish(end),
            (None, Decision::RetryIn(asked)) => self.disconnected(now, reason, asked),
            (None, _) => self.disconnected(now, reason, delay),
        }
    }

    pub(super) fn disconnected(&mut self, now: Instant, reason: Reason, retry_in: Duration) {
        let retry_at = now + retry_in;
        self.coded = None;
        self.phase = Phase::Waiting { until: retry_at };
        self.events.push_back(Event::Disconnected { reason, retry_at, retry_in });
    }

    pub(super) fn finish(&mut self, reason: CloseReason) {
        let _ = self.parser.finish();
        self.coded = None;
        self.phase = Phase::Closed;
        self.events.push_back(Event::Closed(reason));
    }

    /// Asks the hook what to do.
    fn ask(&self, reason: &Reason, would_retry_in: Option<Duration>, is_last: bool) -> Decision {
        let Some(hook) = &self.config.on_failure else { return Decision::Default };
        hook.decide(&Failure {
            reason,
            attempt: self.attempt,
            failures: self.backoff.failures(),
            has_opened: self.has_opened,
            would_retry_in,
            is_last,
        })
    }

    /// Returns how long the server asks to wait.
    fn asked_to_wait(&self, now: Instant, reason: &Reason) -> Duration {
        let Reason::Status(refusal) = reason else { return Duration::ZERO };
        let unix = self.clock.map(|(at, unix)| {
            let since = u64::try_from((now - at).as_millis()).unwrap_or(u64::MAX);
            UnixTime::from_millis(unix.as_millis().saturating_add(since))
        });
        let asked = retry_after(&refusal.head.fields, unix).unwrap_or_default();
        self.config.max_retry_after.map_or(asked, |max| asked.min(max))
    }

    /// Returns why the configuration ends it here, if it does.
    fn end_by_policy(&self, reason: &Reason) -> Option<CloseReason> {
        let come_back = self.upgrade.as_ref().map(|upgrade| upgrade.come_back());
        if let Some(end) = final_end(reason, self.config.retry_status, come_back, &self.request.url) {
            return Some(end);
        }
        if !self.config.reconnect {
            return Some(CloseReason::Lost(Box::new(reason.clone())));
        }
        let method = self.must_not_resend(reason)?.clone();
        Some(CloseReason::NotResent { method, reason: Box::new(reason.clone()) })
    }

    /// Returns the method of the request that must not be sent again, if it is one.
    fn must_not_resend(&self, reason: &Reason) -> Option<&Method> {
        // A WebSocket is asked for by GET, whatever the method of the configuration.
        if self.upgrade.is_some() {
            return None;
        }
        let has_id = !self.parser.last_event_id().is_empty();
        // The one that was sent, and the one to send: a GET that went on after an id may be followed by the POST before it.
        let methods = [&self.method, &self.config.method];
        methods.into_iter().find(|method| self.sent && !self.config.resend.allows(method, reason, has_id))
    }

    /// Returns which limit is reached, if one is.
    fn limit(&self, reason: &Reason) -> Option<CloseReason> {
        let failures = self.backoff.failures();
        if !self.has_opened && self.config.first_connection == FirstConnection::Never {
            Some(CloseReason::FirstConnection { within: None, reason: Some(Box::new(reason.clone())) })
        } else if self.config.max_failures.is_some_and(|max| failures >= max) {
            Some(CloseReason::GaveUp { failures, reason: Box::new(reason.clone()) })
        } else {
            None
        }
    }
}
