use bytes::Bytes;

use crate::Instant;

/// A byte-stream machine: one end of one connection, without the connection.
///
/// A driver hands over what happened (`handle_*`) and takes what is to be done (`poll_*`) until nothing is left. The
/// rules, which every machine of this crate keeps and the tests hold it to:
///
/// 1. `handle_*` never fail and never panic, whatever the bytes.
/// 2. A peer's fault becomes an event that says why it closed, and stays: later input is ignored.
/// 3. A caller's fault is a `Result` of the method that was called wrongly.
/// 4. Cutting the input at other places never changes the events.
/// 5. An early `handle_timeout` does nothing; a late one does everything that is due.
/// 6. No deadline is `None`, never a far-away instant.
/// 7. Every buffer has a limit in the config; reaching it has a named outcome.
/// 8. For one socket, [`closing`](Self::closing) goes No → Finish → Abort and never back.
pub trait Protocol {
    /// What the machine tells the application.
    type Event;

    /// Takes all of `bytes`, as received from the peer.
    fn handle_input(&mut self, now: Instant, bytes: &[u8]);

    /// Notes that the peer will send no more.
    fn handle_eof(&mut self, now: Instant);

    /// Does everything that is due by `now`.
    fn handle_timeout(&mut self, now: Instant);

    /// Returns the next event for the application.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// Returns the next bytes for the socket; what belongs together comes as one piece, for one write. A driver asks for more only
    /// when the last piece was written whole: so a machine knows, once there is none, that all has left.
    fn poll_transmit(&mut self) -> Option<Bytes>;

    /// Tells whether the machine takes more input at the moment; a driver that heeds it leaves the rest to the socket, and so holds the
    /// peer back. What it is given nevertheless is bounded as ever (rule 7). Until it is overridden it always does.
    fn wants_input(&self) -> bool {
        true
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout), if ever.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Returns what the driver is to do with the socket.
    fn closing(&self) -> Closing;
}

/// What the driver is to do with the socket of a [`Protocol`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closing {
    /// Go on.
    No,
    /// Write what is left, end our side, and go on reading until the peer ends its side or a deadline passes.
    Finish,
    /// Drop the socket at once.
    Abort,
}
