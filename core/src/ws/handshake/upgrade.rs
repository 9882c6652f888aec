use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::{AcceptError, Accepted, Agreed, Extension, UpgradeError, VERSION, accept_value, protocols};
use crate::http::{Fields, Framing, FramingError, Method, RequestHead, Version, request_framing};
use crate::ws::Config;

/// A request for a WebSocket that keeps all that RFC 6455 §4.2.1 asks of it, to be accepted or refused.
#[derive(Clone, PartialEq, Eq)]
pub struct Upgrade {
    accept: String,
    protocols: Vec<Box<str>>,
    extensions: Vec<Extension>,
}

impl Upgrade {
    /// Checks a request.
    ///
    /// Whether its page may ask ([`server::Access`](crate::server::Access)) and who asks is
    /// not looked at here.
    ///
    /// # Errors
    ///
    /// Each names the requirement that is not met, and has its answer: [`UpgradeError::reply`].
    pub fn of(head: &RequestHead) -> Result<Self, UpgradeError> {
        check_request(head)?;
        check_upgrade(head)?;
        check_version(&head.fields)?;
        let accept = accept_value(key(&head.fields)?);
        let protocols = protocols::parse(&head.fields).ok_or(UpgradeError::Protocols)?;
        let extensions = Extension::parse_all(&head.fields).map_err(|_| UpgradeError::Extensions)?;
        Ok(Self { accept, protocols, extensions })
    }

    /// Tells whether a request asks for a WebSocket, rightly or not: by an `Upgrade` field that names it.
    pub fn is_asked(head: &RequestHead) -> bool {
        head.version >= Version::Http11 && head.fields.has_token("upgrade", "websocket")
    }

    /// Returns the subprotocols that the client offers, the ones it likes best first. One of them may be a secret: tokens are sent so.
    pub fn protocols(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.protocols.iter().map(|protocol| &**protocol)
    }

    /// Returns the first offered subprotocol that is one of `known`.
    pub fn choose<'a>(&self, known: &[&'a str]) -> Option<&'a str> {
        self.protocols().find_map(|offered| known.iter().copied().find(|&known| known == offered))
    }

    /// Returns the extensions that the client offers, the ones it likes best first.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// Accepts the request with one of the subprotocols offered, or with none, and with the extensions that `config` allows.
    ///
    /// # Errors
    ///
    /// When the subprotocol was not offered: the client would end the connection (RFC 6455 §4.1).
    pub fn accept(self, protocol: Option<&str>, config: &Config) -> Result<Accepted, AcceptError> {
        if protocol.is_some_and(|protocol| self.protocols().all(|offered| offered != protocol)) {
            return Err(AcceptError::NotOffered);
        }
        let (agreed, extension) = Agreed::of(protocol, &self.extensions, config);
        Ok(Accepted::new(&self.accept, agreed, extension))
    }
}

/// Without subprotocols, of which one may be a token.
impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accept: _, protocols, extensions } = self;
        f.debug_struct("Upgrade").field("protocols", &protocols.len()).field("extensions", extensions).finish()
    }
}

fn check_request(head: &RequestHead) -> Result<(), UpgradeError> {
    // RFC 6455 §4.2.1: "An HTTP/1.1 or higher GET request".
    if head.method != Method::GET {
        return Err(UpgradeError::Method);
    }
    // RFC 9110 §7.8: "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request."
    if head.version < Version::Http11 {
        return Err(UpgradeError::HttpVersion);
    }
    match request_framing(head) {
        Ok(Framing::None | Framing::Length(0)) => Ok(()),
        Ok(_) => Err(UpgradeError::Body),
        Err(FramingError::MissingHost | FramingError::RepeatedHost | FramingError::BadHost) => Err(UpgradeError::Host),
        Err(FramingError::Target(_)) => Err(UpgradeError::Target),
        Err(_) => Err(UpgradeError::Body),
    }
}

fn check_upgrade(head: &RequestHead) -> Result<(), UpgradeError> {
    // RFC 6455 §4.2.1: "An |Upgrade| header field containing the value "websocket", treated as an ASCII case-insensitive value."
    if !Upgrade::is_asked(head) {
        return Err(UpgradeError::NoUpgrade);
    }
    // RFC 6455 §4.2.1: "A |Connection| header field that includes the token "Upgrade", treated as an ASCII case-insensitive value."
    if !head.fields.has_token("connection", "upgrade") {
        return Err(UpgradeError::Connection);
    }
    Ok(())
}

fn check_version(fields: &Fields) -> Result<(), UpgradeError> {
    // RFC 6455 §11.3.5: "The |Sec-WebSocket-Version| header field MUST NOT appear more than once in an HTTP request."
    let mut versions = fields.get_all("sec-websocket-version");
    match (versions.next(), versions.next()) {
        (Some(version), None) if version == VERSION.as_bytes() => Ok(()),
        (_, Some(_)) => Err(UpgradeError::RepeatedVersion),
        (_, None) => Err(UpgradeError::Version),
    }
}

/// Returns the key, if there is one and it is 16 bytes.
fn key(fields: &Fields) -> Result<&str, UpgradeError> {
    // RFC 6455 §11.3.1: "The |Sec-WebSocket-Key| header field MUST NOT appear more than once in an HTTP request."
    let mut keys = fields.get_all("sec-websocket-key");
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) => key,
        (None, _) => return Err(UpgradeError::MissingKey),
        (Some(_), Some(_)) => return Err(UpgradeError::RepeatedKey),
    };
    // RFC 6455 §4.2.1: "a base64-encoded (see Section 4 of [RFC4648]) value that, when decoded, is 16 bytes in length."
    let is_16_bytes = key.len() == KEY_LEN && KEY.decode_slice(key, &mut [0; 18]) == Ok(16);
    str::from_utf8(key).ok().filter(|_| is_16_bytes).ok_or(UpgradeError::Key)
}

/// Takes a last character with bits that mean nothing: RFC 6455 §4.1 itself printed such a key (erratum 3150).
const KEY: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Of 16 bytes in base64.
const KEY_LEN: usize = 24;
