//! Following redirects, by the rules of the Fetch standard (§4.4, HTTP-redirect fetch).

use core::error::Error;
use core::fmt;

use super::Request;
use crate::http::{Method, ResponseHead, UrlError};

/// Why a redirect could not be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectError {
    /// There is no `Location`.
    Missing,
    /// The `Location` is empty.
    Empty,
    /// The `Location` is not text.
    NotText,
    /// The `Location` leads nowhere.
    Url(UrlError),
    /// It leads from a WebSocket that is secured (`wss`) to one that is not.
    Insecure,
    /// There were more redirects in a row than [`Config::max_redirects`](super::Config::max_redirects).
    TooMany {
        /// The limit.
        limit: u32,
    },
}

impl Request {
    /// Turns the request into the one that `head`, a redirect, asks for; it is one `for_web_socket`, or for a stream.
    pub(super) fn redirect(&mut self, head: &ResponseHead, for_web_socket: bool) -> Result<(), RedirectError> {
        let location = head.fields.get("location").ok_or(RedirectError::Missing)?;
        if location.is_empty() {
            return Err(RedirectError::Empty);
        }
        let location = str::from_utf8(location).map_err(|_| RedirectError::NotText)?;
        let url = self.url.join(location).map_err(RedirectError::Url)?;
        if for_web_socket {
            // RFC 6455 §10.6: "Connection confidentiality and integrity is provided by running the WebSocket Protocol over TLS (wss
            // URIs)." Whoever asked for that is not led away from it.
            if self.url.is_tls() && !url.is_tls() {
                return Err(RedirectError::Insecure);
            }
        } else if url.is_web_socket() {
            return Err(RedirectError::Url(UrlError::Scheme));
        }

        // Fetch §4.4: "internalResponse's status is 301 or 302 and request's method is `POST`", or "303 and request's
        // method is not `GET` or `HEAD`": "Set request's method to `GET` and request's body to null. For each headerName
        // of request-body-header name, delete headerName".
        let becomes_get = match head.status {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::GET && self.method != Method::HEAD,
            _ => false,
        };
        if becomes_get {
            self.become_get();
        }
        // Fetch §4.4: "If request's current URL's origin is not same origin with locationURL's origin, then for each
        // headerName of CORS non-wildcard request-header name, delete headerName". Cookies, keys and what was meant for
        // one host go with them.
        if !self.url.same_origin(&url) {
            for name in ORIGIN_FIELDS {
                self.fields.remove(name);
            }
        }
        self.url = url;
        Ok(())
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the redirect does not say where to (no `location`)"),
            Self::Empty => f.write_str("the redirect does not say where to (empty `location`)"),
            Self::NotText => f.write_str("the `location` of the redirect is not text"),
            Self::Url(error) => write!(f, "the redirect cannot be followed: {error}"),
            Self::Insecure => f.write_str("the redirect leads from wss:// to ws://, which anybody on the way can read"),
            Self::TooMany { limit: 0 } => {
                f.write_str("no redirects are followed; use the address it leads to, or raise `max_redirects`")
            }
            Self::TooMany { limit } => {
                write!(
                    f,
                    "more than {limit} redirects in a row; do they go in a circle, or is `max_redirects` too low?"
                )
            }
        }
    }
}

impl Error for RedirectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            _ => None,
        }
    }
}

/// What only the origin it was meant for may see: also the keys of APIs that do not use `Authorization`. Browsers ask a foreign
/// origin whether it may have such fields; here there is nobody to ask.
const ORIGIN_FIELDS: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-auth-token",
];
