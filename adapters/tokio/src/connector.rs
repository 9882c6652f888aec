use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Poll, ready};

use tidewire_core::Protocol;
use tidewire_core::client::{Connect, ConnectError, Peer, Progress, Tunnel};
use tidewire_std::{Clock, connect_error};
#[cfg(feature = "tls")]
use tidewire_tls::Client;

use crate::connect::{connect_to, connect_unix};
use crate::link::Link;
#[cfg(feature = "tls")]
use crate::runtime::TlsConnector;
use crate::runtime::{AsyncRead, AsyncWrite, resolve};

/// How an event source makes its connections; clones are equals.
///
/// By default over TCP and Unix sockets, through the proxies of its configuration, secured with the web's certificate
/// authorities. Each part can be replaced: whom TLS trusts ([`with_tls`](Self::with_tls)), the sockets
/// ([`over_fn`](Self::over_fn)), or everything ([`from_fn`](Self::from_fn)).
#[derive(Clone, Default)]
pub struct Connector {
    dial: Dial,
    #[cfg(feature = "tls")]
    tls: Option<Client>,
}

impl Connector {
    /// Connects by sockets, with the web's certificate authorities.
    pub fn new() -> Self {
        Self::default()
    }

    /// Connects as `connect` does: whatever the [`Connect`] asks for, its tunnel and its TLS too, is done when its future is.
    ///
    /// The deadline of the whole is [`Config::connect_timeout`](tidewire_core::client::Config::connect_timeout): then the
    /// future is dropped.
    pub fn from_fn<F, C, IO>(connect: F) -> Self
    where
        F: Fn(Connect) -> C + Send + Sync + 'static,
        C: Future<Output = Result<IO, ConnectError>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self::by(Dial::Whole(dialing(connect)))
    }

    /// Connects to the [`Peer`] as `connect` does, and runs the tunnel and TLS over that where they are asked for.
    pub fn over_fn<F, C, IO>(connect: F) -> Self
    where
        F: Fn(Connect) -> C + Send + Sync + 'static,
        C: Future<Output = Result<IO, ConnectError>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self::by(Dial::Peer(dialing(connect)))
    }

    /// Secures the connections to https URLs as `client` says.
    #[cfg(feature = "tls")]
    pub fn with_tls(mut self, client: Client) -> Self {
        self.tls = Some(client);
        self
    }

    /// Makes a connection, for a machine that leaves that to others, such as an [`Exchange`]; how long it may take is the caller's to
    /// bound.
    ///
    /// # Errors
    ///
    /// Why there is no connection.
    ///
    /// [`Exchange`]: tidewire_core::client::exchange::Exchange
    pub async fn open(&self, wanted: Connect, clock: Clock) -> Result<Transport, ConnectError> {
        self.clone().connect(wanted, Steps::default(), clock).await
    }

    /// Makes the connection that a machine asks for, and tells of the `steps` on the way.
    pub(crate) async fn connect(self, wanted: Connect, steps: Steps, clock: Clock) -> Result<Transport, ConnectError> {
        let mut io: Transport = match &self.dial {
            Dial::Sockets => dial(&wanted.peer, &steps).await?,
            Dial::Peer(connect) | Dial::Whole(connect) => {
                steps.note(Progress::Resolved);
                connect(wanted.clone()).await?
            }
        };
        if let Dial::Whole(_) = self.dial {
            return Ok(io);
        }
        steps.note(Progress::Connected);
        if let Some(tunnel) = wanted.tunnel {
            io = dig(io, tunnel, clock).await?;
            steps.note(Progress::Tunnelled);
        }
        match wanted.tls {
            None => Ok(io),
            Some(host) => self.secure(io, &host).await,
        }
    }

    fn by(dial: Dial) -> Self {
        Self {
            dial,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    #[cfg(feature = "tls")]
    async fn secure(self, io: Transport, host: &str) -> Result<Transport, ConnectError> {
        let name = tidewire_tls::server_name(host).map_err(|error| ConnectError::Tls(error.to_string().into()))?;
        let client = self.tls.unwrap_or_else(Client::webpki);
        let connecting = TlsConnector::from(Arc::clone(client.config())).connect(name, io);
        match connecting.await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(ConnectError::Tls(tidewire_tls::explain_io(&error))),
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn secure(self, _io: Transport, _host: &str) -> Result<Transport, ConnectError> {
        Err(ConnectError::NoTls)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

/// Any stream of bytes: what a machine's bytes go over.
pub type Transport = Box<dyn Io>;

/// What is read and written.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<IO: AsyncRead + AsyncWrite + Send + Unpin> Io for IO {}

/// The making of a connection.
pub(crate) type Connecting = Pin<Box<dyn Future<Output = Result<Transport, ConnectError>> + Send>>;

/// How far the making of a connection is, told by its future to who polls it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps(Arc<AtomicU8>);

impl Steps {
    fn note(&self, step: Progress) {
        let known = ALL_STEPS.iter().position(|known| *known == step);
        self.0.fetch_or(known.map_or(0, |index| 1 << index), Ordering::Relaxed);
    }

    /// Takes the steps that were made since the last call, in their order.
    pub(crate) fn take(&self) -> impl Iterator<Item = Progress> + use<> {
        let made = self.0.swap(0, Ordering::Relaxed);
        ALL_STEPS.into_iter().enumerate().filter(move |(index, _)| made & 1 << index != 0).map(|(_, step)| step)
    }
}

#[derive(Clone, Default)]
enum Dial {
    #[default]
    Sockets,
    Peer(Arc<dyn Fn(Connect) -> Connecting + Send + Sync>),
    Whole(Arc<dyn Fn(Connect) -> Connecting + Send + Sync>),
}

fn dialing<F, C, IO>(connect: F) -> Arc<dyn Fn(Connect) -> Connecting + Send + Sync>
where
    F: Fn(Connect) -> C + Send + Sync + 'static,
    C: Future<Output = Result<IO, ConnectError>> + Send + 'static,
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    Arc::new(move |wanted| {
        let connecting = connect(wanted);
        Box::pin(async { Ok(Box::new(connecting.await?) as Transport) })
    })
}

async fn dial(peer: &Peer, steps: &Steps) -> Result<Transport, ConnectError> {
    match peer {
        Peer::Tcp { host, port } => {
            let addresses = resolve(host, *port).await.map_err(|_| ConnectError::Resolve)?;
            steps.note(Progress::Resolved);
            let stream = connect_to(addresses).await.map_err(|error| connect_error(&error))?;
            Ok(Box::new(stream))
        }
        Peer::Unix(path) => connect_unix(path).await,
        _ => Err(ConnectError::Unsupported),
    }
}

/// Runs a tunnel's request over `io`; its deadline is the machine's.
async fn dig(io: Transport, mut tunnel: Tunnel, clock: Clock) -> Result<Transport, ConnectError> {
    let mut link = Link::new(io);
    poll_fn(|context| {
        loop {
            if let Some(reached) = tunnel.poll_event() {
                return Poll::Ready(reached);
            }
            ready!(link.poll_turn(context, clock.now(), &mut tunnel)).map_err(|error| connect_error(&error))?;
        }
    })
    .await?;
    Ok(link.into_io())
}

const ALL_STEPS: [Progress; 3] = [Progress::Resolved, Progress::Connected, Progress::Tunnelled];
