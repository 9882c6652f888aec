use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::{Extension, HandshakeError};
use crate::ws::Config;
#[cfg(feature = "deflate")]
use crate::ws::deflate::Params;

/// What both ends have agreed on in the opening handshake.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed {
    /// The subprotocol, one of those that the client offered; `None`: none was chosen, though some may have been offered.
    pub protocol: Option<Box<str>>,
    /// How messages are compressed; `None`: they are not.
    #[cfg(feature = "deflate")]
    pub deflate: Option<Params>,
}

impl Agreed {
    /// Returns the subprotocol, if one was chosen.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }
}

/// Without the subprotocol, which may be a token that was echoed.
impl fmt::Debug for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Agreed");
        debug.field("has_protocol", &self.protocol.is_some());
        #[cfg(feature = "deflate")]
        debug.field("deflate", &self.deflate);
        debug.finish()
    }
}

/// The seam to the extensions; without the feature `deflate` there is none, and nothing is offered or agreed.
impl Agreed {
    /// Returns what a server with this config agrees to, and the extension as it stands in the answer.
    pub(super) fn of(protocol: Option<&str>, offers: &[Extension], config: &Config) -> (Self, Option<Extension>) {
        let agreed = Self { protocol: protocol.map(Into::into), ..Self::default() };
        #[cfg(feature = "deflate")]
        if let Some((params, extension)) = config.deflate.as_ref().and_then(|deflate| Params::accept(deflate, offers)) {
            return (Self { deflate: Some(params), ..agreed }, Some(extension));
        }
        let _: (&[Extension], &Config) = (offers, config);
        (agreed, None)
    }

    /// Returns the extensions that a client with this config offers.
    pub(super) fn offers(config: &Config) -> Vec<Extension> {
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &config.deflate {
            return alloc::vec![deflate.offer()];
        }
        let _: &Config = config;
        Vec::new()
    }

    /// Returns what a server agreed to, if that was offered.
    pub(super) fn check(
        protocol: Option<Box<str>>,
        offers: &[Extension],
        agreed: &[Extension],
    ) -> Result<Self, HandshakeError> {
        for (index, one) in agreed.iter().enumerate() {
            // RFC 6455 §4.1: "if this header field indicates the use of an extension that was not present in the client's handshake
            // (the server has indicated an extension not requested by the client), the client MUST _Fail the WebSocket Connection_."
            if offers.iter().all(|offer| offer.name != one.name) {
                return Err(HandshakeError::ExtensionNotOffered);
            }
            if agreed.iter().take(index).any(|before| before.name == one.name) {
                return Err(HandshakeError::RepeatedExtension);
            }
        }
        #[cfg(feature = "deflate")]
        if let (Some(offer), Some(answer)) = (offers.first(), agreed.first()) {
            let params = Params::check(offer, answer).ok_or(HandshakeError::ExtensionParameters)?;
            return Ok(Self { protocol, deflate: Some(params) });
        }
        Ok(Self { protocol, ..Self::default() })
    }
}
