use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Agreed, Extension, HandshakeError, OfferError, VERSION, accept_value, protocols};
use crate::Random;
use crate::http::{Fields, ResponseHead, Version};
use crate::ws::Config;

/// A client's half of the opening handshake (RFC 6455 §4.1): what it asks for, and whether the answer fits. Each connection has its own.
///
/// Here both halves meet:
///
/// ```
/// use tidewire_core::SplitMix64;
/// use tidewire_core::http::{Method, RequestHead};
/// use tidewire_core::ws::{Config, Offer, Upgrade};
///
/// let config = Config::default();
/// let mut random = SplitMix64::new(1); // a driver gives the operating system's
/// let offer = Offer::new(["chat.v2", "chat.v1"], &config, &mut random)?;
/// let mut asked = RequestHead::new(Method::GET, "/chat");
/// asked.fields.append("host", "example.org")?;
/// offer.set_fields(&mut asked.fields);
///
/// let upgrade = Upgrade::of(&asked)?;
/// let protocol = upgrade.choose(&["chat.v1"]);
/// let answer = upgrade.accept(protocol, &config)?.into_head();
///
/// let agreed = offer.check(&answer)?;
/// assert_eq!((answer.status, agreed.protocol()), (101, Some("chat.v1")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Offer {
    key: String,
    protocols: Vec<Box<str>>,
    extensions: Vec<Extension>,
}

impl Offer {
    /// Offers `protocols`, the ones that are liked best first, and the extensions that `config` allows. The key is 16 bytes of `random`.
    ///
    /// # Errors
    ///
    /// When a subprotocol is not a token, or there twice.
    pub fn new<P: AsRef<str>>(
        protocols: impl IntoIterator<Item = P>,
        config: &Config,
        random: &mut dyn Random,
    ) -> Result<Self, OfferError> {
        let protocols: Vec<Box<str>> = protocols.into_iter().map(|protocol| protocol.as_ref().into()).collect();
        if !protocols::are_valid(&protocols) {
            return Err(OfferError::Protocols);
        }
        // RFC 6455 §4.1: "a nonce consisting of a randomly selected 16-byte value that has been base64-encoded".
        let mut key = [0; 16];
        random.fill(&mut key);
        Ok(Self { key: STANDARD.encode(key), protocols, extensions: Agreed::offers(config) })
    }

    /// Puts the fields of the handshake into those of a GET request.
    pub fn set_fields(&self, fields: &mut Fields) {
        set(fields, "upgrade", "websocket");
        set(fields, "connection", "upgrade");
        set(fields, "sec-websocket-key", &self.key);
        set(fields, "sec-websocket-version", VERSION);
        if !self.protocols.is_empty() {
            set(fields, "sec-websocket-protocol", &self.protocols.join(", "));
        }
        if !self.extensions.is_empty() {
            let all: Vec<String> = self.extensions.iter().map(Extension::to_string).collect();
            set(fields, "sec-websocket-extensions", &all.join(", "));
        }
    }

    /// Checks the answer. All that follows its head are frames, once it passed.
    ///
    /// That no subprotocol was chosen is no error (RFC 6455 §4.2.2): [`Agreed::protocol`] tells.
    ///
    /// # Errors
    ///
    /// Each names the requirement of RFC 6455 §4.1 that is not met; the connection is to be dropped.
    pub fn check(&self, head: &ResponseHead) -> Result<Agreed, HandshakeError> {
        if head.status != 101 {
            return Err(HandshakeError::Status(head.status));
        }
        if head.version < Version::Http11 {
            return Err(HandshakeError::HttpVersion);
        }
        check_upgrade(&head.fields)?;
        self.check_accept(&head.fields)?;
        let protocol = self.protocol(&head.fields)?;
        let extensions = Extension::parse_all(&head.fields).map_err(|_| HandshakeError::MalformedExtensions)?;
        Agreed::check(protocol, &self.extensions, &extensions)
    }

    fn check_accept(&self, fields: &Fields) -> Result<(), HandshakeError> {
        // RFC 6455 §11.3.3: "The |Sec-WebSocket-Accept| header MUST NOT appear more than once in an HTTP response."
        let mut values = fields.get_all("sec-websocket-accept");
        match (values.next(), values.next()) {
            (None, _) => Err(HandshakeError::MissingAccept),
            (Some(value), None) if value == accept_value(&self.key).as_bytes() => Ok(()),
            (Some(_), _) => Err(HandshakeError::Accept),
        }
    }

    fn protocol(&self, fields: &Fields) -> Result<Option<Box<str>>, HandshakeError> {
        // RFC 6455 §11.3.4: "the |Sec-WebSocket-Protocol| header field MUST NOT appear more than once in an HTTP response."
        let mut values = fields.get_all("sec-websocket-protocol");
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            // RFC 6455 §4.1: "if this header field indicates the use of a subprotocol that was not present in the client's handshake
            // (the server has indicated a subprotocol not requested by the client), the client MUST _Fail the WebSocket Connection_."
            (Some(value), None) => {
                let offered = self.protocols.iter().find(|protocol| protocol.as_bytes() == value);
                offered.map(|protocol| Some(protocol.clone())).ok_or(HandshakeError::ProtocolNotOffered)
            }
            (Some(_), Some(_)) => Err(HandshakeError::RepeatedProtocol),
        }
    }
}

fn check_upgrade(fields: &Fields) -> Result<(), HandshakeError> {
    // RFC 6455 §4.1: "If the response lacks an |Upgrade| header field or the |Upgrade| header field contains a value that is not an
    // ASCII case-insensitive match for the value "websocket", the client MUST _Fail the WebSocket Connection_."
    let mut values = fields.get_all("upgrade");
    let is_websocket = values.next().is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"));
    if !is_websocket || values.next().is_some() {
        return Err(HandshakeError::Upgrade);
    }
    // RFC 6455 §4.1: "If the response lacks a |Connection| header field or the |Connection| header field doesn't contain a token that
    // is an ASCII case-insensitive match for the value "Upgrade", the client MUST _Fail the WebSocket Connection_."
    if fields.has_token("connection", "upgrade") { Ok(()) } else { Err(HandshakeError::Connection) }
}

fn set(fields: &mut Fields, name: &str, value: &str) {
    // Our own names and values, and tokens, are well formed.
    let _ = fields.set(name, value);
}

/// Without key and subprotocols, of which one may be a token.
impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _, protocols, extensions } = self;
        f.debug_struct("Offer").field("protocols", &protocols.len()).field("extensions", extensions).finish()
    }
}
