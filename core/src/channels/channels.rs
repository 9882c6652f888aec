use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::fmt::Write as _;
use core::net::IpAddr;
use core::time::Duration;

use super::due::Dues;
use super::guests::Guests;
use super::place::Places;
use super::registry::Channel;
use super::stats::Totals;
use super::{Config, Guest, Limit};
#[cfg(feature = "deflate")]
use crate::log::Packer;
use crate::log::{Burst, Epoch, Framer, Log, ReaderId};
use crate::server::{Heartbeat, Pace};
use crate::{Instant, Random};

/// The channels of a server, and all who read them. See the [module](super) for how they are used.
pub struct Channels {
    pub(super) config: Config,
    pub(super) log: Log,
    pub(super) random: Box<dyn Random + Send>,
    pub(super) channels: BTreeMap<Arc<str>, Channel>,
    pub(super) guests: Guests,
    pub(super) places: Places,
    pub(super) dues: Dues,
    /// Who is woken for another reason than a publication.
    pub(super) wake: VecDeque<ReaderId>,
    /// What is to keep the streams of some readers alive from now on, which they were not told yet.
    pub(super) heartbeats: BTreeMap<ReaderId, Option<Heartbeat>>,
    pub(super) pace: Pace,
    /// What the last read lends.
    pub(super) lent: Burst,
    /// What readers in gzip share.
    #[cfg(feature = "deflate")]
    pub(super) packer: Packer,
    /// What readers over WebSocket share.
    pub(super) framer: Framer,
    pub(super) totals: Totals,
    /// The latest time that was told.
    pub(super) now: Instant,
    pub(super) closed: bool,
}

impl Channels {
    /// Opens channels without any publication, in a log of a new epoch, or one that goes on [after](Config::after) another.
    pub fn new(mut config: Config, mut random: Box<dyn Random + Send>, now: Instant) -> Self {
        config.log.topic = config.channel.topic();
        let log = match config.after {
            Some(last) => Log::after(config.log.clone(), last),
            None => Log::new(config.log.clone(), Epoch::random(&mut *random)),
        };
        Self {
            log,
            random,
            channels: BTreeMap::new(),
            guests: Guests::default(),
            places: Places::default(),
            dues: Dues::default(),
            wake: VecDeque::new(),
            heartbeats: BTreeMap::new(),
            pace: Pace::new(config.return_rate),
            lent: Burst::new(b""),
            #[cfg(feature = "deflate")]
            packer: Packer::new(),
            framer: framer(&config),
            totals: Totals::default(),
            now,
            closed: false,
            config,
        }
    }

    /// Admits a connection, which [leaves](Self::leave) at its end.
    ///
    /// # Errors
    ///
    /// When there are too many, and `max_refused` more that are only told so: it is to be dropped. One that is to be told has a
    /// [limit](Guest::limit).
    pub fn admit(&mut self, peer: Option<IpAddr>) -> Result<Guest, Limit> {
        let admitted = self.guests.admit(peer, &self.config);
        if let Some(limit) = admitted.map_or_else(Some, Guest::limit) {
            self.totals.refuse(limit);
        }
        admitted
    }

    /// Notes that a connection has ended; its readers are to be [closed](Self::close) before.
    pub fn leave(&mut self, guest: Guest) {
        self.guests.leave(guest);
    }

    /// Draws when a reader that is refused, or ends, may come back: at least after `retry_after`, and together with all others at no
    /// more than `return_rate`.
    pub fn draw_retry(&mut self, now: Instant) -> Duration {
        self.pace.draw(now, self.config.retry_after)
    }

    /// Draws 128 random bits as text: a name that nobody guesses, if the randomness is the operating system's.
    pub fn draw_word(&mut self) -> String {
        let mut word = String::with_capacity(32);
        for _ in 0..2 {
            // Writing to memory does not fail.
            let _ = write!(word, "{:016x}", self.random.next_u64());
        }
        word
    }

    /// Returns limits, timing and policy.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Tells whether [`shutdown`](Self::shutdown) was called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn note_time(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }
}

fn framer(config: &Config) -> Framer {
    let framer = Framer::new();
    #[cfg(feature = "deflate")]
    let framer = {
        let mut framer = framer;
        framer.set_deflate(&config.deflate);
        framer
    };
    let _: &Config = config;
    framer
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").field("config", &self.config).field("stats", &self.stats()).finish_non_exhaustive()
    }
}
