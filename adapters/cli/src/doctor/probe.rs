//! Follows a stream for a while and writes down what came when.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_lite::future;
use smol::Timer;
use tidewire_core::client::{CloseReason, Config, ContentType, Decision, Event, FailureHook, Reason};
use tidewire_core::http::{ResponseHead, Url};
use tidewire_smol::{Connector, EventSource};
use tidewire_tls::Client;

/// What came of one request, with times from its beginning on.
#[derive(Debug, Default)]
pub(super) struct Observation {
    /// The opening, if there was one.
    pub(super) opened: Option<Opened>,
    /// Why it ended, if it did before the time was over.
    pub(super) ended: Option<(Duration, Ended)>,
    /// What the stream brought.
    pub(super) items: Vec<Item>,
    /// How long it was watched.
    pub(super) watched: Duration,
}

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) at: Duration,
    pub(super) head: ResponseHead,
    pub(super) url: Url,
}

#[derive(Debug)]
pub(super) enum Ended {
    /// The attempt failed, or the connection was lost.
    Lost(Reason),
    /// It is over for another reason.
    Closed(CloseReason),
}

/// One thing that the stream brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) at: Duration,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Message(Seen),
    Comment,
    Retry,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The event's own id; empty if it has none.
    pub(super) id: String,
    /// A hash of type and data, to know it again.
    pub(super) content: u64,
}

impl Observation {
    /// Returns the messages, in order.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Seen> {
        self.items.iter().filter_map(|item| match &item.what {
            What::Message(seen) => Some(seen),
            What::Comment | What::Retry => None,
        })
    }

    /// Returns how many comments there were.
    pub(super) fn comments(&self) -> usize {
        self.items.iter().filter(|item| item.what == What::Comment).count()
    }

    /// Returns an event to resume after, as late as possible, and the one with another id that came next.
    pub(super) fn resumable(&self) -> Option<(&Seen, &Seen)> {
        let with_id: Vec<&Seen> = self.messages().filter(|seen| !seen.id.is_empty()).collect();
        let mut pairs = with_id.windows(2).filter_map(|pair| match pair {
            [first, second] if first.id != second.id => Some((*first, *second)),
            _ => None,
        });
        pairs.next_back()
    }

    /// Returns the longest time in which nothing came, from the opening to the end.
    pub(super) fn longest_silence(&self) -> Duration {
        let start = self.opened.as_ref().map_or(Duration::ZERO, |opened| opened.at);
        let end = self.ended.as_ref().map_or(self.watched, |(at, _)| *at);
        let times = self.items.iter().map(|item| item.at).chain([end]);
        let silences = times.scan(start, |last, at| Some(at.saturating_sub(std::mem::replace(last, at))));
        silences.max().unwrap_or_default()
    }
}

/// Asks for the stream that `config` describes and watches it for so long.
pub(super) async fn watch(config: &Config, tls: &Client, time: Duration) -> Observation {
    let lost = Arc::new(Mutex::new(None));
    let mut source =
        EventSource::with_connector(watching(config, time, Arc::clone(&lost)), Connector::new().with_tls(tls.clone()));
    let mut seen = Observation::default();
    let start = Instant::now();
    loop {
        let next = async { Some(source.next().await) };
        let over = async {
            Timer::at(start + time).await;
            None
        };
        let event = future::or(next, over).await;
        let at = start.elapsed();
        seen.watched = at;
        match event {
            None | Some(None) => return seen,
            Some(Some(event)) => note(&mut seen, at, event),
        }
        if let Some((_, Ended::Closed(_))) = &seen.ended {
            if let Some(reason) = lost.lock().unwrap_or_else(PoisonError::into_inner).take() {
                seen.ended = Some((at, Ended::Lost(reason)));
            }
            return seen;
        }
    }
}

/// Returns the configuration of a client that takes whatever comes, once, and remembers why it ended.
fn watching(config: &Config, time: Duration, lost: Arc<Mutex<Option<Reason>>>) -> Config {
    let mut config = config.clone();
    config.content_type = ContentType::Any;
    config.reconnect = false;
    // An answer that does not come is a finding, not an error.
    config.head_timeout = Some(time + time);
    config.read_timeout = None;
    config.on_failure = Some(FailureHook::new(move |failure| {
        if !matches!(failure.reason, Reason::Status(_)) {
            *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.reason.clone());
        }
        Decision::Stop
    }));
    config
}

fn note(seen: &mut Observation, at: Duration, event: Event) {
    let what = match event {
        Event::Opened { head, url, .. } => {
            seen.opened = Some(Opened { at, head: *head, url: *url });
            return;
        }
        Event::Closed(reason) => {
            seen.ended = Some((at, Ended::Closed(reason)));
            return;
        }
        Event::Message(message) => What::Message(Seen {
            id: message.own_id().unwrap_or_default().to_owned(),
            content: hash(message.event_type(), message.data()),
        }),
        Event::Comment(_) => What::Comment,
        Event::Retry(_) => What::Retry,
        _ => return,
    };
    if seen.items.len() < MOST {
        seen.items.push(Item { at, what });
    }
}

fn hash(event_type: &str, data: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (event_type, data).hash(&mut hasher);
    hasher.finish()
}

/// How many things are remembered: enough to judge, and a fast stream does not fill the memory.
const MOST: usize = 100_000;
