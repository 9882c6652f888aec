//! An HTTP stack that does what a test says, and time that a test moves.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_lite::future::{block_on, poll_once};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use tidewire_core::client::{CloseReason, Config, Event, Reason};
use tidewire_core::{Instant, UnixTime};
use tidewire_http::{BoxError, EventSource, Timer, Transport};

/// What a test sees of the stack and has it do.
#[derive(Clone, Default)]
pub(crate) struct Stack(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    requests: Vec<Request<Bytes>>,
    answer: Option<Result<Response<()>, Failure>>,
    frames: VecDeque<Option<Result<Frame<Bytes>, BoxError>>>,
    /// How often a body was asked for a frame.
    asked: usize,
    /// How many waits and bodies were dropped.
    dropped: usize,
    waker: Option<Waker>,
}

/// Why a request has no response.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) unsent: bool,
    pub(crate) error: BoxError,
}

impl Stack {
    /// Answers the request that waits, or the next one.
    pub(crate) fn answer(&self, response: Result<Response<()>, Failure>) {
        self.lock().answer = Some(response);
        self.wake();
    }

    /// Answers with a status and fields.
    pub(crate) fn respond(&self, status: u16, fields: &[(&str, &str)]) {
        let mut response = Response::builder().status(status);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        self.answer(Ok(response.body(()).expect("a response")));
    }

    /// Answers with a stream.
    pub(crate) fn open(&self) {
        self.respond(200, &[("content-type", "text/event-stream")]);
    }

    /// Answers that there is no response.
    pub(crate) fn fail(&self, unsent: bool, error: impl Into<BoxError>) {
        self.answer(Err(Failure { unsent, error: error.into() }));
    }

    /// Sends bytes in a frame.
    pub(crate) fn send(&self, bytes: impl Into<Bytes>) {
        self.frame(Some(Ok(Frame::data(bytes.into()))));
    }

    /// Sends trailers.
    pub(crate) fn trailers(&self) {
        self.frame(Some(Ok(Frame::trailers(HeaderMap::new()))));
    }

    /// Ends the body.
    pub(crate) fn end(&self) {
        self.frame(None);
    }

    /// Breaks the body off.
    pub(crate) fn cut(&self, error: impl Into<BoxError>) {
        self.frame(Some(Err(error.into())));
    }

    /// Returns the requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.lock().requests.len()
    }

    /// Returns the last request.
    pub(crate) fn request(&self) -> Request<Bytes> {
        self.lock().requests.last().expect("there was a request").clone()
    }

    /// Returns how often a body was asked for a frame.
    pub(crate) fn asked(&self) -> usize {
        self.lock().asked
    }

    /// Returns how many waits for a response and bodies were dropped.
    pub(crate) fn dropped(&self) -> usize {
        self.lock().dropped
    }

    fn frame(&self, frame: Option<Result<Frame<Bytes>, BoxError>>) {
        self.lock().frames.push_back(frame);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.lock().waker.take() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no test panics with it")
    }
}

impl Transport for Stack {
    type Body = Answer;
    type Error = BoxError;
    type Response = Answer;

    fn send(&mut self, request: Request<Bytes>) -> Answer {
        let mut inner = self.lock();
        inner.requests.push(request);
        inner.frames.clear();
        Answer { stack: self.clone(), counted: true }
    }

    fn is_unsent(error: &BoxError) -> bool {
        error.downcast_ref::<Failure>().is_some_and(|failure| failure.unsent)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no response")
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}

/// The wait for a response, and then its body.
pub(crate) struct Answer {
    stack: Stack,
    counted: bool,
}

impl Future for Answer {
    type Output = Result<Response<Self>, BoxError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let stack = self.stack.clone();
        let mut inner = stack.lock();
        let Some(answer) = inner.answer.take() else {
            inner.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        self.counted = false;
        Poll::Ready(match answer {
            Ok(response) => Ok(response.map(|()| Self { stack: stack.clone(), counted: true })),
            Err(failure) => Err(Box::new(failure)),
        })
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut inner = self.stack.lock();
        inner.asked += 1;
        match inner.frames.pop_front() {
            Some(frame) => Poll::Ready(frame),
            None => {
                inner.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.counted {
            self.stack.lock().dropped += 1;
        }
    }
}

/// Time that stands still until a test moves it.
#[derive(Clone, Default)]
pub(crate) struct Manual(Arc<Mutex<(Duration, Option<Duration>)>>);

impl Manual {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.lock().expect("no test panics with it").0 += by;
    }

    /// Moves on to what was waited for last.
    pub(crate) fn advance_to_deadline(&self) {
        let mut time = self.0.lock().expect("no test panics with it");
        time.0 = time.1.take().expect("something is waited for");
    }
}

impl Timer for Manual {
    fn now(&self) -> Instant {
        Instant::from_start(self.0.lock().expect("no test panics with it").0)
    }

    /// The fake time began with the epoch.
    fn unix(&self) -> UnixTime {
        UnixTime::from_millis(self.now().since_start().as_millis().try_into().expect("a test is short"))
    }

    fn poll_until(&mut self, _: &mut Context<'_>, until: Instant) -> Poll<()> {
        let mut time = self.0.lock().expect("no test panics with it");
        time.1 = Some(until.since_start());
        if time.0 >= until.since_start() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// An event source over a stack and in a time that the test has in its hands.
pub(crate) struct Fake {
    pub(crate) source: EventSource<Stack, Manual>,
    pub(crate) stack: Stack,
    pub(crate) time: Manual,
}

impl Fake {
    pub(crate) fn new(config: Config) -> Self {
        let (stack, time) = (Stack::default(), Manual::default());
        Self { source: EventSource::with_timer(stack.clone(), config, time.clone()), stack, time }
    }

    /// One whose stream is open.
    pub(crate) fn open(config: Config) -> Self {
        let mut fake = Self::new(config);
        fake.stack.open();
        assert!(matches!(fake.event(), Event::Opened { status: 200, .. }));
        fake
    }

    /// Awaits the next event once and gives the wait up; none when it is not there yet.
    pub(crate) fn poll(&mut self) -> Option<Option<Event>> {
        block_on(poll_once(self.source.next()))
    }

    /// Returns the next event, which is there.
    pub(crate) fn event(&mut self) -> Event {
        self.poll().expect("there is something").expect("it is not over")
    }

    /// Returns the data of the next message, which is there.
    pub(crate) fn data(&mut self) -> String {
        match self.event() {
            Event::Message(message) => message.data().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// Returns why the attempt was lost, and waits until the next one is due.
    pub(crate) fn lost(&mut self) -> Reason {
        match self.event() {
            Event::Disconnected { reason, retry_in, .. } => {
                self.time.advance(retry_in);
                reason
            }
            other => panic!("{other:?}"),
        }
    }

    /// Returns why it is over.
    pub(crate) fn closed(&mut self) -> CloseReason {
        match self.event() {
            Event::Closed(reason) => {
                assert_eq!(self.poll(), Some(None));
                reason
            }
            other => panic!("{other:?}"),
        }
    }

    /// Asserts that nothing is there.
    pub(crate) fn rests(&mut self) {
        assert_eq!(self.poll(), None);
    }
}
