//! A harness of the contract-test protocol for SSE clients, as LaunchDarkly's `sse-contract-tests` speaks it: it tells a service
//! over HTTP which stream to follow, serves that stream, and takes the service's reports of what came.
//!
//! It is the oracle, and so shares nothing with the code that it judges: its HTTP is [`harness_http`](crate::harness_http).

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::examples::Example;
use crate::harness_http::{Request, Response, ask, listen, respond, write};

/// How long the harness waits for a connection, and for a report.
pub(crate) const WAIT: Duration = Duration::from_secs(5);

/// Runs one test of the contract against the service of `runtime`.
pub(crate) fn run(runtime: &str, leaf: fn(&mut Contract)) {
    let mut contract = Contract::start(runtime);
    leaf(&mut contract);
    contract.finish();
}

/// A service and what it does.
pub(crate) struct Contract {
    pub(crate) service: SocketAddr,
    streams_at: SocketAddr,
    callbacks_at: SocketAddr,
    connections: Receiver<Incoming>,
    reports: Receiver<Numbered>,
    reported: u64,
    /// How long to wait for a report: [`WAIT`], or more where a build that is not optimized has much to do.
    pub(crate) patience: Duration,
    /// Where the stream stands that the service follows.
    location: Option<String>,
    _example: Example,
}

impl Contract {
    /// Starts a service of its own.
    pub(crate) fn start(runtime: &str) -> Self {
        let example = Example::start(runtime, "contract-service", &["0"]);
        let line = example.line();
        let service = line.rsplit('/').next().and_then(|address| address.parse().ok());
        let (streams, callbacks) = (bind(), bind());
        let (streams_at, callbacks_at) = [&streams, &callbacks].map(|at| at.local_addr().expect("bound")).into();
        let (sender, connections) = mpsc::channel();
        listen(streams, move |request, socket, _| {
            let _ = sender.send(Incoming { request, socket });
        });
        let (sender, reports) = mpsc::channel();
        listen(callbacks, move |request, mut socket, connection| {
            let _ = sender.send(Numbered::read(&request, connection));
            respond(&mut socket, 202, &[("content-length", "0")]);
        });
        Self {
            service: service.unwrap_or_else(|| panic!("no address in `{line}`")),
            streams_at,
            callbacks_at,
            connections,
            reports,
            reported: 0,
            patience: WAIT,
            location: None,
            _example: example,
        }
    }

    /// Has the service follow our stream, with these parameters besides those that are always there.
    pub(crate) fn create(&mut self, more: Value) {
        let answer = self.post("/", &self.parameters(more));
        assert!(matches!(answer.status, 200..300), "POST /: {} {}", answer.status, answer.text());
        self.location = Some(answer.field("location").expect("a location").into());
    }

    pub(crate) fn parameters(&self, more: Value) -> Value {
        let mut parameters = json!({
            "tag": "contract",
            "streamUrl": self.stream_url("/stream"),
            "callbackUrl": format!("http://{}/callbacks/1", self.callbacks_at),
            "initialDelayMs": null,
            "readTimeoutMs": null,
        });
        let (Value::Object(all), Value::Object(more)) = (&mut parameters, more) else { panic!("no parameters") };
        all.extend(more);
        parameters
    }

    /// Returns a URL that leads to us.
    pub(crate) fn stream_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.streams_at)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        ask(self.service, "POST", path, &body.to_string())
    }

    pub(crate) fn location(&self) -> &str {
        self.location.as_deref().expect("a stream")
    }

    /// Waits for the service's next request.
    pub(crate) fn request(&self) -> Incoming {
        self.connections.recv_timeout(WAIT).expect("a connection")
    }

    /// Asserts that no further request comes within `time`.
    pub(crate) fn no_request_within(&self, time: Duration) {
        assert!(self.connections.recv_timeout(time).is_err(), "another request");
    }

    /// Waits for the service's next request and opens the stream.
    pub(crate) fn stream(&self) -> Stream {
        self.request().open()
    }

    /// Waits for the next report.
    pub(crate) fn report(&mut self) -> Report {
        let report = self.reports.recv_timeout(self.patience).expect("a report");
        self.take(report)
    }

    pub(crate) fn reports_that_came(&mut self) -> Vec<Report> {
        let came: Vec<Numbered> = self.reports.try_iter().collect();
        came.into_iter().map(|report| self.take(report)).collect()
    }

    fn take(&mut self, report: Numbered) -> Report {
        self.reported += 1;
        assert_eq!(report.number, self.reported, "reports are posted in order, without gaps");
        assert_eq!(report.connection, 0, "reports are posted over one connection");
        report.report
    }

    /// Waits for these events and nothing between.
    pub(crate) fn events(&mut self, expected: &[Event]) {
        for expected in expected {
            match self.report() {
                Report::Event { event } => assert!(event == *expected, "{}, not {}", event.shown(), expected.shown()),
                other => panic!("{other:?}, not {}", expected.shown()),
            }
        }
    }

    pub(crate) fn comment(&mut self, expected: &str) {
        match self.report() {
            // Whether the space behind the colon belongs to the text is left open.
            Report::Comment { comment } => assert_eq!(comment.strip_prefix(' ').unwrap_or(&comment), expected),
            other => panic!("{other:?}, not the comment `{expected}`"),
        }
    }

    pub(crate) fn error(&mut self) {
        match self.report() {
            Report::Error { error } => assert!(!error.is_empty()),
            other => panic!("{other:?}, not an error"),
        }
    }

    /// Follows a stream that sends `chunks`; these events come of it, and no others.
    pub(crate) fn parses<C: AsRef<[u8]>>(&mut self, chunks: &[C], expected: &[Event]) {
        self.create(json!({}));
        let mut stream = self.stream();
        for chunk in chunks {
            stream.send(chunk);
        }
        self.events(expected);
        self.nothing_else(&mut stream);
    }

    /// Asserts that the stream yielded nothing but what was taken: the next report is of what is sent next.
    pub(crate) fn nothing_else(&mut self, stream: &mut Stream) {
        stream.send("event: last\nid: last\ndata: last\n\n");
        self.events(&[Event { event_type: "last".into(), data: "last".into(), id: "last".into() }]);
    }

    /// Leaves out what comes at the end: the service is gone.
    pub(crate) fn forget(&mut self) {
        self.location = None;
    }

    /// Stops the service's client.
    fn finish(mut self) {
        let Some(location) = self.location.take() else { return };
        let answer = ask(self.service, "DELETE", &location, "");
        assert!(matches!(answer.status, 200 | 204), "DELETE: {}", answer.status);
        // A broken connection may be reported, and need not be taken.
        let left = self.reports_that_came().into_iter().find(|report| !matches!(report, Report::Error { .. }));
        assert_eq!(left, None, "a report that nobody expected");
    }
}

/// A request that waits for its answer.
pub(crate) struct Incoming {
    pub(crate) request: Request,
    socket: TcpStream,
}

impl Incoming {
    /// Answers with an event stream.
    pub(crate) fn open(mut self) -> Stream {
        respond(
            &mut self.socket,
            200,
            &[
                ("content-type", "text/event-stream; charset=utf-8"),
                ("cache-control", "no-cache, no-store, must-revalidate"),
                ("transfer-encoding", "chunked"),
            ],
        );
        Stream { request: self.request, socket: self.socket }
    }

    /// Answers without a body.
    pub(crate) fn respond(mut self, status: u16, fields: &[(&str, &str)]) {
        let mut fields = fields.to_vec();
        if status != 204 {
            fields.push(("content-length", "0"));
        }
        respond(&mut self.socket, status, &fields);
    }
}

/// An event stream that is being sent.
pub(crate) struct Stream {
    /// What asked for it.
    pub(crate) request: Request,
    socket: TcpStream,
}

impl Stream {
    /// Sends one chunk, at once.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        write(&mut self.socket, &chunk);
    }

    /// Sends chunks of `size` bytes with a pause after each, so that each is read for itself.
    pub(crate) fn send_in_chunks(&mut self, bytes: impl AsRef<[u8]>, size: usize, pause: Duration) {
        for chunk in bytes.as_ref().chunks(size) {
            self.send(chunk);
            thread::sleep(pause);
        }
    }

    /// Ends the body, as a server does whose handler returns: the connection stays open.
    pub(crate) fn end(mut self) {
        write(&mut self.socket, b"0\r\n\r\n");
    }
}

/// What the service says that came.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Report {
    Event { event: Event },
    Comment { comment: String },
    Error { error: String },
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    pub(crate) data: String,
    #[serde(default)]
    pub(crate) id: String,
}

/// Returns an event of the default type without an id.
pub(crate) fn event(data: impl Into<String>) -> Event {
    Event { event_type: "message".into(), data: data.into(), id: String::new() }
}

impl Event {
    pub(crate) fn with_type(self, event_type: &str) -> Self {
        Self { event_type: event_type.into(), ..self }
    }

    pub(crate) fn with_id(self, id: &str) -> Self {
        Self { id: id.into(), ..self }
    }

    /// The event, its data cut to what a person can read.
    fn shown(&self) -> String {
        let data: String = self.data.chars().take(80).collect();
        format!("event `{}` with id `{}` and {} bytes of data: {data:?}", self.event_type, self.id, self.data.len())
    }
}

struct Numbered {
    number: u64,
    connection: usize,
    report: Report,
}

impl Numbered {
    fn read(request: &Request, connection: usize) -> Self {
        assert_eq!(request.method, "POST");
        let number = request.target.strip_prefix("/callbacks/1/").and_then(|number| number.parse().ok());
        let report = serde_json::from_slice(&request.body).unwrap_or_else(|error| panic!("no report: {error}"));
        Self { number: number.unwrap_or_else(|| panic!("no number in {}", request.target)), connection, report }
    }
}

fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}
