//! Every client behind one signature: from the URL to the last event, on one thread. One that fails at the stream gives no
//! further event, and the checksum tells.

use std::fmt;
use std::future::Future;

use eventsource_client::{Client as _, ClientBuilder, ReconnectOptions, SSE};
use eventsource_stream::Eventsource;
use futures_lite::{Stream, StreamExt};
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use launchdarkly_sdk_transport::HyperTransport;
use sse_stream::SseByteStream;
use tidewire_core::client::{Config, Event};
use tokio::runtime::Runtime;

use crate::parsers::Kind;

/// A client by name.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Name of the crate or crates; `~` stands before a bound.
    pub name: &'static str,
    /// Whose it is.
    pub kind: Kind,
    /// Connects to the URL, hands over each event and returns at the end of the stream.
    pub run: fn(&Setup, &str, Take<'_>),
}

/// Takes the type and the data of an event.
pub type Take<'a> = &'a mut dyn FnMut(&str, &str);

/// What is set up once and serves all connections.
pub struct Setup {
    tokio: Runtime,
    hyper: HyperTransport,
    hyper_util: HyperUtil,
    reqwest: reqwest::Client,
    reqwest_012: reqwest_012::Client,
}

type HyperUtil = hyper_util::client::legacy::Client<HttpConnector, Full<bytes::Bytes>>;

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").finish_non_exhaustive()
    }
}

impl Setup {
    /// Makes a runtime of this thread and the clients that share connections.
    ///
    /// # Errors
    ///
    /// The runtime's.
    pub fn new() -> std::io::Result<Self> {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let hyper = HyperTransport::builder().build_http().map_err(std::io::Error::other)?;
        let hyper_util = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { tokio, hyper, hyper_util, reqwest: reqwest::Client::new(), reqwest_012: reqwest_012::Client::new() })
    }

    fn run(&self, client: impl Future<Output = ()>) {
        self.tokio.block_on(client);
    }
}

/// All clients, ours first.
pub const ALL: [Client; 10] = [
    Client { name: "tidewire-tokio", kind: Kind::Ours, run: tidewire_tokio },
    Client { name: "tidewire-smol", kind: Kind::Ours, run: tidewire_smol },
    Client { name: "tidewire-std", kind: Kind::Ours, run: tidewire_std },
    Client { name: "tidewire-http over reqwest", kind: Kind::Ours, run: tidewire_over_reqwest },
    Client { name: "tidewire-http over hyper", kind: Kind::Ours, run: tidewire_over_hyper },
    Client { name: "eventsource-client", kind: Kind::Peer, run: eventsource_client },
    Client { name: "reqwest-eventsource", kind: Kind::Peer, run: reqwest_eventsource },
    Client { name: "reqwest + eventsource-stream", kind: Kind::Peer, run: reqwest_and_eventsource_stream },
    Client { name: "reqwest + sse-stream", kind: Kind::Peer, run: reqwest_and_sse_stream },
    Client { name: "~ reqwest, bytes only", kind: Kind::Bound, run: reqwest_bytes },
];

/// The defaults but for what comes after the end.
fn config(url: &str) -> Config {
    let mut config = Config::new(url.parse().expect("a good URL"));
    config.reconnect = false;
    config
}

fn tidewire_tokio(setup: &Setup, url: &str, take: Take<'_>) {
    setup.run(async {
        let mut source = tidewire_tokio::EventSource::new(config(url));
        while let Some(event) = source.next().await {
            if let Event::Message(message) = event {
                take(message.event_type(), message.data());
            }
        }
    });
}

fn tidewire_smol(_: &Setup, url: &str, take: Take<'_>) {
    smol::block_on(async {
        let mut source = tidewire_smol::EventSource::new(config(url));
        while let Some(event) = source.next().await {
            if let Event::Message(message) = event {
                take(message.event_type(), message.data());
            }
        }
    });
}

fn tidewire_std(_: &Setup, url: &str, take: Take<'_>) {
    for event in tidewire_std::EventSource::new(config(url)) {
        if let Event::Message(message) = event {
            take(message.event_type(), message.data());
        }
    }
}

fn tidewire_over_reqwest(setup: &Setup, url: &str, take: Take<'_>) {
    setup.run(async {
        let mut source = tidewire_http::EventSource::new(setup.reqwest.clone(), config(url));
        while let Some(event) = source.next().await {
            if let Event::Message(message) = event {
                take(message.event_type(), message.data());
            }
        }
    });
}

fn tidewire_over_hyper(setup: &Setup, url: &str, take: Take<'_>) {
    setup.run(async {
        let mut source = tidewire_http::EventSource::new(setup.hyper_util.clone(), config(url));
        while let Some(event) = source.next().await {
            if let Event::Message(message) = event {
                take(message.event_type(), message.data());
            }
        }
    });
}

fn eventsource_client(setup: &Setup, url: &str, take: Take<'_>) {
    setup.run(async {
        let once = ReconnectOptions::reconnect(false).retry_initial(false).build();
        let builder = ClientBuilder::for_url(url).expect("a good URL").reconnect(once);
        let mut stream = builder.build_with_transport(setup.hyper.clone()).stream();
        while let Some(Ok(event)) = stream.next().await {
            if let SSE::Event(event) = event {
                take(&event.event_type, &event.data);
            }
        }
    });
}

fn reqwest_eventsource(setup: &Setup, url: &str, take: Take<'_>) {
    setup.run(async {
        let mut source = reqwest_eventsource::EventSource::new(setup.reqwest_012.get(url)).expect("a request");
        while let Some(Ok(event)) = source.next().await {
            if let reqwest_eventsource::Event::Message(event) = event {
                take(&event.event, &event.data);
            }
        }
    });
}

fn reqwest_and_eventsource_stream(setup: &Setup, url: &str, take: Take<'_>) {
    setup.run(async {
        let mut events = body(setup, url).await.eventsource();
        while let Some(Ok(event)) = events.next().await {
            take(&event.event, &event.data);
        }
    });
}

fn reqwest_and_sse_stream(setup: &Setup, url: &str, take: Take<'_>) {
    setup.run(async {
        let mut events = SseByteStream::new(body(setup, url).await);
        while let Some(Ok(event)) = events.next().await {
            if let Some(data) = &event.data {
                take(event.event.as_deref().unwrap_or("message"), data);
            }
        }
    });
}

/// Reads the body and parses nothing.
fn reqwest_bytes(setup: &Setup, url: &str, _: Take<'_>) {
    setup.run(async {
        let mut body = body(setup, url).await;
        while let Some(Ok(bytes)) = body.next().await {
            std::hint::black_box(bytes);
        }
    });
}

async fn body(setup: &Setup, url: &str) -> impl Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin {
    let request = setup.reqwest.get(url).header("accept", "text/event-stream");
    request.send().await.expect("an answer").bytes_stream()
}
