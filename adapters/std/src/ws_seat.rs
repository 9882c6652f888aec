use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Waker};

use tidewire_core::Instant;
use tidewire_core::ws::{CloseReason, Closed, Connection, Event, SendError};

use crate::ws_state::{Inner, Said, State};

/// The driver's end of a [`Socket`](crate::Socket): moves what is said both ways. Dropping it leaves: the peer went away.
pub struct SocketSeat {
    inner: Arc<Inner>,
}

impl SocketSeat {
    pub(crate) const fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Tells whether there is room for another event; while there is not, who drives takes none, and so reads no more.
    pub fn wants_events(&self) -> bool {
        self.inner.lock().wants_message()
    }

    /// Takes what the peer said, or how it ended.
    pub fn handle(&self, event: Event) {
        let woken: Vec<Waker> = {
            let mut state = self.inner.lock();
            match event {
                Event::Message(message) => {
                    // The application closes: nobody is to receive it.
                    if state.is_left {
                        return;
                    }
                    state.incoming_bytes += message.len();
                    state.incoming.push_back(message);
                }
                Event::Closing(_) => state.closes = true,
                Event::Closed(closed) => state.over(closed),
                _ => return,
            }
            state.waiters.take().collect()
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Gives the connection what it is to send next, as far as it takes it, and has the task woken when there is more; tells whether it
    /// took something.
    pub fn feed(&self, context: &Context<'_>, now: Instant, connection: &mut Connection) -> bool {
        let mut state = self.inner.lock();
        let mut woken: Vec<Waker> = Vec::new();
        if state.given > state.written && connection.is_written() {
            state.written = state.given;
            woken.extend(state.waiters.take());
        }
        let mut took = false;
        while let Some(said) = state.outgoing.front() {
            if !give(now, connection, said) {
                break;
            }
            let said = state.outgoing.pop_front();
            state.outgoing_bytes -= said.as_ref().map_or(0, Said::len);
            state.given += 1;
            took = true;
        }
        if took {
            woken.extend(state.waiters.take());
        } else if state.outgoing.is_empty() {
            // A connection that rests holds no room for what it once said.
            state.outgoing = VecDeque::new();
        }
        let is_busy = state.is_busy();
        connection.set_at_work(is_busy);
        // Once nothing is said to what came before, there is the end to take.
        took |= connection.is_end_held() && !is_busy;
        state.is_end_held = connection.is_end_held() && is_busy;
        match &mut state.driver {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        took
    }

    /// Notes that the connection is gone, unless it was told how.
    pub fn gone(&self) {
        self.handle(Event::Closed(Closed::new(CloseReason::Reset)));
    }
}

impl Drop for SocketSeat {
    fn drop(&mut self) {
        self.gone();
    }
}

impl fmt::Debug for SocketSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketSeat").finish_non_exhaustive()
    }
}

impl State {
    /// Notes how it ended; the first word on that counts.
    fn over(&mut self, mut closed: Closed) {
        if self.end.is_some() {
            return;
        }
        closed.unsent += self.outgoing.iter().filter(|said| said.is_message()).count();
        self.end = Some(Box::new(closed));
        (self.outgoing, self.outgoing_bytes, self.driver) = (VecDeque::new(), 0, None);
    }
}

/// Has `connection` send something; tells whether that is done with.
fn give(now: Instant, connection: &mut Connection, said: &Said) -> bool {
    let given = match said {
        Said::Message(message) => connection.send(now, message),
        Said::Prepared(prepared) => connection.send_shared(now, prepared),
        Said::Ping(payload) => connection.ping(now, payload),
        Said::Close(code, reason) => connection.close(now, Some(*code), reason),
    };
    match given {
        Err(SendError::Full { .. }) => false,
        // What is not sent any more counts as unsent when the end is told, which is near.
        Err(SendError::Closing) => matches!(said, Said::Ping(_) | Said::Close(..)),
        Ok(()) | Err(_) => true,
    }
}
