use alloc::boxed::Box;

use super::connect::{Route, Step};
use super::{Connect, ConnectError, Progress, Proxy, Reason, Source, Wire};
use crate::Instant;

/// A source and the HTTP/1.1 of its attempt, from the request that is due to the connection that stands: what the clients that
/// reconnect have in common.
#[derive(Debug)]
pub(super) struct Dialer {
    pub(super) source: Source,
    /// The socket of the current attempt, once it is connected.
    pub(super) wire: Option<Wire>,
    /// The way of the attempt that is made or was made last.
    route: Route,
    /// When something was last handled: the time of what is decoded later.
    pub(super) now: Instant,
}

impl Dialer {
    pub(super) const fn new(source: Source, now: Instant) -> Self {
        Self { source, wire: None, route: Route::Direct, now }
    }

    pub(super) fn poll_connect(&mut self, now: Instant) -> Option<Connect> {
        self.source.poll_request(now)?;
        let (request, config) = (self.source.request(), self.source.config());
        self.route = Route::to(&request.url, config);
        let connect = self.route.connect(self.source.attempt(), &request.url, &request.fields, config);
        self.begin(now, self.route.first_step());
        self.wire = None;
        self.now = now;
        Some(connect)
    }

    pub(super) fn handle_progress(&mut self, now: Instant, attempt: u64, progress: Progress) {
        if attempt != self.source.attempt() {
            return;
        }
        let Some(next) = self.route.step_after(progress, self.source.url().is_tls()) else { return };
        if self.source.step().is_some_and(|step| step < next) {
            self.now = now;
            self.begin(now, next);
        }
    }

    pub(super) fn handle_connected(&mut self, now: Instant, attempt: u64) {
        if attempt != self.source.attempt() || !self.source.is_connecting() {
            return;
        }
        self.now = now;
        self.source.handle_connected(now);
        let (request, config) = (self.source.request(), self.source.config());
        let head = self.route.head(request.head(), &request.url, config);
        self.wire = Some(Wire::with_head(&head, request.body.as_ref(), config.head_limits));
    }

    pub(super) fn handle_connect_failed(&mut self, now: Instant, attempt: u64, error: ConnectError) {
        if attempt != self.source.attempt() || !self.source.is_connecting() {
            return;
        }
        self.now = now;
        let proxy = self.route.proxy().map(Proxy::authority);
        let is_proxys = matches!(error, ConnectError::ProxyRefused { .. })
            || self.source.step().is_some_and(|step| step <= Step::Connect);
        let error = match proxy {
            Some(proxy) if is_proxys => ConnectError::Proxy { proxy, error: Box::new(error) },
            _ => error,
        };
        self.source.handle_failure(now, Reason::Connect(error));
    }

    /// Forgets the connection when it is not wanted.
    pub(super) fn settle(&mut self) {
        if !self.source.is_attempting() {
            self.wire = None;
        }
    }

    /// Begins a step of connecting.
    fn begin(&mut self, now: Instant, step: Step) {
        let proxy = self.route.proxy().filter(|_| step <= Step::Connect);
        self.source.handle_step(now, step, proxy.map(Proxy::authority));
    }
}
