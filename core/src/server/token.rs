use alloc::boxed::Box;
use alloc::string::ToString;
use core::error::Error;
use core::fmt;

use super::{Reply, refusal};
use crate::http::{Fields, Method, RequestHead, is_token, trim};
use crate::ws::Upgrade;

/// Where a request's token is looked for: in this order, and no further than the first place that has one.
///
/// ```
/// use tidewire_core::http::{Method, RequestHead};
/// use tidewire_core::server::{TokenPlace, TokenPlaces, TokenProtocol};
///
/// let mut places = TokenPlaces::default();
/// places.protocol = TokenProtocol::Behind("bearer".into());
///
/// // A browser: `new WebSocket(url, ["bearer", token])`.
/// let mut head = RequestHead::new(Method::GET, "/chat");
/// head.fields.append("sec-websocket-protocol", "bearer, s3cret")?;
/// let token = places.require(&head)?;
/// assert!(token.is("s3cret"));
/// assert_eq!(token.place(), TokenPlace::Protocol);
/// assert_eq!(token.protocol(), Some("bearer")); // what the upgrade is to be accepted with
/// assert_eq!(format!("{token:?}"), "Token { place: Protocol, .. }");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenPlaces {
    /// `Authorization: Bearer TOKEN` (RFC 6750 §2.1). Pages cannot set it for an `EventSource` or a `WebSocket`. Default: yes.
    pub bearer: bool,
    /// The subprotocols of a WebSocket, the one thing that its page may choose freely. Default: not there.
    pub protocol: TokenProtocol,
    /// The cookie of this name. What carries a cookie may be a page of another site, so [`find`](Self::find) looks at `Origin`, too; and
    /// [`Access`](super::Access) is to be asked as ever. Default: none.
    pub cookie: Option<Box<str>>,
    /// The parameter of this name in the query, percent-decoded. Logs, histories and referrers show it (RFC 6750 §5.3: "Don't pass bearer
    /// tokens in page URLs"). Default: none.
    pub query: Option<Box<str>>,
}

/// Which of the subprotocols of a WebSocket is a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenProtocol {
    /// None of them.
    #[default]
    None,
    /// The only one, if there is one alone, as Mastodon takes it. It is echoed.
    Sole,
    /// The one that follows this marker: of `bearer, TOKEN` behind `bearer`. The marker is what is chosen.
    Behind(Box<str>),
}

/// A token that a request brought.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    secret: Box<str>,
    place: TokenPlace,
    protocol: Option<Box<str>>,
}

/// Where a token stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenPlace {
    /// In the `Authorization` field.
    Bearer,
    /// Among the subprotocols.
    Protocol,
    /// In a cookie.
    Cookie,
    /// In the query.
    Query,
}

impl Default for TokenPlaces {
    fn default() -> Self {
        Self { bearer: true, protocol: TokenProtocol::None, cookie: None, query: None }
    }
}

impl TokenPlaces {
    /// Looks for the token of a request. An empty one counts as none, but for `Bearer` with nothing behind it, which is malformed.
    ///
    /// # Errors
    ///
    /// When there is a token that must not be trusted, or none that could be read.
    pub fn find(&self, head: &RequestHead) -> Result<Option<Token>, TokenError> {
        if self.bearer
            && let Some(secret) = bearer(&head.fields)?
        {
            return Ok(Token::at(TokenPlace::Bearer, secret));
        }
        if let Some(token) = self.among_protocols(&head.fields) {
            return Ok(Some(token));
        }
        if let Some(name) = &self.cookie
            && let Some(secret) = cookie(&head.fields, name)
        {
            return check_page(head).map(|()| Token::at(TokenPlace::Cookie, secret));
        }
        let target = self.query.as_ref().and_then(|name| Some((name, head.parse_target().ok()?)));
        let found = target.and_then(|(name, target)| target.query_pairs().find(|(other, _)| *other == **name));
        Ok(found.and_then(|(_, secret)| Token::at(TokenPlace::Query, &secret)))
    }

    /// Looks for the token of a request that has to have one.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find), and when there is none.
    pub fn require(&self, head: &RequestHead) -> Result<Token, TokenError> {
        self.find(head)?.ok_or(TokenError::Missing)
    }

    fn among_protocols(&self, fields: &Fields) -> Option<Token> {
        let mut protocols = fields.members("sec-websocket-protocol").map(str::from_utf8);
        let (secret, chosen) = match &self.protocol {
            TokenProtocol::None => return None,
            TokenProtocol::Sole => {
                let sole = protocols.next().filter(|_| protocols.next().is_none())?.ok()?;
                (sole, sole)
            }
            TokenProtocol::Behind(marker) => {
                protocols.find(|protocol| *protocol == Ok(&**marker))?.ok()?;
                (protocols.next()?.ok()?, &**marker)
            }
        };
        let protocol = is_token(secret.as_bytes()).then(|| chosen.into())?;
        Some(Token { secret: secret.into(), place: TokenPlace::Protocol, protocol: Some(protocol) })
    }
}

impl Token {
    fn at(place: TokenPlace, secret: &str) -> Option<Self> {
        (!secret.is_empty()).then(|| Self { secret: secret.into(), place, protocol: None })
    }

    /// Returns the token itself.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Tells whether it is this one. How long that takes tells nothing of where they differ.
    pub fn is(&self, expected: &str) -> bool {
        let differs = self.secret.bytes().zip(expected.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
        // Else the loop may end at the first difference.
        self.secret.len() == expected.len() && core::hint::black_box(differs) == 0
    }

    /// Returns where it stood.
    pub const fn place(&self) -> TokenPlace {
        self.place
    }

    /// Returns the subprotocol to [accept](Upgrade::accept) with, if the token came as one: the token itself, or the marker before it. A
    /// browser drops a connection that chooses none of those it offered.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }
}

/// Without the token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Why a request has no token that counts. [`reply`](Self::reply) is its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// There is none.
    Missing,
    /// There is more than one `Authorization` field, or none that can be read behind `Bearer`.
    Malformed,
    /// The token stands in a cookie, and no `Origin` tells whose page sends it. Browsers always name it for a WebSocket and for methods other
    /// than GET and HEAD (Fetch §3.2); so this is none, and a program has a better place for its token.
    CookieWithoutOrigin,
}

impl TokenError {
    /// Returns the status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Missing => 401,
            Self::Malformed => 400,
            Self::CookieWithoutOrigin => 403,
        }
    }

    /// Returns the answer, as problem details (RFC 9457).
    pub fn reply(&self) -> Reply {
        let code = match self {
            Self::Missing => "token_missing",
            Self::Malformed => "malformed_token",
            Self::CookieWithoutOrigin => "origin_missing",
        };
        let mut reply = refusal::problem(self.status(), code, &self.to_string());
        if *self == Self::Missing {
            // RFC 9110 §15.5.2: "The server generating a 401 response MUST send a WWW-Authenticate header field". A literal that is well
            // formed.
            let _ = reply.fields.append("www-authenticate", "Bearer");
        }
        reply
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "a token is missing; send `authorization: Bearer TOKEN`",
            Self::Malformed => "the authorization field is malformed; send `authorization: Bearer TOKEN` once",
            Self::CookieWithoutOrigin => {
                "a cookie counts only with the origin of its page; send `authorization: Bearer TOKEN` instead"
            }
        })
    }
}

impl Error for TokenError {}

/// Returns what stands behind `Bearer`; `None` for other schemes.
fn bearer(fields: &Fields) -> Result<Option<&str>, TokenError> {
    let mut values = fields.get_all("authorization");
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(TokenError::Malformed);
    }
    let (scheme, secret) = value.split_at_checked(SCHEME.len()).unwrap_or((value, b""));
    if !scheme.eq_ignore_ascii_case(SCHEME) || !matches!(secret, [] | [b' ', ..]) {
        return Ok(None);
    }
    // RFC 6750 §2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`; of other tokens nothing but spaces would
    // be ambiguous.
    let secret = str::from_utf8(trim(secret)).ok().filter(|secret| secret.bytes().all(|byte| byte.is_ascii_graphic()));
    secret.filter(|secret| !secret.is_empty()).map(Some).ok_or(TokenError::Malformed)
}

/// Returns the value of the first cookie of this name: a user agent sends first what is set for the most specific path (RFC 6265 §5.4).
fn cookie<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let pairs =
        fields.get_all("cookie").filter_map(|value| str::from_utf8(value).ok()).flat_map(|value| value.split(';'));
    let mut values = pairs.filter_map(|pair| pair.split_once('=')).filter(|(found, _)| found.trim() == name);
    let value = values.next()?.1.trim();
    // RFC 6265 §4.1.1: `cookie-value = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE )`.
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (!value.is_empty()).then_some(value)
}

/// Refuses what no browser sends: a cookie, and nothing that tells whose page it is.
fn check_page(head: &RequestHead) -> Result<(), TokenError> {
    let tells_origin = Upgrade::is_asked(head) || ![Method::GET, Method::HEAD].contains(&head.method);
    let is_told = !tells_origin || head.fields.contains("origin");
    if is_told { Ok(()) } else { Err(TokenError::CookieWithoutOrigin) }
}

const SCHEME: &[u8] = b"bearer";
