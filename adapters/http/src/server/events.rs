use std::fmt;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::Response;
use tidewire_core::Instant;
use tidewire_core::channels::{Answer, Endpoint};
use tidewire_core::http::Coding;
use tidewire_core::server::{self, EventStream, Framing, Reply};
use tidewire_std::{Broadcaster, Seat, seed};

use super::alarm::Alarm;
use super::body::EventBody;
use super::head::{AsHead, reply_response, stream_response};
use super::live::Live;
use crate::Timer;

/// Answers requests with the streams of a [`Broadcaster`]'s channels, in any stack.
///
/// Which methods there are, what may be asked for and by which pages, compression, resuming, refusals for load: all that is decided
/// by the [`Endpoint`], the same as with Tidewire's own servers. A clone is another handle of the same.
#[derive(Clone)]
pub struct Events {
    shared: Arc<Shared>,
}

struct Shared {
    broadcaster: Broadcaster,
    endpoint: Endpoint,
    config: Arc<server::Config>,
    /// Makes a body that uses the timers that were chosen.
    follow: fn(Seat, EventStream, Option<Coding>, Instant) -> EventBody,
    timer: fn() -> Box<dyn Timer + Send>,
}

impl Events {
    /// Answers with the default [`Endpoint`] and limits, and the timers of tokio.
    #[cfg(feature = "tokio")]
    pub fn new(broadcaster: Broadcaster) -> Self {
        Self::with::<crate::TokioTimer>(broadcaster, Endpoint::default(), server::Config::default())
    }

    /// Answers as `endpoint` says, with timers of one's choice. Of the [`server::Config`] that counts which is about streams; a stack
    /// has its own limits of connections, heads and bodies.
    pub fn with<S: Timer + Default + Send + 'static>(
        broadcaster: Broadcaster,
        endpoint: Endpoint,
        config: impl Into<Arc<server::Config>>,
    ) -> Self {
        let shared = Shared {
            broadcaster,
            endpoint,
            config: config.into(),
            follow: |seat, stream, coding, now| EventBody::stream(Live::new(seat, stream, S::default(), now), coding),
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
        let Shared { broadcaster, endpoint, config, follow, .. } = &*self.shared;
        let head = request.as_head();
        // Before a place is taken, for which there may be no room.
        if let Some(reply) = endpoint.reply(&head) {
            return reply_response(reply, Into::into);
        }
        let mut seat = match broadcaster.seat(peer) {
            Ok(seat) => seat,
            Err(limit) => {
                let reply = broadcaster.with(|all, now| endpoint.refuse(all, now, &head, limit));
                return reply_response(reply, Into::into);
            }
        };
        // Every seat of channels has its guest.
        let Some(guest) = seat.guest() else { return reply_response(Reply::new(503), Into::into) };
        let (now, answer) = broadcaster.with(|all, now| (now, endpoint.answer(all, now, guest, &head, channels)));
        match answer {
            Answer::Reply(reply) => reply_response(reply, Into::into),
            Answer::Stream { reader, head, first } => {
                seat.subscribed(reader);
                let mut stream = EventStream::new(Arc::clone(config), &head, Framing::Bare, now, seed());
                // Nothing waits yet, so there is room.
                let _ = stream.send(now, &first);
                let body = follow(seat, stream, head.coding, now);
                stream_response(head, body)
            }
        }
    }

    /// Keeps the time of the channels until `shutdown` is ready: what is to be forgotten is, and what was held back is given. Then
    /// ends all streams, each with its last word and its own time to come back, begins none, and returns when they are gone, or
    /// has those cut off that are left after `limit`.
    ///
    /// To be awaited once, where nothing else serves this broadcaster: it is what a stack takes for its own graceful shutdown.
    pub async fn run(self, shutdown: impl Future, limit: Duration) {
        let broadcaster = self.broadcaster();
        let clock = broadcaster.clock();
        let mut alarm = Alarm::new((self.shared.timer)(), clock.now());
        let mut shutdown = pin!(shutdown);
        let mut late = None;
        poll_fn(|context| {
            if late.is_none() && shutdown.as_mut().poll(context).is_ready() {
                broadcaster.shutdown();
                late = Some(clock.now() + limit);
            }
            loop {
                if late.is_some() && broadcaster.poll_empty(context).is_ready() {
                    return Poll::Ready(());
                }
                if late.is_some_and(|late| late <= clock.now()) {
                    broadcaster.abort();
                    return Poll::Ready(());
                }
                let next = broadcaster.poll_keep(context);
                let next = [next, late].into_iter().flatten().min();
                if alarm.poll(context, next).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }

    /// Returns the broadcaster: where to publish.
    pub fn broadcaster(&self) -> &Broadcaster {
        &self.shared.broadcaster
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("broadcaster", &self.shared.broadcaster).finish_non_exhaustive()
    }
}
