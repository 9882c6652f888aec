use std::fmt;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use tidewire_core::Instant;
use tidewire_core::server::{Event, Session};

use crate::{Clock, Fed};

/// What a driver of listeners and connections serves. Cloning it gives another handle of the same.
pub trait Host: Clone + Send + Sync + 'static {
    /// One connection's place.
    type Place: Place;

    /// Returns the machine of a connection that was accepted just now, and its place among the others.
    fn open(&self, peer: Option<IpAddr>) -> (Session, Self::Place);

    /// Returns the clock of all its machines.
    fn clock(&self) -> Clock;

    /// Does what is due by now, and has the task woken when there may be more to do; returns when there is more for sure.
    fn poll_keep(&self, context: &Context<'_>) -> Option<Instant>;

    /// Begins to end: nothing new begins, and all are said goodbye to.
    fn shutdown(&self);

    /// Is ready when no connection is left.
    fn poll_empty(&self, context: &Context<'_>) -> Poll<()>;

    /// Drops the connections that are left.
    fn abort(&self);

    /// Returns how long they may take from [`shutdown`](Self::shutdown) to [`abort`](Self::abort).
    fn drain(&self) -> Duration;
}

/// One connection's place at a [`Host`]: answers its requests and feeds its stream. Dropping it leaves.
pub trait Place: fmt::Debug + Send + 'static {
    /// Does what an event of the session asks for.
    fn handle(&mut self, session: &mut Session, event: Event);

    /// Tells whether there is room for what the session tells next. While there is not, no event is taken, so that no more is read and the
    /// peer is held back; [`feed`](Self::feed) has the task woken when there is.
    fn wants_events(&self) -> bool {
        true
    }

    /// Gives the session what it is to send next.
    fn feed(&mut self, context: &mut Context<'_>, session: &mut Session) -> Fed;
}

/// How long connections that are told goodbye may take before they are dropped, unless configured.
pub const DRAIN: Duration = Duration::from_secs(10);
