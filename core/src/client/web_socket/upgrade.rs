use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::CloseCodes;
use crate::Random;
use crate::client::Request;
use crate::http::{Method, ResponseHead, Url};
use crate::ws::{self, Agreed, HandshakeError, Offer, OfferError};

/// What makes a [`Source`](crate::client::Source) ask for a WebSocket.
pub(in crate::client) struct Upgrade {
    /// The subprotocols to offer.
    pub(super) protocols: Vec<Box<str>>,
    /// A secret to offer as one, for the origin that is asked first.
    pub(super) token: Option<Box<str>>,
    pub(super) config: Arc<ws::Config>,
    /// After which close codes to come back.
    pub(super) come_back: CloseCodes,
    /// For keys and masks; an open connection has it.
    pub(super) random: Option<Box<dyn Random + Send + Sync>>,
    /// Who may see the token: where the attempt began.
    origin: Option<Url>,
    /// What the request of the attempt offers.
    offer: Option<Offer>,
    agreed: Agreed,
}

impl Upgrade {
    pub(super) fn new(
        protocols: Vec<Box<str>>,
        token: Option<Box<str>>,
        config: Arc<ws::Config>,
        come_back: CloseCodes,
        random: Box<dyn Random + Send + Sync>,
    ) -> Self {
        Self {
            protocols,
            token,
            config,
            come_back,
            random: Some(random),
            origin: None,
            offer: None,
            agreed: Agreed::default(),
        }
    }

    /// Makes of `request` one for a WebSocket, with a key of its own.
    pub(in crate::client) fn prepare(&mut self, request: &mut Request, redirected: bool) -> Result<(), OfferError> {
        request.url = request.url.to_web_socket();
        // RFC 6455 §4.1: "The method of the request MUST be GET".
        if request.method != Method::GET || request.body.is_some() {
            request.become_get();
        }
        if !redirected {
            self.origin = Some(request.url.clone());
        }
        let is_at_home = self.origin.as_ref().is_some_and(|origin| origin.same_origin(&request.url));
        let token = self.token.iter().filter(|_| is_at_home);
        // No attempt is made while a connection is open.
        let Some(random) = &mut self.random else { return Ok(()) };
        let offer = Offer::new(self.protocols.iter().chain(token), &self.config, &mut **random)?;
        for name in HANDSHAKE {
            request.fields.remove(name);
        }
        offer.set_fields(&mut request.fields);
        self.offer = Some(offer);
        Ok(())
    }

    /// Looks whether `head` accepts what was offered.
    pub(in crate::client) fn check(&mut self, head: &ResponseHead) -> Result<(), HandshakeError> {
        let offer = self.offer.take();
        self.agreed = offer.ok_or(HandshakeError::Status(head.status))?.check(head)?;
        Ok(())
    }

    pub(super) const fn agreed(&self) -> &Agreed {
        &self.agreed
    }

    pub(in crate::client) const fn come_back(&self) -> &CloseCodes {
        &self.come_back
    }
}

/// Without subprotocols, of which one may be a token.
impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocols, token, config, come_back, offer, agreed, .. } = self;
        let mut shown = f.debug_struct("Upgrade");
        shown.field("protocols", &protocols.len()).field("has_token", &token.is_some()).field("config", config);
        shown.field("come_back", come_back).field("offer", offer).field("agreed", agreed).finish_non_exhaustive()
    }
}

/// What the handshake says of itself (RFC 6455 §4.1).
const HANDSHAKE: [&str; 6] = [
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
];
