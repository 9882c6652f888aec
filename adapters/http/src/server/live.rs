use std::task::{Context, Poll};

use bytes::Bytes;
use tidewire_core::server::{CloseReason, EventStream};
use tidewire_core::{Closing, Instant};
use tidewire_std::{Fed, Seat};

use super::alarm::Alarm;
use super::body::Pieces;
use super::error::BodyError;
use crate::Timer;

/// A stream that follows channels.
pub(super) struct Live<S> {
    seat: Seat,
    stream: EventStream,
    alarm: Alarm<S>,
    ended: Option<CloseReason>,
}

impl<S: Timer> Live<S> {
    pub(super) fn new(seat: Seat, stream: EventStream, timer: S, now: Instant) -> Self {
        Self { alarm: Alarm::new(timer, now), seat, stream, ended: None }
    }
}

impl<S: Timer + Send> Pieces for Live<S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            if let Some(piece) = self.stream.poll_transmit() {
                return Poll::Ready(Some(Ok(piece)));
            }
            self.ended = self.stream.poll_event().or(self.ended);
            match self.stream.closing() {
                Closing::No => {}
                Closing::Finish => {
                    self.seat.close_reader();
                    return Poll::Ready(None);
                }
                Closing::Abort => {
                    self.seat.close_reader();
                    return Poll::Ready(Some(Err(BodyError::Cut(self.ended.unwrap_or(CloseReason::StreamEnded)))));
                }
            }
            match self.seat.feed(context, &mut self.stream) {
                Fed::Some => continue,
                Fed::Over => return Poll::Ready(Some(Err(BodyError::ServerOver))),
                Fed::Load(_) => self.seat.loaded(Err(())),
                Fed::None => {}
            }
            let now = self.seat.broadcaster().clock().now();
            let deadline = self.stream.poll_timeout();
            if deadline.is_some_and(|at| at <= now) {
                self.stream.handle_timeout(now);
            } else if self.alarm.poll(context, deadline).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.stream.closing() == Closing::Finish && self.stream.is_written()
    }
}
