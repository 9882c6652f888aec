//! A whole system under one seed: many client machines, the server's sessions and channels, and a network between them that stalls, and
//! cuts at any byte; the server restarts, with its log or without, and shuts down with pace.
//!
//! What each reader is given is held to the [`Ledger`] at each event. The same seed plays the same story.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tidewire_core::channels::{Channels, Config, Endpoint, Guest, Load};
use tidewire_core::client::{self, EventSource};
use tidewire_core::http::Url;
use tidewire_core::http::coding::Codings;
use tidewire_core::log::ReaderId;
use tidewire_core::server::{self, Session};
use tidewire_core::{Instant, Protocol, Random, SplitMix64, UnixTime};

mod ledger;
mod network;
mod site;
mod store;
mod story;

pub use ledger::{Ledger, Seen};
pub use site::Meter;

/// How large the system is, and which of its parts fail.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Readers at the beginning.
    pub readers: usize,
    /// How many things happen.
    pub steps: usize,
    /// The server's limits and policy.
    pub channels: Config,
    /// The sessions' limits and timing.
    pub sessions: server::Config,
    /// Whether clients wait exactly as long as they are told.
    pub exact: bool,
    /// Whether the server gives gzip to those who ask for it, which half of the readers do.
    pub gzip: bool,
    /// Whether there is a store of the application's own, which half of the readers follow.
    pub store: bool,
}

impl Default for Plan {
    /// Everything is small, so that every limit is reached.
    fn default() -> Self {
        let mut channels = Config::default();
        channels.channel.topic.max_publications = 12;
        channels.channel.topic.max_bytes = 6 << 10;
        channels.log.max_bytes = 14 << 10;
        channels.log.max_age = Some(Duration::from_secs(90));
        channels.log.max_burst = 700;
        channels.return_rate = 5;
        channels.retry_after = Duration::from_secs(1);
        let mut sessions = server::Config::default();
        sessions.stall_timeout = Duration::from_secs(20);
        Self { readers: 12, steps: 300, channels, sessions, exact: false, gzip: false, store: false }
    }
}

/// The system at a moment.
#[derive(Debug)]
pub struct Fleet {
    /// What was planned.
    pub plan: Plan,
    /// The time of all.
    pub now: Instant,
    /// Where everything that is left to chance comes from.
    pub random: SplitMix64,
    /// What was published, and what of it each reader has to be given.
    pub ledger: Ledger,
    /// Those who read.
    pub readers: Vec<Reader>,
    /// What the server holds, in bytes.
    pub meter: Meter,
    /// When connections were asked for, over all readers, in order.
    pub arrivals: Vec<Instant>,
    /// Streams that were given in gzip.
    pub coded: usize,
    /// Readers that were ended for being too far behind.
    pub lagging: usize,
    /// What happened, for comparing two runs of one seed.
    pub trace: Vec<String>,
    /// The server, while it is up.
    channels: Option<Channels>,
    /// What a crash left of the channels.
    kept: Option<Channels>,
    sessions: Arc<server::Config>,
    endpoint: Endpoint,
    store: store::Store,
    /// Whether the store fails now and then.
    store_fails: bool,
    up_at: Instant,
}

/// One who reads: a client machine and the connection that it has.
#[derive(Debug)]
pub struct Reader {
    /// Names it in the trace.
    pub number: u64,
    /// The channels that it asks for.
    pub names: Vec<&'static str>,
    /// The machine.
    pub client: EventSource,
    /// What it was given so far.
    pub seen: Seen,
    link: Option<Link>,
}

/// A connection: the session at its other end, and what is on the way.
#[derive(Debug)]
struct Link {
    session: Session,
    guest: Guest,
    reader: Option<ReaderId>,
    awake: bool,
    /// What the store was asked, and when it answers.
    asked: Option<(Load, Instant)>,
    up: VecDeque<u8>,
    down: VecDeque<u8>,
    /// The client reads nothing until then.
    stalled: Option<Instant>,
    /// The connection breaks after so many bytes more to the client.
    cut_after: Option<usize>,
}

impl Fleet {
    /// A server that is up, and readers that connect.
    ///
    /// # Panics
    ///
    /// When something is not as it has to be.
    pub fn new(seed: u64, plan: Plan) -> Self {
        let mut endpoint = Endpoint::default();
        endpoint.gzip = plan.gzip;
        let mut fleet = Self {
            now: Instant::START,
            random: SplitMix64::new(seed),
            ledger: Ledger::default(),
            readers: Vec::new(),
            meter: Meter::default(),
            arrivals: Vec::new(),
            coded: 0,
            lagging: 0,
            trace: Vec::new(),
            channels: None,
            kept: None,
            sessions: Arc::new(plan.sessions.clone()),
            endpoint,
            store: store::Store::default(),
            store_fails: true,
            up_at: Instant::START,
            plan,
        };
        fleet.ledger.latest_only = fleet.plan.channels.channel.debounce.is_some();
        fleet.start_server();
        for _ in 0..fleet.plan.readers {
            fleet.join();
        }
        fleet.settle();
        fleet
    }

    /// One more reader comes, for one to three channels, or for one where what is held back is replaced.
    pub fn join(&mut self) {
        let mut names: Vec<&'static str> =
            NAMES.into_iter().filter(|_| self.random.next_u64().is_multiple_of(2)).collect();
        if names.is_empty() {
            names.push(NAMES[0]);
        }
        if self.ledger.latest_only {
            // Such a channel has a stream of its own.
            names.truncate(1);
        }
        if self.plan.store && self.random.next_u64().is_multiple_of(2) {
            names = vec![store::OWN];
        }
        let url = Url::parse("http://localhost:8080/stream").expect("a URL");
        let mut config = client::Config::new(url);
        if self.plan.exact {
            config.backoff.jitter = 0.0;
        }
        if self.plan.gzip && self.random.next_u64().is_multiple_of(2) {
            config.codings = Codings::GZIP;
        }
        let seed = self.random.next_u64();
        let number = self.ledger.next_reader();
        let client = EventSource::new(config, seed, self.now);
        self.readers.push(Reader { number, names, client, seen: Seen::default(), link: None });
    }

    /// Lets time pass, and everything happen that falls due.
    pub fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.settle();
        while let Some(at) = self.next_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.handle_timeout();
            self.settle();
        }
        self.now = end;
        self.handle_timeout();
        self.settle();
    }

    /// Returns a number below `below`, by chance.
    pub fn below(&mut self, below: u64) -> u64 {
        self.random.next_u64() % below.max(1)
    }

    fn handle_timeout(&mut self) {
        let now = self.now;
        if self.channels.is_none() && self.up_at <= now {
            self.start_server();
        }
        if let Some(channels) = &mut self.channels {
            self.meter.of(|| channels.handle_timeout(now));
        }
        for reader in &mut self.readers {
            reader.client.handle_timeout(now);
            let Some(link) = &mut reader.link else { continue };
            link.stalled = link.stalled.filter(|until| *until > now);
            self.meter.of(|| link.session.handle_timeout(now));
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        let of_reader = |reader: &Reader| {
            let link = reader.link.as_ref();
            let session = link.and_then(|link| link.session.poll_timeout());
            let asked = link.and_then(|link| link.asked.as_ref()).map(|(_, at)| *at);
            [reader.client.poll_timeout(), session, asked, link.and_then(|link| link.stalled)]
                .into_iter()
                .flatten()
                .min()
        };
        let up_at = self.channels.is_none().then_some(self.up_at);
        let channels = self.channels.as_ref().and_then(Channels::poll_timeout);
        self.readers.iter().filter_map(of_reader).chain(up_at).chain(channels).min()
    }

    fn note(&mut self, what: String) {
        self.trace.push(format!("{:?} {what}", self.now.since_start()));
    }
}

/// Returns the most arrivals that any span of a second has, its end not counted.
pub fn most_a_second(arrivals: &[Instant]) -> usize {
    let mut sorted = arrivals.to_vec();
    sorted.sort();
    let mut from = 0;
    let mut most = 0;
    for (at, arrival) in sorted.iter().enumerate() {
        while *arrival - sorted[from] >= Duration::from_secs(1) {
            from += 1;
        }
        most = most.max(at + 1 - from);
    }
    most
}

/// The channels that there are.
const NAMES: [&str; 3] = ["news", "sport", "weather"];

/// The wall time at the start.
const UNIX: UnixTime = UnixTime::from_millis(1_720_000_000_000);
