use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tidewire_core::Instant;
use tidewire_core::api::{Api, Caller, Problem};
use tidewire_core::channels::{Answer, Channels, Limit};
use tidewire_core::http::RequestHead;
use tidewire_core::log::EventId;
use tidewire_core::server::{self, Event, Reply, Request, Session};

use crate::{Broadcaster, Clock, DRAIN, Fed, Host, Place, Seat, seed, trace};

/// What all connections of a program's server share: its channels in a [`Broadcaster`], its [`Api`] and the limits of a connection.
#[derive(Debug)]
pub struct SharedApi {
    broadcaster: Broadcaster,
    api: Api,
    session: Arc<server::Config>,
    drain: Duration,
}

impl SharedApi {
    /// Serves `channels`, which were told the time of `clock`, by the routes of `api` on connections with these limits.
    pub fn new(api: Api, channels: Channels, session: impl Into<Arc<server::Config>>, clock: Clock) -> Arc<Self> {
        Self::with_drain(api, channels, session, clock, DRAIN)
    }

    /// Does what [`new`](Self::new) does; connections that are told goodbye may take so long before they are dropped.
    pub fn with_drain(
        api: Api,
        channels: Channels,
        session: impl Into<Arc<server::Config>>,
        clock: Clock,
        drain: Duration,
    ) -> Arc<Self> {
        Arc::new(Self { broadcaster: Broadcaster::new(channels, clock), api, session: session.into(), drain })
    }

    /// Decides what becomes of a request of the connection at `seat`, which reads the stream that is begun, and says when that was.
    pub fn answer(&self, seat: &mut Seat, request: &Request) -> (Instant, Answer) {
        let guest = seat.guest();
        seat.close_reader();
        let unix = self.clock().unix();
        let (now, answer, names) = self.broadcaster.with(|channels, now| {
            let answer = self.api.handle_request(channels, Caller { guest, now, unix }, request);
            let names = match &answer {
                Answer::Stream { reader, .. } if trace::shows_streams() => {
                    channels.channels_of(*reader).map(str::to_owned).collect()
                }
                _ => Vec::new(),
            };
            (now, answer, names)
        });
        if let Answer::Stream { reader, .. } = &answer {
            seat.subscribed(*reader);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let after = self.api.config().endpoint.last_event_id(&request.head);
            trace::stream(guest, &names, after.as_deref());
        }
        (now, answer)
    }

    /// Appends a text to a channel, as a request to the route does; to publish from within the program.
    ///
    /// # Errors
    ///
    /// As the route answers.
    pub fn publish_text(&self, channel: &str, user: &str, text: &str) -> Result<EventId, Problem> {
        let unix = self.clock().unix();
        self.broadcaster.with(|channels, now| self.api.publish_text(channels, (now, unix), channel, user, text))
    }

    /// Returns the answer to a request of a connection that has no seat.
    pub fn refuse(&self, head: &RequestHead, limit: Limit) -> Reply {
        let endpoint = &self.api.config().endpoint;
        self.broadcaster.with(|channels, now| endpoint.refuse(channels, now, head, limit))
    }

    /// Returns the channels and those who wait for them.
    pub fn broadcaster(&self) -> &Broadcaster {
        &self.broadcaster
    }

    /// Returns the limits of a connection.
    pub fn session_config(&self) -> &Arc<server::Config> {
        &self.session
    }

    /// Returns the clock.
    pub fn clock(&self) -> Clock {
        self.broadcaster.clock()
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> usize {
        self.broadcaster.connections()
    }
}

impl Host for Arc<SharedApi> {
    type Place = ApiSeat;

    fn open(&self, peer: Option<IpAddr>) -> (Session, ApiSeat) {
        let clock = self.clock();
        let session = Session::new(Arc::clone(&self.session), clock.now(), clock.unix(), seed());
        let seat = self.broadcaster.seat(peer);
        if let Err(limit) = &seat {
            trace::refused(peer, limit);
        }
        (session, ApiSeat { shared: Arc::clone(self), seat: seat.ok(), draining: false })
    }

    fn clock(&self) -> Clock {
        SharedApi::clock(self)
    }

    fn poll_keep(&self, context: &Context<'_>) -> Option<Instant> {
        self.broadcaster.poll_keep(context)
    }

    fn shutdown(&self) {
        self.broadcaster.shutdown();
    }

    fn poll_empty(&self, context: &Context<'_>) -> Poll<()> {
        self.broadcaster.poll_empty(context)
    }

    fn abort(&self) {
        self.broadcaster.abort();
    }

    fn drain(&self) -> Duration {
        self.drain
    }
}

/// One connection's place in a [`SharedApi`]: answers its requests and reads its publications. Dropping it leaves.
#[derive(Debug)]
pub struct ApiSeat {
    shared: Arc<SharedApi>,
    /// None: there are so many connections that this one is not even told so.
    seat: Option<Seat>,
    /// Whether the session was told that the server ends.
    draining: bool,
}

impl Place for ApiSeat {
    fn handle(&mut self, session: &mut Session, event: Event) {
        trace::server(&event);
        match event {
            Event::Request(request) => self.answer(session, &request),
            Event::Closed(reason) => {
                if let Some(seat) = &mut self.seat {
                    if seat.is_reading() {
                        trace::stream_ended(seat.guest(), reason);
                    }
                    seat.close_reader();
                }
            }
            _ => {}
        }
    }

    fn feed(&mut self, context: &mut Context<'_>, session: &mut Session) -> Fed {
        let Some(seat) = &mut self.seat else { return Fed::Over };
        let fed = seat.feed(context, session);
        if seat.is_draining() && !self.draining && fed != Fed::Over {
            self.draining = true;
            // Streams are ended by the channels.
            if !session.is_streaming() {
                session.shutdown(self.shared.clock().now());
            }
            return Fed::Some;
        }
        fed
    }
}

impl ApiSeat {
    fn answer(&mut self, session: &mut Session, request: &Request) {
        let Some(seat) = &mut self.seat else { return };
        let (now, answer) = self.shared.answer(seat, request);
        session.handle_clock(now, self.shared.clock().unix());
        // The session may have ended meanwhile; then there is nobody to answer, and its last event closes the reader.
        let _ = match answer {
            Answer::Reply(reply) => session.reply(now, reply).map_err(drop),
            Answer::Stream { head, first, .. } => {
                session.start_stream(now, head).map_err(drop).and_then(|()| session.send(now, &first).map_err(drop))
            }
        };
        if seat.guest().limit().is_some() {
            // It was told to come back later, and makes room.
            session.shutdown(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use tidewire_core::{Protocol, api, channels};

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
    fn watch(poll: impl FnOnce(&mut Context<'_>)) -> Arc<Woken> {
        let woken = Arc::new(Woken::default());
        poll(&mut Context::from_waker(&Waker::from(Arc::clone(&woken))));
        woken
    }

    impl Woken {
        fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn shared() -> Arc<SharedApi> {
        let clock = Clock::start();
        let channels = Channels::new(channels::Config::default(), Box::new(OsRandom), clock.now());
        SharedApi::new(Api::new(api::Config::default()), channels, server::Config::default(), clock)
    }

    /// Opens a connection that follows channel `c`, and takes what it is sent at first.
    fn reader(shared: &Arc<SharedApi>) -> (Session, ApiSeat) {
        let (mut session, mut seat) = shared.open(None);
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
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(seat.feed(&mut context, &mut session), Fed::Some);
        let burst = session.poll_transmit().expect("a burst");
        assert_eq!(burst.windows(6).filter(|window| window == b"\ndata:").count(), 10);
        assert_eq!(session.poll_transmit(), None);
        assert_eq!(seat.feed(&mut context, &mut session), Fed::None);
    }

    #[test]
    fn what_comes_between_two_looks_is_not_missed() {
        let shared = shared();
        let (mut session, mut seat) = reader(&shared);
        let mut context = Context::from_waker(Waker::noop());
        publish(&shared, 1);
        assert_eq!(seat.feed(&mut context, &mut session), Fed::Some);
        // Nobody waits to be woken by this one.
        publish(&shared, 1);
        assert!(session.poll_transmit().is_some() && session.poll_transmit().is_none());
        assert_eq!(seat.feed(&mut context, &mut session), Fed::Some);
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
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(seat.feed(&mut context, &mut session), Fed::Some);
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
        assert_eq!(seat.feed(&mut Context::from_waker(Waker::noop()), &mut session), Fed::Over);
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
