//! Which requests go through a proxy, by the rules of curl's environment variables.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use super::NoProxy;
use crate::http::{Url, UrlError, percent};

/// The proxies between here and the servers.
///
/// ```
/// use tidewire_core::client::{NoProxy, Proxies, Proxy};
///
/// let mut proxies = Proxies::all(Proxy::parse("http://user:pass%20word@proxy.example:3128")?);
/// proxies.except = NoProxy::parse("localhost, .internal.example, 10.0.0.0/8");
/// assert!(proxies.proxy_for(&"https://api.example/".parse()?).is_some());
/// assert!(proxies.proxy_for(&"https://db.internal.example/".parse()?).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proxies {
    /// The proxy for http, for which it makes the requests itself, and for ws, for which it passes on what it is given.
    pub http: Option<Proxy>,
    /// The proxy for https and wss: it passes on what it cannot read.
    pub https: Option<Proxy>,
    /// To whom no proxy leads.
    pub except: NoProxy,
}

impl Proxies {
    /// Returns no proxies.
    pub const fn none() -> Self {
        Self { http: None, https: None, except: NoProxy::none() }
    }

    /// Returns one proxy for everything.
    pub fn all(proxy: Proxy) -> Self {
        Self { http: Some(proxy.clone()), https: Some(proxy), except: NoProxy::none() }
    }

    /// Returns what the environment's variables say, as `get` reads them: `http_proxy`, `https_proxy`, for both else
    /// `all_proxy`, and `no_proxy` ([`NoProxy::parse`]). Of each the name in lower case counts before that in upper case; an
    /// empty one says that there is none. Of a variable that is of no use nothing is read.
    ///
    /// # Errors
    ///
    /// When a value is none that a client of ours can use; with the name of the variable.
    pub fn from_env<G, V>(get: G) -> Result<Self, EnvProxyError>
    where
        G: Fn(&str) -> Option<V>,
        V: Into<String>,
    {
        let read = |lower: &'static str, upper: &'static str| {
            let first = get(lower).map(|value| (lower, value.into()));
            first.or_else(|| get(upper).map(|value| (upper, value.into())))
        };
        // A CGI program finds the field `Proxy` of its request, which anybody may send, as HTTP_PROXY ("httpoxy").
        let upper_http = if get("REQUEST_METHOD").is_some() { "http_proxy" } else { "HTTP_PROXY" };
        let choose = |own: Option<(&'static str, String)>| {
            let Some((variable, value)) = own.or_else(|| read("all_proxy", "ALL_PROXY")) else { return Ok(None) };
            if value.trim().is_empty() {
                return Ok(None);
            }
            Proxy::parse(value.trim()).map(Some).map_err(|error| EnvProxyError { variable, error })
        };
        let except = read("no_proxy", "NO_PROXY").map(|(_, value)| NoProxy::parse(&value));
        Ok(Self {
            http: choose(read("http_proxy", upper_http))?,
            https: choose(read("https_proxy", "HTTPS_PROXY"))?,
            except: except.unwrap_or_default(),
        })
    }

    /// Returns the proxy that leads to `url`, if one does.
    pub fn proxy_for(&self, url: &Url) -> Option<&Proxy> {
        let proxy = if url.is_tls() { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !self.except.matches(url.host(), url.port()))
    }
}

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
    /// The value of `Proxy-Authorization`.
    authorization: Option<Box<str>>,
}

impl Proxy {
    /// Parses `http://USER:PASSWORD@HOST:PORT`; scheme, credentials and port (80) may be left out. User and password are
    /// percent-decoded; what follows behind the port is not looked at.
    ///
    /// # Errors
    ///
    /// When it is not the URL of an HTTP proxy that a client of ours can use.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(ProxyError::Scheme),
            None => text,
        };
        // A password may have any of these itself: the last `@` counts, and behind it the address ends.
        let (userinfo, address) = match rest.rsplit_once('@') {
            Some((userinfo, address)) => (Some(userinfo), address),
            None => (None, rest),
        };
        let address = address.split(['/', '?', '#']).next().unwrap_or_default();
        let url = Url::parse(&format!("http://{address}")).map_err(ProxyError::Address)?;
        let authorization = userinfo.filter(|text| !text.is_empty()).map(basic).transpose()?;
        Ok(Self { url, authorization })
    }

    /// Returns the name or address to connect to; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.url.host()
    }

    /// Returns the port to connect to.
    pub const fn port(&self) -> u16 {
        self.url.port()
    }

    /// Returns the value of `Proxy-Authorization`: a secret.
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// Returns host and port.
    pub fn authority(&self) -> Box<str> {
        self.url.host_and_port()
    }
}

impl core::str::FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        Self::parse(text)
    }
}

/// The address, without the credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

/// Whether there are credentials, not which.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = self.authorization.as_ref().map(|_| "…");
        let mut shown = f.debug_struct("Proxy");
        shown.field("address", &self.authority()).field("credentials", &credentials).finish()
    }
}

/// Why a text names no proxy that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// It is reached by something else than plain HTTP, such as `https://` or `socks5://`.
    Scheme,
    /// Its host or port is none.
    Address(UrlError),
    /// User or password cannot be sent: a control character (RFC 7617 §2), or a `:` in the name of the user.
    Credentials,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("proxies are spoken to by http:// only, not by https:// or SOCKS"),
            Self::Address(error) => write!(f, "the address of the proxy is none: {error}"),
            Self::Credentials => {
                f.write_str("user or password of the proxy cannot be sent (a control character, or `:` in the user)")
            }
        }
    }
}

impl Error for ProxyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Address(error) => Some(error),
            Self::Scheme | Self::Credentials => None,
        }
    }
}

/// A variable of the environment names no proxy that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvProxyError {
    /// The name of the variable.
    pub variable: &'static str,
    /// What is wrong with its value.
    pub error: ProxyError,
}

impl fmt::Display for EnvProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.error)
    }
}

impl Error for EnvProxyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// Returns the credentials in the form of RFC 7617 §2, "Basic".
fn basic(userinfo: &str) -> Result<Box<str>, ProxyError> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let mut pair = Vec::new();
    // As written, where a `%` is just one.
    percent::decode_into(user.as_bytes(), &mut pair);
    if pair.contains(&b':') {
        return Err(ProxyError::Credentials);
    }
    pair.push(b':');
    percent::decode_into(password.as_bytes(), &mut pair);
    if pair.iter().any(u8::is_ascii_control) {
        return Err(ProxyError::Credentials);
    }
    let mut value = String::from("Basic ");
    base64(&pair, &mut value);
    Ok(value.into())
}

/// RFC 4648 §4.
fn base64(bytes: &[u8], out: &mut String) {
    for group in bytes.chunks(3) {
        let byte = |at: usize| group.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or_default();
            let digit = DIGITS.get(index).filter(|_| digit <= group.len()).copied().unwrap_or(b'=');
            out.push(digit.into());
        }
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
