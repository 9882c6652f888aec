//! What connection a request needs: whom to connect to, what to say first, and the steps on the way.
//!
//! ```text
//!  resolving ──Resolved──► connecting ──Connected──► tunnelling ──Tunnelled──► securing ──handle_connected──► done
//!  a name's addresses      to one of them            a proxy, for https        TLS
//!  resolve_timeout         connect_timeout           tunnel_timeout            tls_timeout
//! ```
//!
//! Steps that a connection does not need are left out; each has a deadline of its own.

use alloc::boxed::Box;
use alloc::format;
use core::fmt;
use core::time::Duration;

use super::{Config, Proxy, Reason, Tunnel};
use crate::http::{Fields, RequestHead, Url};

/// A connection that is to be made, step by step as the fields stand here.
///
/// After each step but the last the driver says so ([`EventSource::handle_progress`](super::EventSource::handle_progress)),
/// after the last [`handle_connected`](super::EventSource::handle_connected).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Connect {
    /// Which attempt it is for, counted from 1: goes along with the answers.
    pub attempt: u64,
    /// Whom to connect to: the server, the proxy before it, or a socket of this machine.
    pub peer: Peer,
    /// What to run over the new connection before anything else, if there is something: its event says whether the
    /// connection reaches the server then.
    pub tunnel: Option<Tunnel>,
    /// If the connection is to be secured: the name, or the address without brackets, that the server has to prove. The
    /// protocol to offer (ALPN) is `http/1.1`.
    pub tls: Option<Box<str>>,
}

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Peer {
    /// A host of the network.
    Tcp {
        /// Its name or address; an IPv6 address without brackets.
        host: Box<str>,
        /// The port.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(Box<str>),
}

/// How far the making of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Progress {
    /// The addresses of the host are known: [`Config::resolve_timeout`] is over and [`Config::connect_timeout`] begins.
    Resolved,
    /// One of them took the connection; the next step is the tunnel, or else TLS, if either is wanted.
    Connected,
    /// The tunnel stands; the next step is TLS.
    Tunnelled,
}

/// `example.com:443`, `[::1]:80`, `unix:/run/app.sock`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// What the making of a connection is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Resolve,
    Connect,
    Tunnel,
    Tls,
}

impl Step {
    pub(super) const fn timeout(self, config: &Config) -> Option<Duration> {
        match self {
            Self::Resolve => config.resolve_timeout,
            Self::Connect => config.connect_timeout,
            Self::Tunnel => config.tunnel_timeout,
            Self::Tls => config.tls_timeout,
        }
    }

    /// Returns that the step took longer than `after`; `proxy` is whom the connection is made to, if it is one.
    pub(super) fn timed_out(self, after: Duration, proxy: Option<Box<str>>) -> Reason {
        match self {
            Self::Resolve => Reason::ResolveTimeout { after, proxy },
            Self::Connect => Reason::ConnectTimeout { after, proxy },
            Self::Tunnel => Reason::TunnelTimeout { after },
            Self::Tls => Reason::TlsTimeout { after },
        }
    }
}

/// The way from here to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Straight there.
    Direct,
    /// By a socket of this machine.
    Unix(Box<str>),
    /// The proxy makes the request: for http.
    Forward(Proxy),
    /// The proxy passes the bytes on: for https and WebSockets.
    Tunnel(Proxy),
}

impl Route {
    /// Returns the way to `url`.
    pub(super) fn to(url: &Url, config: &Config) -> Self {
        if let Some(path) = &config.unix_socket {
            return Self::Unix(path.clone());
        }
        match config.proxies.proxy_for(url) {
            None => Self::Direct,
            // RFC 6455 §4.1: "If the client is configured to use a proxy when using the WebSocket Protocol to connect to host /host/
            // and port /port/, then the client SHOULD connect to that proxy and ask it to open a TCP connection to the host given by
            // /host/ and the port given by /port/."
            Some(proxy) if url.is_tls() || url.is_web_socket() => Self::Tunnel(proxy.clone()),
            Some(proxy) => Self::Forward(proxy.clone()),
        }
    }

    /// Returns the connection that a request to `url` with these fields needs.
    pub(super) fn connect(&self, attempt: u64, url: &Url, fields: &Fields, config: &Config) -> Connect {
        let peer = match self {
            Self::Direct => Peer::Tcp { host: url.host().into(), port: url.port() },
            Self::Unix(path) => Peer::Unix(path.clone()),
            Self::Forward(proxy) | Self::Tunnel(proxy) => Peer::Tcp { host: proxy.host().into(), port: proxy.port() },
        };
        let tunnel = match self {
            Self::Tunnel(proxy) => {
                let authorization = authorization(proxy, fields, config);
                Some(Tunnel::new(url, authorization.as_deref(), fields.get("user-agent"), config.head_limits))
            }
            Self::Direct | Self::Unix(_) | Self::Forward(_) => None,
        };
        Connect { attempt, peer, tunnel, tls: url.is_tls().then(|| url.host().into()) }
    }

    /// Returns the head of a request to `url` as this way wants it.
    pub(super) fn head(&self, mut head: RequestHead, url: &Url, config: &Config) -> RequestHead {
        // RFC 9110 §11.7.2: "Proxy-Authorization […] applies only to the next inbound proxy that demanded authentication".
        let authorization = self.proxy().and_then(|proxy| authorization(proxy, &head.fields, config));
        head.fields.remove(PROXY_AUTHORIZATION);
        if let Self::Forward(_) = self {
            // RFC 9112 §3.2.2: "When making a request to a proxy, other than a CONNECT or server-wide OPTIONS request (as
            // detailed below), a client MUST send the target URI in "absolute-form" as the request-target."
            head.target = format!("{}://{}{}", url.scheme(), url.authority(), head.target).into();
            if let Some(value) = authorization {
                // Base64, or a value that was a field's before.
                let _ = head.fields.append(PROXY_AUTHORIZATION, value);
            }
        }
        head
    }

    /// Returns the first step on the way.
    pub(super) const fn first_step(&self) -> Step {
        match self {
            Self::Unix(_) => Step::Connect,
            Self::Direct | Self::Forward(_) | Self::Tunnel(_) => Step::Resolve,
        }
    }

    /// Returns the step that follows on what was told, if there is one.
    pub(super) const fn step_after(&self, progress: Progress, is_tls: bool) -> Option<Step> {
        match progress {
            Progress::Resolved => Some(Step::Connect),
            Progress::Connected if matches!(self, Self::Tunnel(_)) => Some(Step::Tunnel),
            Progress::Connected | Progress::Tunnelled if is_tls => Some(Step::Tls),
            Progress::Connected | Progress::Tunnelled => None,
        }
    }

    /// Returns the proxy on the way.
    pub(super) const fn proxy(&self) -> Option<&Proxy> {
        match self {
            Self::Forward(proxy) | Self::Tunnel(proxy) => Some(proxy),
            Self::Direct | Self::Unix(_) => None,
        }
    }
}

/// Returns what the proxy is told about who asks: the caller's own field, which a redirect to another origin took from those of
/// the request but not from the proxy, else the credentials of the proxy's URL.
fn authorization(proxy: &Proxy, fields: &Fields, config: &Config) -> Option<Box<[u8]>> {
    let own = fields.get(PROXY_AUTHORIZATION).or(config.fields.get(PROXY_AUTHORIZATION));
    own.or(proxy.authorization().map(str::as_bytes)).map(Box::from)
}

const PROXY_AUTHORIZATION: &str = "Proxy-Authorization";
