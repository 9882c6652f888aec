//! Bodies of a server, asked for as a stack asks.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_lite::future::or;
use http::{Request, Response};
use http_body::Body;
use tidewire_core::channels::{Config, Endpoint};
use tidewire_http::{BodyError, EventBody, EventServer, EventServerConfig, Events, Timer};

/// Answers for channels of this configuration.
pub(crate) fn server<S: Timer + Default + Send + 'static>(channels: Config) -> Events {
    let mut config = EventServerConfig::default();
    config.channels = channels;
    Events::with::<S>(EventServer::new(config), Endpoint::default())
}

pub(crate) fn get(target: &str) -> Request<()> {
    Request::get(target).header("host", "localhost").body(()).expect("a request")
}

/// Follows the channel `news`.
pub(crate) fn follow(events: &Events, request: Request<()>) -> Follower {
    let follower = Follower::new(events.respond(&request, &["news"]));
    assert_eq!(follower.response.status(), 200);
    follower
}

/// A body and what it has given.
pub(crate) struct Follower {
    pub(crate) response: Response<EventBody>,
    pub(crate) text: String,
}

impl Follower {
    pub(crate) fn new(response: Response<EventBody>) -> Self {
        Self { response, text: String::new() }
    }

    /// Asks once.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let frame = Pin::new(self.response.body_mut()).poll_frame(context);
        frame.map(|frame| frame.map(|frame| frame.map(|frame| frame.into_data().expect("no trailers"))))
    }

    /// Asks once, and is not woken.
    pub(crate) fn look(&mut self) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Waits for the next frame.
    pub(crate) async fn frame(&mut self) -> Option<Result<Bytes, BodyError>> {
        poll_fn(|context| self.poll(context)).await
    }

    /// Takes what a stream begins with.
    pub(crate) async fn opening(&mut self) {
        let opening = self.frame().await.expect("an opening").expect("a frame");
        self.text.push_str(std::str::from_utf8(&opening).expect("text"));
    }

    /// Waits until `wanted` was given, and returns all that was.
    pub(crate) async fn until(&mut self, wanted: &str) -> &str {
        while !self.text.contains(wanted) {
            let frame = self.frame().await.unwrap_or_else(|| panic!("it ended: {}", self.text)).expect("a frame");
            self.text.push_str(std::str::from_utf8(&frame).expect("text"));
        }
        &self.text
    }

    /// Waits for the end, and returns all that was given before.
    pub(crate) async fn end(&mut self) -> Result<&str, BodyError> {
        while let Some(frame) = self.frame().await {
            self.text.push_str(std::str::from_utf8(&frame?).expect("text"));
        }
        Ok(&self.text)
    }
}

/// Returns what `main` returns, while `other` runs beside it.
pub(crate) async fn beside<T>(other: impl Future, main: impl Future<Output = T>) -> T {
    let other = async {
        other.await;
        pending().await
    };
    or(main, other).await
}

/// Runs a test, with a limit on its time.
pub(crate) fn on_tokio<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await }).expect("the test ends in time")
}

/// Does the same without tokio.
pub(crate) fn on_smol<F: Future>(test: F) -> F::Output {
    let late = async {
        smol::Timer::after(PATIENCE).await;
        panic!("the test does not end in time")
    };
    smol::block_on(or(test, late))
}

const PATIENCE: Duration = Duration::from_secs(30);
