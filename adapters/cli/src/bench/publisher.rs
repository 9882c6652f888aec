//! Publishes to the clock, over one connection whose answers are awaited in order.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use futures_lite::future;
use hdrhistogram::Histogram;
use smol::Timer;
use smol::channel::Receiver;
use tidewire_core::client::Config;
use tidewire_core::client::exchange::{self, Answer, CloseReason, Event, Exchange};
use tidewire_core::client::publish::Refusal;
use tidewire_smol::{Connection, Connector, Transport};
use tidewire_std::Clock;

use super::run::{Run, lock, micros};
use super::schedule::Schedule;
use super::stamp::Stamp;
use super::tally::{Causes, count, times};
use super::target::Target;
use crate::exit::{Exit, Failure};
use crate::wording::flags;

/// What became of what was published.
#[derive(Clone, Debug)]
pub(super) struct Published {
    /// How many messages were sent, or were to be.
    pub(super) sent: u64,
    pub(super) accepted: u64,
    /// The numbers of those that were not accepted, or of which nobody knows, in order.
    pub(super) unaccepted: Vec<u64>,
    /// From the sending of a message to the answer.
    pub(super) answers: Histogram<u64>,
    pub(super) failures: Causes,
    /// When the first message was planned and the last answer came.
    pub(super) span: Option<(u64, u64)>,
    /// Why nothing more is published, before the end.
    pub(super) gave_up: Option<Failure>,
}

impl Published {
    pub(super) fn new() -> Self {
        Self {
            sent: 0,
            accepted: 0,
            unaccepted: Vec::new(),
            answers: times(),
            failures: Causes::new(),
            span: None,
            gave_up: None,
        }
    }

    fn failed(&mut self, number: u64, cause: String) {
        self.unaccepted.push(number);
        count(&mut self.failures, format!("publishing: {cause}"));
    }
}

/// Who publishes what.
pub(super) struct Publisher<'a> {
    pub(super) target: &'a Target,
    pub(super) schedule: Schedule,
    /// How many messages.
    pub(super) messages: u64,
    /// How long each is.
    pub(super) size: usize,
    pub(super) timeout: Duration,
    /// By which way the server is reached.
    pub(super) way: Config,
    pub(super) connector: Connector,
    pub(super) run: &'a Run,
    pub(super) published: &'a Mutex<Published>,
}

/// A message whose answer is awaited, and when it was sent.
struct Awaited {
    number: u64,
    sent: u64,
}

impl Publisher<'_> {
    /// Publishes all messages, or until `stopped`; then the answers that are awaited have a moment to come.
    pub(super) async fn publish(&self, stopped: &Receiver<()>) {
        let begin = self.run.now();
        lock(self.published).span = Some((begin, begin));
        let late = async {
            stop(stopped).await;
            Timer::after(LAST_ANSWERS).await;
            Ok(())
        };
        if let Err(failure) = future::or(self.work(begin, stopped), late).await {
            lock(self.published).gave_up = Some(failure);
        }
    }

    async fn work(&self, begin: u64, stopped: &Receiver<()>) -> Result<(), Failure> {
        let mut connection = None;
        let mut awaited = VecDeque::new();
        let (mut next, mut failures) = (0, 0);
        while (next < self.messages && !stopped.is_closed()) || !awaited.is_empty() {
            let planned = begin + micros(self.schedule.at(next));
            let Some(open) = &mut connection else {
                future::or(stop(stopped), self.due(planned)).await;
                match self.connect().await {
                    Ok(open) => (connection, failures) = (Some(open), 0),
                    Err(failure) => {
                        self.lose(&mut VecDeque::from([Awaited { number: next, sent: 0 }]), &failure.message);
                        (next, failures) = (next + 1, failures + 1);
                        lock(self.published).sent = next;
                        if failures == MOST_FAILURES {
                            return Err(failure);
                        }
                    }
                }
                continue;
            };
            let is_room = next < self.messages && awaited.len() < self.window() && !stopped.is_closed();
            if is_room && planned <= self.run.now() {
                let sent = self.send(open, next, planned)?;
                awaited.push_back(Awaited { number: next, sent });
                next += 1;
                lock(self.published).sent = next;
                continue;
            }
            let due = async {
                match is_room {
                    true => future::or(stop(stopped), self.due(planned)).await,
                    false => future::pending().await,
                }
                None
            };
            match future::or(async { Some(open.next().await) }, due).await {
                None => {}
                Some(Ok(Some(Event::Answered(answer)))) => self.answered(awaited.pop_front(), &answer)?,
                Some(Ok(Some(Event::Closed(reason)))) => {
                    connection = None;
                    self.lose(&mut awaited, &reason.to_string());
                }
                Some(Ok(_)) => {
                    connection = None;
                    self.lose(&mut awaited, &CloseReason::Cut.to_string());
                }
                Some(Err(error)) => {
                    connection = None;
                    self.lose(&mut awaited, &error.to_string());
                }
            }
        }
        Ok(())
    }

    async fn due(&self, planned: u64) {
        Timer::at(self.run.at(planned)).await;
    }

    /// Sends a message and returns when. A connection that has ended says so with its next event, and loses it.
    fn send(&self, open: &mut Connection<Transport, Exchange>, number: u64, planned: u64) -> Result<u64, Failure> {
        let sent = self.run.now();
        let message = self.run.stamps.message(Stamp { number, planned, sent }, self.size);
        let (head, body) = self.target.request(&message)?;
        let (_, head) = exchange::route(&self.target.url, head, &self.way);
        let now = open.now();
        let _ = open.protocol_mut().request(now, &head, &body);
        Ok(sent)
    }

    fn answered(&self, message: Option<Awaited>, answer: &Answer) -> Result<(), Failure> {
        let Some(Awaited { number, sent }) = message else { return Ok(()) };
        let now = self.run.now();
        let mut published = lock(self.published);
        published.span = published.span.map(|(begin, _)| (begin, now));
        let status = answer.head.status;
        if (200..300).contains(&status) {
            published.accepted += 1;
            published.answers.saturating_record(now.saturating_sub(sent));
            return Ok(());
        }
        let refusal = Refusal::read(status, &answer.body).to_string();
        published.failed(number, refusal.clone());
        if number == 0 {
            // So are all others.
            return Err(Failure::new(Exit::Refused, format!("publishing to {}: {refusal}", self.target.url)));
        }
        Ok(())
    }

    fn lose(&self, awaited: &mut VecDeque<Awaited>, cause: &str) {
        let mut published = lock(self.published);
        awaited.drain(..).for_each(|message| published.failed(message.number, cause.to_owned()));
    }

    async fn connect(&self) -> Result<Connection<Transport, Exchange>, Failure> {
        let url = &self.target.url;
        let (wanted, _) = exchange::route(url, self.target.request("")?.0, &self.way);
        let clock = Clock::start();
        let late = async {
            Timer::after(self.timeout).await;
            Err(Failure::new(Exit::Network, format!("{url}: no connection within {:?}", self.timeout)))
        };
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Network, format!("{url}: {}", flags(&error.to_string())))
        };
        let connecting = async { self.connector.open(wanted, clock).await.map_err(|error| failed(&error)) };
        let socket = future::or(connecting, late).await?;
        let mut config = exchange::Config::default();
        (config.timeout, config.max_awaited) = (self.timeout, self.window());
        Ok(Connection::new(socket, Exchange::new(config), clock))
    }

    /// How many answers to await at once: a server need not keep more requests than this before it has answered them.
    fn window(&self) -> usize {
        (MOST_AHEAD / (self.size + HEAD)).clamp(1, MOST_AWAITED)
    }
}

/// Waits until it is over. An error means that the sender is gone: what is meant.
async fn stop(stopped: &Receiver<()>) {
    let _ = stopped.recv().await;
}

/// How long the last answers may take once it is over.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// After so many connections in a row that failed, the server is gone.
const MOST_FAILURES: u32 = 3;

const MOST_AWAITED: usize = 64;

/// How many bytes of requests to send ahead of their answers.
const MOST_AHEAD: usize = 32 << 10;

/// About what a request's head takes.
const HEAD: usize = 300;
