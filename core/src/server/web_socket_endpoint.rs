use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Access, Reply, Token, TokenPlaces};
use crate::http::RequestHead;
use crate::ws::{Accepted, Config, Upgrade};

/// How a path answers requests for a WebSocket, whatever carries it: whom it takes, and what is agreed on.
///
/// | request | answer |
/// |---|---|
/// | of a host or a page that may not ask | 403 |
/// | that is none for a WebSocket, or a malformed one | as [`UpgradeError`](crate::ws::UpgradeError) says: 400, 405, 426 |
/// | without a token where one is needed | as [`TokenError`](super::TokenError) says: 401, 400, 403 |
/// | any other | 101 |
///
/// ```
/// use tidewire_core::http::{Method, RequestHead};
/// use tidewire_core::server::WebSocketEndpoint;
///
/// let mut endpoint = WebSocketEndpoint::default();
/// endpoint.protocols = vec!["chat.v2".into(), "chat.v1".into()];
///
/// let mut head = RequestHead::new(Method::GET, "/chat");
/// for (name, value) in [
///     ("host", "example.org"),
///     ("upgrade", "websocket"),
///     ("connection", "upgrade"),
///     ("sec-websocket-version", "13"),
///     ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
///     ("sec-websocket-protocol", "chat.v1, chat.v2"),
/// ] {
///     head.fields.append(name, value)?;
/// }
/// let entry = endpoint.answer(&head).map_err(|reply| reply.status).expect("all that is asked for is there");
/// assert_eq!(entry.accepted.agreed().protocol(), Some("chat.v1"));
///
/// // A page of another site: browsers always say whose page it is.
/// head.fields.append("origin", "https://elsewhere.example")?;
/// assert_eq!(endpoint.answer(&head).map(drop).map_err(|reply| reply.status), Err(403));
/// # Ok::<(), tidewire_core::http::FieldError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebSocketEndpoint {
    /// Who may ask. Default: any host, and pages of the server itself.
    pub access: Access,
    /// The subprotocols that are spoken. Of those that a client offers, the one that it likes best of these is chosen, and none if there is
    /// none. Default none.
    pub protocols: Vec<Box<str>>,
    /// Where a token is looked for that a request must have; whether it is a good one is for the application to say. A token that came
    /// as a subprotocol is answered as it has to be, unless one of [`protocols`](Self::protocols) was offered beside it. Default `None`:
    /// none is looked for.
    pub token: Option<TokenPlaces>,
    /// Limits and timing of the connections, and the extensions that are agreed to.
    pub config: Arc<Config>,
}

/// What a request is to be accepted with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The answer, and what it agrees to.
    pub accepted: Accepted,
    /// The token that the request brought, if one was looked for.
    pub token: Option<Token>,
}

impl Default for WebSocketEndpoint {
    fn default() -> Self {
        Self {
            access: Access { hosts: None, ..Access::default() },
            protocols: Vec::new(),
            token: None,
            config: Arc::default(),
        }
    }
}

impl WebSocketEndpoint {
    /// Returns the limits and timing of the connections to change.
    pub fn config_mut(&mut self) -> &mut Config {
        Arc::make_mut(&mut self.config)
    }

    /// Decides what becomes of a request.
    ///
    /// # Errors
    ///
    /// The answer, where no WebSocket begins.
    pub fn answer(&self, head: &RequestHead) -> Result<Entry, Reply> {
        self.access.check(head).map_err(|error| error.reply())?;
        let upgrade = Upgrade::of(head).map_err(|error| error.reply())?;
        let token = match &self.token {
            Some(places) => Some(places.require(head).map_err(|error| error.reply())?),
            None => None,
        };
        let known: Vec<&str> = self.protocols.iter().map(|protocol| &**protocol).collect();
        let chosen = upgrade.choose(&known).or_else(|| token.as_ref().and_then(Token::protocol));
        match upgrade.accept(chosen, &self.config) {
            Ok(accepted) => Ok(Entry { accepted, token }),
            // Both are of those that were offered.
            Err(_) => Err(Reply::new(500)),
        }
    }
}
