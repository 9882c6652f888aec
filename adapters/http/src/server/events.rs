use std::fmt;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::Response;
use tidewire_core::Instant;
use tidewire_core::channels::{Answer, Endpoint, Guest};
use tidewire_core::http::{Coding, RequestHead};
use tidewire_core::server::{EventStream, Framing, Reply, StreamHead};
use tidewire_std::{Clock, EventServer, Host, Route, Seat, seed, trace};

use super::alarm::Alarm;
use super::body::EventBody;
use super::head::{AsHead, reply_response, stream_response};
use super::live::{Feeder, Live};
use crate::Timer;

/// Answers requests with the streams of an [`EventServer`]: of its channels, or of one reader alone, in any stack.
///
/// Which methods there are, what may be asked for and by which pages, compression, resuming, refusals for load: all that is decided
/// by the [`Endpoint`], the same as with Tidewire's own servers. The paths are the stack's. A clone is another handle of the same.
#[derive(Clone)]
pub struct Events {
    shared: Arc<Shared>,
}

struct Shared {
    server: EventServer,
    endpoint: Endpoint,
    /// Makes a body that uses the timers that were chosen.
    give: fn(Feeder, EventStream, Option<Coding>, Clock, Instant) -> EventBody,
    timer: fn() -> Box<dyn Timer + Send>,
}

impl Events {
    /// Answers with the default [`Endpoint`] and the timers of tokio.
    #[cfg(feature = "tokio")]
    pub fn new(server: EventServer) -> Self {
        Self::with::<crate::TokioTimer>(server, Endpoint::default())
    }

    /// Answers as `endpoint` says, with timers of one's choice.
    pub fn with<S: Timer + Default + Send + 'static>(server: EventServer, endpoint: Endpoint) -> Self {
        let shared = Shared {
            server,
            endpoint,
            give: |feeder, stream, coding, clock, now| {
                EventBody::stream(Live::new(feeder, stream, clock, S::default(), now), coding)
            },
            timer: || Box::new(S::default()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Answers a request, or the [parts](http::request::Parts) of one, for the stream of these channels.
    pub fn respond(&self, request: &impl AsHead, channels: &[&str]) -> Response<EventBody> {
        self.respond_to(None, request, channels)
    }

    /// Does what [`respond`](Self::respond) does, for a peer whose streams count against the limit of each address.
    pub fn respond_to(&self, peer: Option<IpAddr>, request: &impl AsHead, channels: &[&str]) -> Response<EventBody> {
        let Shared { server, endpoint, .. } = &*self.shared;
        let head = request.as_head();
        let (mut seat, guest) = match self.take_seat(peer, &head) {
            Ok(taken) => taken,
            Err(reply) => return reply_response(&head, reply),
        };
        let (now, answer) =
            server.broadcaster().with(|all, now| (now, endpoint.answer(all, now, guest, &head, channels)));
        match answer {
            Answer::Reply(reply) => reply_response(&head, reply),
            Answer::Stream { reader, head: begun, first } => {
                seat.subscribed(reader);
                trace::stream(guest, channels, endpoint.last_event_id(&head).as_deref());
                self.give(Feeder::Channels { server: Some(server.clone()), seat, loading: None }, begun, &first, now)
            }
        }
    }

    /// Answers a request for a stream that the application writes itself: `begin` is handed it, once it is clear that the request is
    /// for a stream. Unlike one of [`EventBody::pair`] it is ended with the server.
    pub fn respond_with(
        &self,
        peer: Option<IpAddr>,
        request: &impl AsHead,
        begin: impl FnOnce(Route),
    ) -> Response<EventBody> {
        let Shared { server, endpoint, .. } = &*self.shared;
        let head = request.as_head();
        let (seat, guest) = match self.take_seat(peer, &head) {
            Ok(taken) => taken,
            Err(reply) => return reply_response(&head, reply),
        };
        let (now, opened) = server.broadcaster().with(|all, now| (now, endpoint.open(all, now, guest, &head)));
        let begun = match opened {
            Ok(begun) => begun,
            Err(reply) => return reply_response(&head, reply),
        };
        let (route, last_event_id) = (Route::new(), endpoint.last_event_id(&head));
        // It is new, so its place is free.
        let Some(place) = route.seat(last_event_id.as_deref()) else { return Response::default() };
        trace::stream(guest, &[], last_event_id.as_deref());
        begin(route);
        self.give(Feeder::Route { server: server.clone(), seat, route: place }, begun, &[], now)
    }

    fn take_seat(&self, peer: Option<IpAddr>, head: &RequestHead) -> Result<(Seat, Guest), Reply> {
        let Shared { server, endpoint, .. } = &*self.shared;
        // Before a seat is taken, for which there may be no room.
        if let Some(reply) = endpoint.reply(head) {
            return Err(reply);
        }
        match server.broadcaster().seat(peer) {
            Ok(seat) => {
                let guest = seat.guest();
                Ok((seat, guest))
            }
            Err(limit) => {
                trace::refused(peer, &limit);
                Err(server.broadcaster().with(|all, now| endpoint.refuse(all, now, head, limit)))
            }
        }
    }

    fn give(&self, feeder: Feeder, head: StreamHead, first: &[u8], now: Instant) -> Response<EventBody> {
        let Shared { server, give, .. } = &*self.shared;
        let mut stream = EventStream::new(Arc::clone(server.session_config()), &head, Framing::Bare, now, seed());
        // Nothing waits yet, so there is room.
        let _ = stream.send(now, first);
        let body = give(feeder, stream, head.coding, server.clock(), now);
        stream_response(head, body)
    }

    /// Keeps the time of the channels until `shutdown` is ready: what is to be forgotten is, and what was held back is given. Then
    /// ends all streams, each with its last word and its own time to come back, begins none, and returns when they are gone, or
    /// has those cut off that are left after [`EventServerConfig::drain`](crate::EventServerConfig::drain).
    ///
    /// To be awaited once, where nothing else serves this server: it is what a stack takes for its own graceful shutdown.
    pub async fn run(self, shutdown: impl Future) {
        let server = self.server();
        let clock = server.clock();
        let mut alarm = Alarm::new((self.shared.timer)(), clock.now());
        let mut shutdown = pin!(shutdown);
        let mut late = None;
        poll_fn(|context| {
            if late.is_none() && shutdown.as_mut().poll(context).is_ready() {
                server.shutdown();
                late = Some(clock.now() + server.drain());
            }
            loop {
                if late.is_some() && server.poll_empty(context).is_ready() {
                    return Poll::Ready(());
                }
                if late.is_some_and(|late| late <= clock.now()) {
                    server.abort();
                    return Poll::Ready(());
                }
                let next = server.poll_keep(context);
                let next = [next, late].into_iter().flatten().min();
                if alarm.poll(context, next).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }

    /// Returns the server: its channels, its repositories, its [publisher](EventServer::publisher).
    pub fn server(&self) -> &EventServer {
        &self.shared.server
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("server", &self.shared.server).finish_non_exhaustive()
    }
}
