use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tidewire_core::Instant;
use tidewire_core::api::{Answer, Api, Problem};
use tidewire_core::log::{EventId, ReaderId};
use tidewire_core::server::{self, Event, Request, Session};

use crate::{Clock, DRAIN, Fed, Host, Place, seed, trace};

/// What all connections of a program's server share: the [`Api`] behind one short lock, and who is to be woken.
///
/// A publisher takes the lock once per request, a reader once per burst; it is never held over a wait.
pub struct SharedApi {
    shared: Mutex<Shared>,
    session: Arc<server::Config>,
    clock: Clock,
}

impl SharedApi {
    /// Serves `api`, which was told the time of `clock`, on connections with these limits.
    pub fn new(api: Api, session: impl Into<Arc<server::Config>>, clock: Clock) -> Arc<Self> {
        let shared = Shared {
            api,
            seats: HashMap::new(),
            readers: HashMap::new(),
            next_seat: 0,
            phase: Phase::Serving,
            keeper: None,
            keeper_at: None,
        };
        Arc::new(Self { shared: Mutex::new(shared), session: session.into(), clock })
    }

    /// Appends a text to a channel, as a request to the route does; to publish from within the program.
    ///
    /// # Errors
    ///
    /// As the route answers.
    pub fn publish_text(&self, channel: &str, user: &str, text: &str) -> Result<EventId, Problem> {
        self.with(|shared| shared.api.publish_text(self.clock.now(), channel, user, text))
    }

    /// Returns the clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns the machine of a connection that was accepted just now, and its seat among the others.
    pub fn open(self: &Arc<Self>) -> (Session, Seat) {
        let session = Session::new(Arc::clone(&self.session), self.clock.now(), self.clock.unix(), seed());
        let number = self.with(|shared| {
            shared.next_seat += 1;
            shared.seats.insert(shared.next_seat, None);
            shared.next_seat
        });
        (session, Seat { shared: Arc::clone(self), number, reader: None, phase: Phase::Serving })
    }

    /// Does what is due by now, and has the task woken when there may be more to do; returns when there is more for sure.
    pub fn poll_keep(&self, context: &Context<'_>) -> Option<Instant> {
        self.with(|shared| {
            let now = self.clock.now();
            if shared.api.poll_timeout().is_some_and(|at| at <= now) {
                shared.api.handle_clock(now, self.clock.unix());
                shared.api.handle_timeout(now);
            }
            shared.keeper = Some(context.waker().clone());
            shared.keeper_at = shared.api.poll_timeout();
            shared.keeper_at
        })
    }

    /// Begins to end: streams are told goodbye, requests that have begun are answered, nothing new begins.
    pub fn shutdown(&self) {
        self.with(|shared| {
            shared.api.shutdown();
            shared.phase = shared.phase.max(Phase::Draining);
        });
    }

    /// Is ready when no connection is left.
    pub fn poll_empty(&self, context: &Context<'_>) -> Poll<()> {
        self.with(|shared| {
            shared.keeper = Some(context.waker().clone());
            if shared.seats.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    /// Drops the connections that are left.
    pub fn abort(&self) {
        self.with(|shared| shared.phase = Phase::Over);
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> usize {
        self.lock().seats.len()
    }

    /// Does something behind the lock, and wakes, when it is free again, all whom that concerns.
    fn with<T>(&self, act: impl FnOnce(&mut Shared) -> T) -> T {
        let mut woken = Vec::new();
        let result = {
            let mut shared = self.lock();
            let (phase, seats) = (shared.phase, shared.seats.len());
            let result = act(&mut shared);
            shared.find_woken(phase, seats, &mut woken);
            result
        };
        woken.into_iter().for_each(Waker::wake);
        result
    }

    /// Nothing that holds the lock panics, so what a poisoned lock guards is whole.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for Arc<SharedApi> {
    type Place = Seat;

    fn open(&self, _peer: Option<IpAddr>) -> (Session, Seat) {
        SharedApi::open(self)
    }

    fn clock(&self) -> Clock {
        SharedApi::clock(self)
    }

    fn poll_keep(&self, context: &Context<'_>) -> Option<Instant> {
        SharedApi::poll_keep(self, context)
    }

    fn shutdown(&self) {
        SharedApi::shutdown(self);
    }

    fn poll_empty(&self, context: &Context<'_>) -> Poll<()> {
        SharedApi::poll_empty(self, context)
    }

    fn abort(&self) {
        SharedApi::abort(self);
    }

    fn drain(&self) -> Duration {
        DRAIN
    }
}

impl fmt::Debug for SharedApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedApi").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

/// One connection's place in a [`SharedApi`]: answers its requests and reads its publications. Dropping it leaves.
#[derive(Debug)]
pub struct Seat {
    shared: Arc<SharedApi>,
    number: u64,
    reader: Option<ReaderId>,
    phase: Phase,
}

impl Seat {
    /// Does what an event of the session asks for.
    pub fn handle(&mut self, session: &mut Session, event: Event) {
        trace::server(&event);
        match event {
            Event::Request(request) => self.answer(session, &request),
            Event::Closed(_) => self.close_reader(),
            _ => {}
        }
    }

    /// Gives the session what it is to send next.
    pub fn feed(&mut self, context: &Context<'_>, session: &mut Session) -> Fed {
        let now = self.shared.clock.now();
        let mut shared = self.shared.lock();
        if shared.phase == Phase::Over {
            return Fed::Over;
        }
        if shared.phase > self.phase {
            self.phase = shared.phase;
            session.shutdown(now);
            return Fed::Some;
        }
        if let Some(reader) = self.reader
            && session.wants_publications()
            && let Some(burst) = shared.api.read(now, reader, usize::MAX)
        {
            drop(shared);
            // It was asked whether it wants it.
            let _ = session.push_burst(now, &burst);
            return Fed::Some;
        }
        if let Some(seat) = shared.seats.get_mut(&self.number) {
            match seat {
                Some(waker) => waker.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
        }
        Fed::None
    }

    fn answer(&mut self, session: &mut Session, request: &Request) {
        self.close_reader();
        let (now, unix, number) = (self.shared.clock.now(), self.shared.clock.unix(), self.number);
        let answer = self.shared.with(|shared| {
            shared.api.handle_clock(now, unix);
            let answer = shared.api.handle_request(now, request);
            if let Answer::Stream { reader, .. } = &answer {
                shared.readers.insert(*reader, number);
            }
            answer
        });
        session.handle_clock(now, unix);
        // The session may have ended meanwhile; then there is nobody to answer, and its last event closes the reader.
        let _ = match answer {
            Answer::Reply(reply) => session.reply(now, reply).map_err(drop),
            Answer::Stream { reader, head, first } => {
                self.reader = Some(reader);
                session.start_stream(now, head).map_err(drop).and_then(|()| session.send(now, &first).map_err(drop))
            }
        };
    }

    fn close_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            self.shared.with(|shared| {
                shared.readers.remove(&reader);
                shared.api.close_reader(reader);
            });
        }
    }
}

impl Place for Seat {
    fn handle(&mut self, session: &mut Session, event: Event) {
        Seat::handle(self, session, event);
    }

    fn feed(&mut self, context: &mut Context<'_>, session: &mut Session) -> Fed {
        Seat::feed(self, context, session)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.close_reader();
        self.shared.with(|shared| drop(shared.seats.remove(&self.number)));
    }
}

/// How far a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Draining,
    Over,
}

struct Shared {
    api: Api,
    /// The wakers of the connections that wait, by number.
    seats: HashMap<u64, Option<Waker>>,
    /// Whose each reader is.
    readers: HashMap<ReaderId, u64>,
    next_seat: u64,
    phase: Phase,
    /// The task that keeps the time of the api and waits for the end, and the time it knows of.
    keeper: Option<Waker>,
    keeper_at: Option<Instant>,
}

impl Shared {
    fn find_woken(&mut self, phase_before: Phase, seats_before: usize, woken: &mut Vec<Waker>) {
        while let Some(reader) = self.api.poll_wake() {
            let seat = self.readers.get(&reader).and_then(|number| self.seats.get_mut(number));
            woken.extend(seat.and_then(Option::take));
        }
        if self.phase != phase_before {
            woken.extend(self.seats.values_mut().filter_map(Option::take));
        }
        let earlier = self.api.poll_timeout().is_some_and(|at| self.keeper_at.is_none_or(|known| at < known));
        if earlier || (self.seats.is_empty() && seats_before > 0) {
            woken.extend(self.keeper.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use tidewire_core::{Protocol, api};

    use super::*;
    use crate::OsRandom;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts how often the waker given to `poll` is woken.
    fn watch(poll: impl FnOnce(&Context<'_>)) -> Arc<Woken> {
        let woken = Arc::new(Woken::default());
        poll(&Context::from_waker(&Waker::from(Arc::clone(&woken))));
        woken
    }

    impl Woken {
        fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn shared() -> Arc<SharedApi> {
        let clock = Clock::start();
        let api = Api::new(api::Config::default(), Box::new(OsRandom), clock.now(), clock.unix());
        SharedApi::new(api, server::Config::default(), clock)
    }

    /// Opens a connection that follows channel `c`, and takes what it is sent at first.
    fn reader(shared: &Arc<SharedApi>) -> (Session, Seat) {
        let (mut session, mut seat) = shared.open();
        let request = b"GET /v1/events?channel=c HTTP/1.1\r\nHost: localhost\r\n\r\n";
        session.handle_input(shared.clock().now(), request);
        while let Some(event) = session.poll_event() {
            seat.handle(&mut session, event);
        }
        while session.poll_transmit().is_some() {}
        (session, seat)
    }

    fn publish(shared: &SharedApi, count: usize) {
        for _ in 0..count {
            shared.publish_text("c", "me", "text").expect("publishes");
        }
    }

    #[test]
    fn a_burst_wakes_a_reader_once_and_is_one_piece() {
        let shared = shared();
        let (mut session, mut seat) = reader(&shared);
        let woken = watch(|context| assert_eq!(seat.feed(context, &mut session), Fed::None));
        publish(&shared, 10);
        assert_eq!(woken.count(), 1);
        let context = Context::from_waker(Waker::noop());
        assert_eq!(seat.feed(&context, &mut session), Fed::Some);
        let burst = session.poll_transmit().expect("a burst");
        assert_eq!(burst.windows(6).filter(|window| window == b"\ndata:").count(), 10);
        assert_eq!(session.poll_transmit(), None);
        assert_eq!(seat.feed(&context, &mut session), Fed::None);
    }

    #[test]
    fn what_comes_between_two_looks_is_not_missed() {
        let shared = shared();
        let (mut session, mut seat) = reader(&shared);
        let context = Context::from_waker(Waker::noop());
        publish(&shared, 1);
        assert_eq!(seat.feed(&context, &mut session), Fed::Some);
        // Nobody waits to be woken by this one.
        publish(&shared, 1);
        assert!(session.poll_transmit().is_some());
        assert_eq!(seat.feed(&context, &mut session), Fed::Some);
    }

    #[test]
    fn who_follows_another_channel_or_has_left_is_not_woken() {
        let shared = shared();
        let (mut session, mut seat) = reader(&shared);
        let woken = watch(|context| assert_eq!(seat.feed(context, &mut session), Fed::None));
        shared.publish_text("d", "me", "text").expect("publishes");
        drop(seat);
        publish(&shared, 1);
        assert_eq!(woken.count(), 0);
        assert_eq!(shared.connections(), 0);
    }

    #[test]
    fn shutdown_wakes_all_and_the_last_to_leave_wakes_the_keeper() {
        let shared = shared();
        let (mut session, mut seat) = reader(&shared);
        let woken = watch(|context| assert_eq!(seat.feed(context, &mut session), Fed::None));
        shared.shutdown();
        assert_eq!(woken.count(), 1);
        let context = Context::from_waker(Waker::noop());
        assert_eq!(seat.feed(&context, &mut session), Fed::Some);
        assert!(!session.is_streaming());
        let woken = watch(|context| assert!(shared.poll_empty(context).is_pending()));
        drop(seat);
        assert_eq!(woken.count(), 1);
        assert!(shared.poll_empty(&context).is_ready());
    }

    #[test]
    fn abort_ends_those_who_are_left() {
        let shared = shared();
        let (mut session, mut seat) = reader(&shared);
        let woken = watch(|context| assert_eq!(seat.feed(context, &mut session), Fed::None));
        shared.abort();
        assert_eq!(woken.count(), 1);
        assert_eq!(seat.feed(&Context::from_waker(Waker::noop()), &mut session), Fed::Over);
    }

    #[test]
    fn a_new_deadline_wakes_the_keeper() {
        let shared = shared();
        let woken = watch(|context| assert_eq!(shared.poll_keep(context), None));
        publish(&shared, 2);
        assert_eq!(woken.count(), 1);
        assert!(shared.poll_keep(&Context::from_waker(Waker::noop())).is_some());
    }
}
