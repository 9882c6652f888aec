use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tidewire_core::server::{CloseReason, Event, EventStream};
use tidewire_core::{Closing, Instant};
use tidewire_std::{Clock, EventServer, Fed, Loading, RouteEnd, RouteFed, RouteSeat, Seat, trace};

use super::alarm::Alarm;
use super::body::Pieces;
use super::error::BodyError;
use crate::Timer;

/// A stream that is being given, and what feeds it.
pub(super) struct Live<S> {
    feeder: Feeder,
    stream: EventStream,
    clock: Clock,
    alarm: Alarm<S>,
    ended: Option<CloseReason>,
}

/// What feeds a stream.
pub(super) enum Feeder {
    /// Channels, through a seat that has a reader.
    Channels { server: Option<EventServer>, seat: Seat, loading: Option<Loading<'static>> },
    /// The application, on a server that ends it, too.
    Route { server: EventServer, seat: Seat, route: RouteSeat },
    /// The application alone.
    Alone(RouteSeat),
}

impl<S: Timer> Live<S> {
    /// Gives `stream`, which was told the time `now` of `clock`.
    pub(super) fn new(feeder: Feeder, stream: EventStream, clock: Clock, timer: S, now: Instant) -> Self {
        Self { alarm: Alarm::new(timer, now), feeder, stream, clock, ended: None }
    }
}

impl<S: Timer + Send> Pieces for Live<S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            if let Some(piece) = self.stream.poll_transmit() {
                return Poll::Ready(Some(Ok(piece)));
            }
            if let Some(reason) = self.stream.poll_event() {
                trace::server(&Event::Closed(reason));
                self.ended = Some(reason);
                self.feeder.leave(reason);
            }
            match self.stream.closing() {
                Closing::No => {}
                Closing::Finish => return Poll::Ready(None),
                Closing::Abort => {
                    let reason = self.ended.unwrap_or(CloseReason::StreamEnded);
                    return Poll::Ready(Some(Err(BodyError::Cut(reason))));
                }
            }
            let now = self.clock.now();
            if self.feeder.feed(context, now, &mut self.stream)? {
                continue;
            }
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

impl Feeder {
    /// Gives the stream what it is to send next, or has the task woken when there is something; tells which.
    fn feed(&mut self, context: &mut Context<'_>, now: Instant, stream: &mut EventStream) -> Result<bool, BodyError> {
        match self {
            Self::Channels { server, seat, loading } => {
                if let Some(answer) = loading
                    && let Poll::Ready(answer) = Pin::new(answer).poll(context)
                {
                    *loading = None;
                    if let Err(error) = &answer {
                        trace::load_failed(error.as_ref());
                    }
                    seat.loaded(answer.map_err(drop));
                }
                match seat.feed(context, stream) {
                    // What goes on without the answer does not wait for it any longer.
                    Fed::Some => *loading = None,
                    Fed::None => return Ok(false),
                    Fed::Load(load) => {
                        let none = || Loading::ready(Err("the channel has no repository".into()));
                        *loading = Some(server.as_ref().map_or_else(none, |server| server.load(load)));
                    }
                    Fed::Over => return Err(BodyError::ServerOver),
                }
                Ok(true)
            }
            Self::Route { server, seat, route } => {
                if seat.feed(context, stream) == Fed::Over {
                    return Err(BodyError::ServerOver);
                }
                if seat.is_draining() {
                    route.close(RouteEnd::Gone(CloseReason::Shutdown));
                }
                match route.feed(context, now, stream) {
                    RouteFed::Some => return Ok(true),
                    RouteFed::None => return Ok(false),
                    RouteFed::End(RouteEnd::Aborted) => return Err(BodyError::Aborted),
                    RouteFed::End(end) => server.end_route(now, end, stream),
                }
                Ok(true)
            }
            Self::Alone(route) => {
                match route.feed(context, now, stream) {
                    RouteFed::Some => return Ok(true),
                    RouteFed::None => return Ok(false),
                    RouteFed::End(RouteEnd::Aborted) => return Err(BodyError::Aborted),
                    RouteFed::End(_) => stream.end(now, Default::default()),
                }
                Ok(true)
            }
        }
    }

    /// Frees what the stream has no need of any longer.
    fn leave(&mut self, reason: CloseReason) {
        match self {
            Self::Channels { seat, loading, .. } => {
                *loading = None;
                seat.close_reader();
            }
            Self::Route { route, .. } | Self::Alone(route) => route.over(RouteEnd::Gone(reason)),
        }
    }
}
