use core::mem;
use core::time::Duration;

use crate::Instant;
use crate::ws::Config;

/// Whether the peer lives: when it is to be pinged, and when it is lost.
#[derive(Debug)]
pub(super) struct Life {
    ping_at: Option<Instant>,
    ping: Ping,
    /// Whether the peer could not be heard for a while, because nothing was read.
    has_grace: bool,
}

#[derive(Debug)]
enum Ping {
    /// None is needed any more: the connection closes.
    Over,
    /// The peer was heard.
    No,
    /// One waits to be sent.
    Waits,
    /// One has left.
    Left { lost_at: Instant },
}

impl Life {
    /// Nobody is waited for.
    pub(super) const OVER: Self = Self { ping_at: None, ping: Ping::Over, has_grace: false };

    pub(super) fn new(now: Instant, config: &Config) -> Self {
        Self { ping_at: config.ping_interval.map(|interval| now + interval), ping: Ping::No, has_grace: false }
    }

    /// Notes that something came: any byte is a sign of life.
    pub(super) fn note_heard(&mut self, now: Instant, config: &Config) {
        if !matches!(self.ping, Ping::Over) {
            *self = Self { has_grace: self.has_grace, ..Self::new(now, config) };
        }
    }

    /// Notes that all that was held back was taken, so that the peer is heard again.
    pub(super) const fn note_resumed(&mut self) {
        self.has_grace = true;
    }

    pub(super) fn wants_ping(&self, now: Instant) -> bool {
        self.ping_at.is_some_and(|at| at <= now)
    }

    /// Notes that the ping that was wanted waits to be sent.
    pub(super) fn note_ping(&mut self, is_held: bool) {
        *self = Self { ping_at: None, ping: Ping::Waits, has_grace: is_held };
    }

    /// Notes that all pings have left. `is_early`: that the time may be later.
    pub(super) fn note_pings_left(&mut self, now: Instant, config: &Config, is_early: bool) {
        if let Ping::Waits = self.ping {
            self.ping = Ping::Left { lost_at: now + config.pong_timeout };
            self.has_grace |= is_early;
        }
    }

    /// Tells whether the peer is lost. While what it sent is held back nobody can say so.
    pub(super) fn is_lost(&mut self, now: Instant, config: &Config, is_held: bool) -> bool {
        let Ping::Left { lost_at } = &mut self.ping else { return false };
        if *lost_at > now {
            return false;
        }
        let waits = mem::take(&mut self.has_grace) || is_held;
        if waits {
            // Also where no time is given: a driver is not to look all the while whether it was taken.
            *lost_at = now + config.pong_timeout.max(LEAST_GRACE);
        }
        !waits
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.ping {
            Ping::Left { lost_at } => Some(lost_at),
            Ping::Over | Ping::No | Ping::Waits => self.ping_at,
        }
    }
}

/// How long a peer that could not be heard has at least.
const LEAST_GRACE: Duration = Duration::from_millis(100);
