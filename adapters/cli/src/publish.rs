//! `tidewire publish`: sends publications to a running server.

use std::io::{self, BufRead, Read};

use futures_lite::future;
use smol::Timer;
use tidewire_core::client::exchange::{self, Answer, CloseReason, Event, Exchange};
use tidewire_core::client::publish::{Data, Publication, PublishError, published};
use tidewire_core::client::{Config, Connect, ConnectError};
use tidewire_core::http::{Fields, RequestHead, Url};
use tidewire_smol::{Connection, Connector, Transport};
use tidewire_std::Clock;

use crate::args::Publish;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::wording::flags;
use crate::{stdin, target};

pub(crate) fn run(args: &Publish) -> Result<(), Failure> {
    let url = target::http_url(&args.url)?;
    let mut way = Config::new(url.clone());
    args.network.apply(&mut way)?;
    let fields = target::fields(&args.header, args.bearer.as_deref())?;
    let mut publisher = Publisher {
        args,
        url,
        fields,
        way,
        connector: Connector::new().with_tls(args.network.tls()?),
        connection: None,
        output: Output::new(),
    };
    match args.data.as_deref() {
        _ if args.lines => publisher.lines(),
        None | Some("-") => {
            let mut data = Vec::new();
            stdin::open().read_to_end(&mut data).map_err(unreadable)?;
            publisher.publish(&data)
        }
        Some(data) => publisher.publish(data.as_bytes()),
    }
}

/// Publishes, over one connection as long as the server keeps it.
struct Publisher<'a> {
    args: &'a Publish,
    url: Url,
    fields: Fields,
    /// By which way the server is reached.
    way: Config,
    connector: Connector,
    connection: Option<Connection<Transport, Exchange>>,
    output: Output,
}

impl Publisher<'_> {
    fn lines(&mut self) -> Result<(), Failure> {
        let mut stdin = stdin::open();
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            if stdin.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
                break;
            }
            let data = line.strip_suffix(b"\n").unwrap_or(&line);
            let data = data.strip_suffix(b"\r").unwrap_or(data);
            self.publish(data).map_err(|failure| Failure {
                message: format!("line {number} of standard input: {}", failure.message),
                ..failure
            })?;
        }
        Ok(())
    }

    fn publish(&mut self, data: &[u8]) -> Result<(), Failure> {
        let publication =
            Publication { channel: &self.args.channel, event: self.args.event.as_deref(), data: self.data(data) };
        let (head, body) = publication.request(&self.url, &self.fields).map_err(|error| {
            let exit = if matches!(error, PublishError::Json { .. }) { Exit::BadInput } else { Exit::Usage };
            Failure::new(exit, error.to_string())
        })?;
        let answer = smol::block_on(self.ask(head, &body))?;
        let id = published(&answer).map_err(|refusal| Failure::new(Exit::Refused, refusal.to_string()))?;
        self.output.lines.extend_from_slice(id.as_bytes());
        self.output.lines.push(b'\n');
        self.output.flush()
    }

    fn data<'a>(&'a self, data: &'a [u8]) -> Data<'a> {
        match (&self.args.content_type, str::from_utf8(data)) {
            (Some(content_type), _) => Data::Bytes { bytes: data, content_type },
            (None, Ok(text)) if self.args.json => Data::Json(text),
            (None, Ok(text)) => Data::Text(text),
            (None, Err(_)) => Data::Bytes { bytes: data, content_type: "application/octet-stream" },
        }
    }

    /// Sends a request and waits for its answer.
    async fn ask(&mut self, head: RequestHead, body: &[u8]) -> Result<Answer, Failure> {
        let (wanted, head) = exchange::route(&self.url, head, &self.way);
        let mut connection = match self.kept().await {
            Some(connection) => connection,
            None => self.connect(wanted).await?,
        };
        let now = connection.now();
        connection.protocol_mut().request(now, &head, body).map_err(|error| self.lost(error))?;
        match connection.next().await.map_err(|error| self.lost(error))? {
            Some(Event::Answered(answer)) => {
                self.connection = Some(connection);
                Ok(answer)
            }
            Some(Event::Closed(reason)) => {
                let exit = match reason {
                    CloseReason::TimedOut => Exit::Timeout,
                    CloseReason::Cut | CloseReason::Idle => Exit::Network,
                    _ => Exit::NotAStream,
                };
                Err(Failure::new(exit, format!("{}: {reason}", self.url)))
            }
            _ => Err(self.lost(CloseReason::Cut)),
        }
    }

    /// Takes the connection of the request before, if the server has left it open and silent.
    async fn kept(&mut self) -> Option<Connection<Transport, Exchange>> {
        let mut connection = self.connection.take()?;
        let quiet = future::poll_once(connection.next()).await.is_none();
        quiet.then_some(connection)
    }

    async fn connect(&self, wanted: Connect) -> Result<Connection<Transport, Exchange>, Failure> {
        let (timeout, clock) = (self.args.timeout, Clock::start());
        let late = async {
            Timer::after(timeout).await;
            Err(Failure::new(Exit::Timeout, format!("{}: no connection within {timeout:?}", self.url)))
        };
        let connecting = async { self.connector.open(wanted, clock).await.map_err(|error| self.unreachable(&error)) };
        let socket = future::or(connecting, late).await?;
        let mut config = exchange::Config::default();
        config.timeout = timeout;
        Ok(Connection::new(socket, Exchange::new(config), clock))
    }

    fn unreachable(&self, error: &ConnectError) -> Failure {
        let exit = match error {
            ConnectError::ProxyRefused { .. } => Exit::Refused,
            _ => Exit::Network,
        };
        let way = match self.way.proxies.proxy_for(&self.url) {
            Some(proxy) if self.way.unix_socket.is_none() && is_proxys(error) => format!("proxy {}", proxy.authority()),
            _ => self.url.to_string(),
        };
        Failure::new(exit, format!("{way}: {}", flags(&error.to_string())))
    }

    fn lost(&self, error: impl std::fmt::Display) -> Failure {
        Failure::new(Exit::Network, format!("{}: {error}", self.url))
    }
}

/// Whether it was the proxy, if there is one, that could not be reached.
fn is_proxys(error: &ConnectError) -> bool {
    !matches!(error, ConnectError::Tls(_) | ConnectError::NoTls | ConnectError::Tunnel(_))
}

fn unreadable(error: io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("cannot read standard input: {error}"))
}
