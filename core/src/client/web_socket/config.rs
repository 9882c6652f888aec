use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{CloseCodes, OpenHook};
use crate::client::{Config, RetryStatus};
use crate::http::Url;
use crate::ws;

/// What to ask for, and the limits and timing of a [`WebSocket`](super::WebSocket).
#[derive(Clone)]
#[non_exhaustive]
pub struct WebSocketConfig {
    /// Where the WebSocket is, how it is asked for, and what follows when that fails: all that an event stream has too. An `http` or
    /// `https` URL is taken for `ws` or `wss`.
    ///
    /// The request is always a GET without body, and the fields of the handshake are the machine's own: those of the same names
    /// are left out. What is about the body of an event stream is not looked at: the last event ID, the content type, answers in one
    /// piece, marks, the first byte, silence ([`connection`](Self::connection) has its own), and the limits of the stream.
    ///
    /// Of [the defaults](Config::new) these are others:
    ///
    /// - [`max_redirects`](Config::max_redirects) is 0: redirects are followed only where one says so, as in browsers. One that leads to
    ///   an `http` URL leads to its `ws` URL; one from `wss` to `ws` is never followed.
    /// - [`retry_status`](Config::retry_status) is [`RetryStatus::TRANSIENT`]: a server that restarts behind a proxy comes back.
    pub http: Config,
    /// The subprotocols that are offered, the ones that are liked best first. Default none.
    pub protocols: Vec<Box<str>>,
    /// A secret that is offered as one more subprotocol, the last: how Mastodon and others take a token. It is left out when a
    /// redirect leads to another origin. Default none.
    pub token: Option<Box<str>>,
    /// Limits and timing of the open connection, and the extensions that are offered.
    pub connection: Arc<ws::Config>,
    /// After which close codes of the server to come back; 1006 stands for a connection that was lost. Default
    /// [`CloseCodes::TRANSIENT`]. After a server that broke the protocol it is come back whatever this says, but its connection does
    /// not count as healthy, and neither does one that ended with 1012 or 1013: the delays grow. [`Config::on_failure`] can decide
    /// otherwise.
    pub come_back: CloseCodes,
    /// What to send first on each connection, such as subscriptions. Default nothing.
    pub on_open: Option<OpenHook>,
}

impl WebSocketConfig {
    /// Returns the defaults for the WebSocket at `url`.
    pub fn new(url: Url) -> Self {
        let mut http = Config::new(url);
        http.max_redirects = 0;
        http.retry_status = RetryStatus::TRANSIENT;
        http.read_timeout = None;
        Self {
            http,
            protocols: Vec::new(),
            token: None,
            connection: Arc::new(ws::Config::default()),
            come_back: CloseCodes::default(),
            on_open: None,
        }
    }

    /// Returns the configuration of the open connection to change.
    pub fn connection_mut(&mut self) -> &mut ws::Config {
        Arc::make_mut(&mut self.connection)
    }
}

/// Without the token.
impl core::fmt::Debug for WebSocketConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { http, protocols, token, connection, come_back, on_open } = self;
        let token = token.as_ref().map(|_| "…");
        let mut shown = f.debug_struct("WebSocketConfig");
        shown.field("http", http).field("protocols", &protocols.len()).field("token", &token);
        shown.field("connection", connection).field("come_back", come_back).field("on_open", on_open).finish()
    }
}
