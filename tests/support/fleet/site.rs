//! The server: its start, its end, and what it holds.

use std::time::Duration;

use tidewire_core::SplitMix64;
use tidewire_core::channels::Channels;
use tidewire_core::server::{self, CloseReason};
use tidewire_core::{Protocol, Random};

use super::store::{OWN, Store};
use super::{Fleet, Link};
use crate::heap::Heap;

/// Counts what the server holds, wherever the test has the counting allocator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    /// Bytes held.
    pub held: isize,
}

impl Meter {
    /// Does what the server does.
    pub fn of<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = Heap::live();
        let done = work();
        self.held += Heap::live() - before;
        done
    }
}

impl Fleet {
    /// Lets the server come up, with the log that a crash left or with a new one.
    pub(super) fn start_server(&mut self) {
        let (now, config, seed) = (self.now, self.plan.channels.clone(), self.random.next_u64());
        let kept = self.kept.take();
        let known = kept.is_some();
        let new = || Channels::new(config, Box::new(SplitMix64::new(seed)), now);
        let channel = self.plan.channels.channel.clone();
        self.channels = Some(self.meter.of(|| {
            let mut channels = kept.unwrap_or_else(new);
            channels.register(OWN, Store::channel(channel)).expect("there is room");
            channels
        }));
        self.note(format!("the server is up, with {} log", if known { "its" } else { "a new" }));
        self.publish_stored(usize::MAX);
    }

    /// Lets the server crash; it is up again after `down`, with its log or with a new one.
    pub fn crash(&mut self, down: Duration, keeps_log: bool) {
        self.note(format!("the server crashes, for {down:?}"));
        for reader in 0..self.readers.len() {
            self.break_link(reader);
        }
        let channels = self.channels.take();
        if keeps_log {
            self.kept = channels;
        } else {
            self.meter.of(|| drop(channels));
        }
        self.up_at = self.now + down;
    }

    /// Lets the server say goodbye, and gives its readers `drain` to take what was published.
    pub fn say_goodbye(&mut self, drain: Duration) {
        self.note(format!("the server shuts down, draining for {drain:?}"));
        let now = self.now;
        if let Some(channels) = &mut self.channels {
            self.meter.of(|| channels.shutdown(now));
        }
        for link in self.readers.iter_mut().filter_map(|reader| reader.link.as_mut()) {
            if link.reader.is_none() {
                self.meter.of(|| link.session.shutdown(now));
            }
        }
        self.advance(drain);
    }

    /// Publishes a text to channels.
    ///
    /// # Panics
    ///
    /// If an open server does not take it.
    pub fn publish(&mut self, names: Vec<&'static str>, text: String) {
        let now = self.now;
        let Some(channels) = self.channels.as_mut().filter(|channels| !channels.is_closed()) else { return };
        let id = self.meter.of(|| channels.publish(now, names.iter().copied(), &text)).expect("it is taken");
        self.note(format!("{id} in {names:?}"));
        self.ledger.published(id, names, Some(text));
    }

    /// Publishes a comment to a channel.
    ///
    /// # Panics
    ///
    /// If an open server does not take it.
    pub fn comment(&mut self, name: &'static str) {
        let now = self.now;
        let Some(channels) = self.channels.as_mut().filter(|channels| !channels.is_closed()) else { return };
        let id = self.meter.of(|| channels.comment(now, [name], "a comment")).expect("it is taken");
        self.ledger.published(id, vec![name], None);
    }

    /// Takes a link away on the side of the server.
    pub(super) fn leave(&mut self, link: Link) {
        let now = self.now;
        let Link { mut session, guest, reader, asked, up, down, .. } = link;
        drop((up, down));
        self.meter.of(|| {
            session.handle_eof(now);
            while let Some(event) = session.poll_event() {
                self.lagging += usize::from(event == server::Event::Closed(CloseReason::Lagging));
            }
            drop((session, asked));
            if let Some(channels) = self.channels.as_mut() {
                if let Some(reader) = reader {
                    channels.close(reader);
                }
                channels.leave(guest);
            }
        });
    }

    /// Holds what the server keeps to its written bound.
    ///
    /// # Panics
    ///
    /// When it keeps more.
    pub fn check_memory(&self) {
        let Some(channels) = &self.channels else { return };
        let links: Vec<&Link> = self.readers.iter().filter_map(|reader| reader.link.as_ref()).collect();
        let subscriptions: usize =
            self.readers.iter().filter(|reader| reader.link.is_some()).map(|reader| reader.names.len()).sum();
        let stats = channels.stats();
        assert_eq!(stats.connections, links.len(), "each connection is counted once");
        assert_eq!(
            stats.readers,
            links.iter().filter(|link| link.reader.is_some()).count(),
            "no reader is left behind"
        );
        let log = channels.log().stats();
        let limits = &self.plan.channels.log;
        assert!(log.bytes <= limits.max_bytes, "{log:?}");
        assert!(log.publications <= self.plan.channels.channel.topic.max_publications * log.topics, "{log:?}");
        // A burst and the answer before it, framed, with what its buffer has to spare.
        let write_budget = 4 * limits.max_burst + 1024;
        let base = BASE + if self.plan.gzip { COMPRESSOR } else { 0 };
        let bound =
            links.len() * (PER_CONNECTION + write_budget) + subscriptions * PER_SUBSCRIPTION + 2 * log.bytes + base;
        let held = usize::try_from(self.meter.held).unwrap_or_default();
        assert!(held <= bound, "{held} bytes held, {bound} allowed: {stats:?}, {log:?}");
    }
}

/// `A` of the bound: a connection that rests, with its place in every table, as each of them doubles.
const PER_CONNECTION: usize = 3 << 10;
/// `B` of the bound: a channel that a stream follows.
const PER_SUBSCRIPTION: usize = 256;
/// What compresses for all, with what it made last.
const COMPRESSOR: usize = 400 << 10;
/// What is there without anybody.
const BASE: usize = 24 << 10;
