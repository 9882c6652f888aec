//! `tokio-contract-service PORT`: lets a harness of contract tests for SSE clients drive our [`EventSource`].
//!
//! The harness says over HTTP which stream to follow, and serves that stream itself. What comes of it is posted back, one report
//! after another to `callbackUrl/1`, `callbackUrl/2` and so on. The protocol is that of LaunchDarkly's `sse-contract-tests`.
//!
//! | request | does |
//! |---|---|
//! | `GET /` | names the service and its capabilities |
//! | `POST /` | follows a stream; `location` says where it is from then on |
//! | `POST /streams/N` | restarts it |
//! | `DELETE /streams/N` | stops it |
//! | `DELETE /` | ends the service |
//!
//! ```text
//! cargo run -p tidewire-tokio --example tokio-contract-service 8000
//! sse-contract-tests -url http://127.0.0.1:8000
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tidewire_core::client::exchange::{self, Exchange};
use tidewire_core::client::{CloseReason, Config, Event, Reason, Resend, Restart};
use tidewire_core::http::{Method, RequestHead, Url};
use tidewire_core::server::{self, Reply, Request, Session};
use tidewire_core::sse::EventId;
use tidewire_tokio::{Clock, Connection, EventSource, Handle, connect, seed};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let port: u16 = std::env::args().nth(1).ok_or("usage: tokio-contract-service PORT")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("waiting for a harness at http://{}", listener.local_addr()?);
    let service = Arc::new(Service::default());
    loop {
        let (socket, _) = listener.accept().await?;
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            if let Err(error) = service.serve(socket).await {
                eprintln!("{error}");
            }
        });
    }
}

/// A stream that is followed.
struct Stream {
    handle: Handle,
    task: JoinHandle<()>,
}

impl Stream {
    /// Follows a stream in a task of its own.
    fn spawn(source: EventSource, reporter: Reporter) -> Self {
        Self { handle: source.handle(), task: tokio::spawn(follow(source, reporter)) }
    }

    /// Ends the task where it stands: nothing more is asked for or reported.
    async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn follow(mut source: EventSource, mut reporter: Reporter) {
    while let Some(event) = source.next().await {
        let Some(report) = Report::of(&event) else { continue };
        // A harness that does not answer holds the stream for so long, and not for ever.
        match timeout(PATIENCE, reporter.post(&report)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("{error}"),
            Err(_) => eprintln!("the harness took no report in {PATIENCE:?}"),
        }
    }
}

// From here on `tokio-contract-service` and `smol-contract-service` are the same.

/// The streams that are followed, by number.
#[derive(Default)]
struct Service(Mutex<Streams>);

#[derive(Default)]
struct Streams {
    last: u64,
    running: BTreeMap<u64, Stream>,
}

/// A status and a sentence why.
struct Refused(u16, String);

impl Service {
    /// Answers the requests of one connection.
    async fn serve(&self, socket: TcpStream) -> Result<(), Failure> {
        let clock = Clock::start();
        let session = Session::new(server::Config::default(), clock.now(), clock.unix(), seed());
        let mut connection = Connection::new(socket, session, clock);
        let mut is_last = false;
        while let Some(event) = connection.next().await? {
            let server::Event::Request(request) = event else { continue };
            let reply = self.answer(&request).await.unwrap_or_else(Refused::into_reply);
            is_last = request.head.method == Method::DELETE && &*request.head.target == "/";
            if is_last {
                connection.protocol_mut().shutdown(clock.now());
            }
            connection.protocol_mut().reply(clock.now(), reply)?;
        }
        if is_last {
            std::process::exit(0);
        }
        Ok(())
    }

    async fn answer(&self, request: &Request) -> Result<Reply, Refused> {
        let path = &*request.head.target;
        let number = path.strip_prefix("/streams/").and_then(|number| number.parse().ok());
        match (request.head.method.as_str(), path, number) {
            ("GET", "/", _) => describe(),
            ("POST", "/", _) => self.create(&request.body),
            ("POST", _, Some(number)) => self.command(number, &request.body),
            ("DELETE", "/", _) => Ok(Reply::new(204)),
            ("DELETE", _, Some(number)) => {
                let stream = self.streams().running.remove(&number).ok_or_else(|| no_stream(number))?;
                stream.stop().await;
                Ok(Reply::new(204))
            }
            (method, ..) => Err(Refused(404, format!("there is no {method} {path} here"))),
        }
    }

    fn create(&self, body: &[u8]) -> Result<Reply, Refused> {
        let wanted: Create = read(body)?;
        let callback = wanted.callback_url.parse().map_err(|error| bad(format!("callbackUrl: {error}")))?;
        let source = EventSource::new(wanted.config().map_err(bad)?);
        let mut streams = self.streams();
        streams.last += 1;
        let number = streams.last;
        streams.running.insert(number, Stream::spawn(source, Reporter::new(callback)));
        let mut reply = Reply::new(201);
        reply.fields.append("location", format!("/streams/{number}")).map_err(bad)?;
        Ok(reply)
    }

    fn command(&self, number: u64, body: &[u8]) -> Result<Reply, Refused> {
        let streams = self.streams();
        let stream = streams.running.get(&number).ok_or_else(|| no_stream(number))?;
        match read(body)? {
            Command::Restart => stream.handle.restart(Restart::AtOnce),
        }
        Ok(Reply::new(202))
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe() -> Result<Reply, Refused> {
    let mut reply = Reply::new(200);
    reply.fields.append("content-type", "application/json").map_err(bad)?;
    reply.body = serde_json::json!({ "name": NAME, "capabilities": CAPABILITIES }).to_string().into();
    Ok(reply)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(bad)
}

fn bad(why: impl ToString) -> Refused {
    Refused(400, why.to_string())
}

fn no_stream(number: u64) -> Refused {
    Refused(404, format!("there is no stream {number}"))
}

impl Refused {
    fn into_reply(self) -> Reply {
        Reply { body: format!("{}\n", self.1).into(), ..Reply::new(self.0) }
    }
}

/// What `POST /` says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    stream_url: String,
    callback_url: String,
    initial_delay_ms: Option<u64>,
    read_timeout_ms: Option<u64>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    method: Option<String>,
    body: Option<String>,
    last_event_id: Option<String>,
}

impl Create {
    fn config(self) -> Result<Config, Failure> {
        let url = self.stream_url.parse().map_err(|error| format!("streamUrl: {error}"))?;
        let mut config = Config::new(url);
        // What the harness names is the delay, and it takes each request again.
        config.backoff.jitter = 0.0;
        config.resend = Resend::Always;
        if let Some(delay) = self.initial_delay_ms {
            config.backoff.base = Duration::from_millis(delay);
        }
        if let Some(silence) = self.read_timeout_ms {
            config.read_timeout = Some(Duration::from_millis(silence));
        }
        for (name, value) in &self.headers {
            config.fields.append(name, value).map_err(|error| format!("headers: {error}"))?;
        }
        if let Some(method) = &self.method {
            config.method = Method::new(method).map_err(|error| format!("method: {error}"))?;
        }
        config.body = self.body.map(Into::into);
        let last = self.last_event_id.map(EventId::new).transpose();
        config.last_event_id = last.map_err(|error| format!("lastEventId: {error}"))?;
        Ok(config)
    }
}

/// What `POST /streams/N` says.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
enum Command {
    Restart,
}

/// What the harness is told.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Report<'a> {
    Event { event: Message<'a> },
    Comment { comment: &'a str },
    Error { error: String },
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    data: &'a str,
    id: &'a str,
}

impl<'a> Report<'a> {
    fn of(event: &'a Event) -> Option<Self> {
        Some(match event {
            Event::Message(message) => Self::Event {
                event: Message { event_type: message.event_type(), data: message.data(), id: message.last_event_id() },
            },
            Event::Comment(comment) => Self::Comment { comment },
            // The harness asked for these.
            Event::Disconnected { reason: Reason::Restart, .. } | Event::Closed(CloseReason::Requested) => return None,
            Event::Disconnected { .. } | Event::Closed(_) => Self::Error { error: event.to_string() },
            _ => return None,
        })
    }
}

/// Posts reports, one after another over one connection as long as the harness keeps it.
struct Reporter {
    url: Url,
    count: u64,
    connection: Option<Connection<TcpStream, Exchange>>,
}

impl Reporter {
    fn new(url: Url) -> Self {
        Self { url, count: 0, connection: None }
    }

    async fn post(&mut self, report: &Report<'_>) -> Result<(), Failure> {
        self.count += 1;
        let body = serde_json::to_vec(report)?;
        let mut head = RequestHead::new(Method::POST, &format!("{}/{}", self.url.target(), self.count));
        head.fields.append("host", self.url.authority())?;
        head.fields.append("content-type", "application/json")?;
        head.fields.append("content-length", body.len().to_string())?;
        if let Some(kept) = self.connection.take() {
            match self.exchange(kept, &head, &body).await {
                Ok(()) => return Ok(()),
                // The harness may have ended it meanwhile; the number tells it what it has already.
                Err(error) => eprintln!("{error}; once more"),
            }
        }
        let socket = connect(self.url.host(), self.url.port()).await?;
        let exchange = Exchange::new(exchange::Config::default());
        self.exchange(Connection::new(socket, exchange, Clock::start()), &head, &body).await
    }

    /// Sends a request and waits for its answer, whatever that says.
    async fn exchange(
        &mut self,
        mut connection: Connection<TcpStream, Exchange>,
        head: &RequestHead,
        body: &[u8],
    ) -> Result<(), Failure> {
        let now = connection.now();
        connection.protocol_mut().request(now, head, body)?;
        match connection.next().await? {
            Some(exchange::Event::Answered(_)) => {
                self.connection = Some(connection);
                Ok(())
            }
            Some(exchange::Event::Closed(reason)) => Err(reason.into()),
            _ => Err("the harness ended the connection".into()),
        }
    }
}

const NAME: &str = "tidewire";

/// All that the harness knows of but `event-type-listeners`: events of every type are reported unasked.
const CAPABILITIES: [&str; 9] = [
    "bom",
    "comments",
    "headers",
    "last-event-id",
    "post",
    "read-timeout",
    "report",
    "restart",
    "server-directed-shutdown-request",
];

/// How long the harness may take for a report.
const PATIENCE: Duration = Duration::from_secs(10);
