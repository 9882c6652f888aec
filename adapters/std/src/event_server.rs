use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tidewire_core::Instant;
use tidewire_core::channels::{self, ChannelConfig, Channels, Endpoint, Load, Unregister};
use tidewire_core::http::{PathNames, PatternError, Router};
use tidewire_core::log::ConfigureError;
use tidewire_core::server::{self, CloseReason, End, Outlet, Reply, Request, Session, WebSocketEndpoint};

use crate::event_seat::EventSeat;
use crate::repository::ask;
use crate::{
    Broadcaster, Clock, DRAIN, Host, Loading, OsRandom, Publisher, Repository, Route, RouteEnd, Socket, seed, trace,
};

/// Limits, timing and policy of an [`EventServer`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EventServerConfig {
    /// Those of its channels and their readers.
    pub channels: channels::Config,
    /// Those of each connection.
    pub session: server::Config,
    /// How long connections that are told goodbye may take before they are dropped. Default 10 s.
    pub drain: Duration,
}

impl Default for EventServerConfig {
    fn default() -> Self {
        Self { channels: channels::Config::default(), session: server::Config::default(), drain: DRAIN }
    }
}

/// A server of an application's own: streams of channels, streams of one reader, WebSockets, and plain replies, at any paths.
///
/// It is served by `serve` of `tidewire-tokio` or `tidewire-smol`, on any number of listeners. A clone is another handle of the same;
/// paths, channels and repositories may be added while it serves.
///
/// A path is a pattern of [`Router`]: `/news`, or `/rooms/{room}`, whose segment may stand in the names of channels. What handles a request
/// runs on the task of its connection: it must not block.
#[derive(Clone)]
pub struct EventServer {
    inner: Arc<Inner>,
}

impl EventServer {
    /// Makes a server without any path.
    pub fn new(config: EventServerConfig) -> Self {
        let clock = Clock::start();
        let channels = Channels::new(config.channels, Box::new(OsRandom), clock.now());
        let paths =
            Paths { router: Router::new(), fallback: Arc::new(|_, _| text(404, "there is nothing here").into()) };
        let inner = Inner {
            broadcaster: Broadcaster::new(channels, clock),
            session: Arc::new(config.session),
            drain: config.drain,
            paths: RwLock::new(paths),
            repositories: RwLock::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Gives the stream of channels at a path; `{name}` in the name of a channel is that segment of the path. With
    /// [`Endpoint::web_socket`] it is given over WebSocket, too, to who asks for one.
    ///
    /// # Errors
    ///
    /// The path is malformed, or taken.
    pub fn channels_at(
        &self,
        path: &str,
        channels: impl IntoIterator<Item = impl Into<String>>,
        endpoint: Endpoint,
    ) -> Result<(), PatternError> {
        let channels: Vec<String> = channels.into_iter().map(Into::into).collect();
        self.handle_at(path, move |_, names| Response::Channels {
            channels: channels.iter().map(|channel| names.fill(channel)).collect(),
            endpoint: endpoint.clone(),
        })
    }

    /// Gives each reader at a path a stream of its own: `begin` is handed the stream and the request, and has the stream written to from
    /// wherever it likes.
    ///
    /// # Errors
    ///
    /// The path is malformed, or taken.
    pub fn routes_at(
        &self,
        path: &str,
        endpoint: Endpoint,
        begin: impl Fn(Route, &Request) + Send + Sync + 'static,
    ) -> Result<(), PatternError> {
        let begin = Arc::new(begin);
        self.handle_at(path, move |_, _| {
            let begin = Arc::clone(&begin);
            let begin = Box::new(move |route, request: &Request| begin(route, request));
            Response::Routes { begin, endpoint: endpoint.clone() }
        })
    }

    /// Gives the one reader of `route` its stream at a path; who asks while it has its reader, or later, is told so (409, 410).
    ///
    /// # Errors
    ///
    /// The path is malformed, or taken.
    pub fn route_at(&self, path: &str, endpoint: Endpoint, route: Route) -> Result<(), PatternError> {
        self.handle_at(path, move |_, _| Response::Route { route: route.clone(), endpoint: endpoint.clone() })
    }

    /// Opens a WebSocket to each who asks for one at a path: `begin` is handed the socket and the request, and has it received from and
    /// sent to from wherever it likes, such as a task that it spawns.
    ///
    /// # Errors
    ///
    /// The path is malformed, or taken.
    pub fn web_sockets_at(
        &self,
        path: &str,
        endpoint: WebSocketEndpoint,
        begin: impl Fn(Socket, &Request) + Send + Sync + 'static,
    ) -> Result<(), PatternError> {
        let begin = Arc::new(begin);
        self.handle_at(path, move |_, _| {
            let begin = Arc::clone(&begin);
            let begin = Box::new(move |socket, request: &Request| begin(socket, request));
            Response::WebSocket { begin, endpoint: endpoint.clone() }
        })
    }

    /// Answers requests for a path, of all methods.
    ///
    /// # Errors
    ///
    /// The path is malformed, or taken.
    pub fn reply_at(
        &self,
        path: &str,
        reply: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Result<(), PatternError> {
        self.handle_at(path, move |request, _| Response::Reply(reply(request)))
    }

    /// Decides on requests for a path: who may read, which channels, or what else is answered.
    ///
    /// # Errors
    ///
    /// The path is malformed, or taken.
    pub fn handle_at(
        &self,
        path: &str,
        handle: impl Fn(&Request, &PathNames<'_>) -> Response + Send + Sync + 'static,
    ) -> Result<(), PatternError> {
        let mut paths = self.inner.paths.write().unwrap_or_else(PoisonError::into_inner);
        paths.router.add(path, Arc::new(handle))
    }

    /// Decides on requests for all other paths; unless set the answer is 404.
    pub fn fallback(&self, handle: impl Fn(&Request) -> Response + Send + Sync + 'static) {
        let mut paths = self.inner.paths.write().unwrap_or_else(PoisonError::into_inner);
        paths.fallback = Arc::new(move |request, _| handle(request));
    }

    /// Registers a channel; one that is registered already takes the new configuration for what comes.
    ///
    /// # Errors
    ///
    /// When its name is too long, or there are too many.
    pub fn register(&self, channel: &str, config: ChannelConfig) -> Result<(), ConfigureError> {
        self.inner.broadcaster.with(|channels, _| channels.register(channel, config))
    }

    /// Registers a channel whose ids belong to the application, and whose readers are given from `repository` what is no longer in memory.
    ///
    /// # Errors
    ///
    /// As [`register`](Self::register).
    pub fn register_with(
        &self,
        channel: &str,
        mut config: ChannelConfig,
        repository: impl Repository,
    ) -> Result<(), ConfigureError> {
        config.repository = true;
        let mut repositories = self.inner.repositories.write().unwrap_or_else(PoisonError::into_inner);
        repositories.insert(channel.to_owned(), Arc::new(repository));
        drop(repositories);
        self.register(channel, config)
    }

    /// Unregisters a channel, and forgets its repository; tells whether it was there.
    pub fn unregister(&self, channel: &str, readers: Unregister) -> bool {
        let was = self.inner.broadcaster.with(|channels, now| channels.unregister(now, channel, readers));
        self.inner.repositories.write().unwrap_or_else(PoisonError::into_inner).remove(channel);
        was
    }

    /// Returns a handle to publish with, from any thread.
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.inner.broadcaster.clone())
    }

    /// Returns the channels and those who wait for them.
    pub fn broadcaster(&self) -> &Broadcaster {
        &self.inner.broadcaster
    }

    /// Returns the clock.
    pub fn clock(&self) -> Clock {
        self.inner.broadcaster.clock()
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> usize {
        self.inner.broadcaster.connections()
    }

    /// Returns the limits of a connection.
    pub fn session_config(&self) -> &Arc<server::Config> {
        &self.inner.session
    }

    /// Asks the repository of a channel, for who drives a stream that wants it.
    pub fn load(&self, load: Load) -> Loading<'static> {
        trace::load(&load);
        // A long replay keeps the task busy that keeps the time: what is due is done all the same.
        self.inner.broadcaster.with(|channels, now| channels.handle_timeout(now));
        let repositories = self.inner.repositories.read().unwrap_or_else(PoisonError::into_inner);
        match repositories.get(&*load.channel) {
            Some(repository) => ask(Arc::clone(repository), load),
            None => Loading::ready(Err("the channel has no repository".into())),
        }
    }

    /// Ends the stream of a route that has ended, for who drives it.
    pub fn end_route(&self, now: Instant, end: RouteEnd, outlet: &mut impl Outlet) {
        let reason = match end {
            RouteEnd::Closed | RouteEnd::Aborted => CloseReason::StreamEnded,
            RouteEnd::Gone(reason) => reason,
        };
        if reason != CloseReason::Shutdown {
            return outlet.end_stream(now, End::new(reason));
        }
        let broadcaster = &self.inner.broadcaster;
        let (retry, last) =
            broadcaster.with(|channels, now| (channels.draw_retry(now), channels.config().last_event.clone()));
        outlet.end_stream(now, End { reason, retry: Some(retry), last: last.as_deref() });
    }

    pub(crate) fn respond(&self, request: &Request) -> Response {
        let handler = {
            let paths = self.inner.paths.read().unwrap_or_else(PoisonError::into_inner);
            let target = request.head.parse_target();
            let found = target.as_ref().ok().and_then(|target| paths.router.find(target));
            // The lock is given back first: a handler may add paths.
            match found {
                Some((handler, names)) => (Arc::clone(handler), names.into_owned()),
                None => (Arc::clone(&paths.fallback), PathNames::default()),
            }
        };
        let (handle, names) = handler;
        handle(request, &names)
    }
}

impl Default for EventServer {
    fn default() -> Self {
        Self::new(EventServerConfig::default())
    }
}

impl Host for EventServer {
    type Place = EventSeat;

    fn open(&self, peer: Option<IpAddr>) -> (Session, EventSeat) {
        let clock = self.clock();
        let session = Session::new(Arc::clone(&self.inner.session), clock.now(), clock.unix(), seed());
        (session, EventSeat::new(self.clone(), peer))
    }

    fn clock(&self) -> Clock {
        Self::clock(self)
    }

    fn poll_keep(&self, context: &Context<'_>) -> Option<Instant> {
        self.inner.broadcaster.poll_keep(context)
    }

    fn shutdown(&self) {
        self.inner.broadcaster.shutdown();
    }

    fn poll_empty(&self, context: &Context<'_>) -> Poll<()> {
        self.inner.broadcaster.poll_empty(context)
    }

    fn abort(&self) {
        self.inner.broadcaster.abort();
    }

    fn drain(&self) -> Duration {
        self.inner.drain
    }
}

impl fmt::Debug for EventServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventServer").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

/// What an application answers.
#[non_exhaustive]
pub enum Response {
    /// A plain reply.
    Reply(Reply),
    /// The stream of channels.
    Channels {
        /// Their names.
        channels: Vec<String>,
        /// How the request is read, and who may ask.
        endpoint: Endpoint,
    },
    /// The stream of one reader, which has no reader yet.
    Route {
        /// The stream.
        route: Route,
        /// How the request is read, and who may ask.
        endpoint: Endpoint,
    },
    /// A stream made for this reader, once it is clear that the request is for one.
    Routes {
        /// Is handed the stream.
        begin: Box<Begin>,
        /// How the request is read, and who may ask.
        endpoint: Endpoint,
    },
    /// A WebSocket, once it is clear that the request is for one.
    WebSocket {
        /// Is handed the socket.
        begin: Box<BeginSocket>,
        /// Who may ask, and what is agreed on.
        endpoint: WebSocketEndpoint,
    },
}

/// What is done with a stream that was made for a reader.
pub type Begin = dyn FnOnce(Route, &Request) + Send;

/// What is done with a WebSocket that was accepted.
pub type BeginSocket = dyn FnOnce(Socket, &Request) + Send;

impl Response {
    /// Answers with the stream of channels, as usual.
    pub fn channels(channels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let channels = channels.into_iter().map(Into::into).collect();
        Self::Channels { channels, endpoint: Endpoint::default() }
    }
}

impl From<Reply> for Response {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => f.debug_tuple("Reply").field(reply).finish(),
            Self::Channels { channels, .. } => f.debug_tuple("Channels").field(channels).finish(),
            Self::Route { route, .. } => f.debug_tuple("Route").field(route).finish(),
            Self::Routes { .. } => f.write_str("Routes"),
            Self::WebSocket { .. } => f.write_str("WebSocket"),
        }
    }
}

/// Makes an answer of a line of text.
pub(crate) fn text(status: u16, line: &str) -> Reply {
    let mut reply = Reply::new(status);
    // Literals that are well formed.
    let _ = reply.fields.append("content-type", "text/plain; charset=utf-8");
    reply.body = format!("{line}\n").into();
    reply
}

struct Inner {
    broadcaster: Broadcaster,
    session: Arc<server::Config>,
    drain: Duration,
    paths: RwLock<Paths>,
    repositories: RwLock<BTreeMap<String, Arc<dyn Repository>>>,
}

struct Paths {
    router: Router<Arc<Handler>>,
    fallback: Arc<Handler>,
}

type Handler = dyn Fn(&Request, &PathNames<'_>) -> Response + Send + Sync;
