use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread;

use bytes::Bytes;
use tidewire_core::http::RequestHead;
use tidewire_core::server::Token;
use tidewire_core::ws::{CloseCode, Closed, MAX_CONTROL, MAX_REASON, Message, Prepared};

use crate::waiters::block_on;
use crate::ws_seat::SocketSeat;
use crate::ws_state::{Inner, Said, State};

/// One accepted WebSocket, received from and sent to from anywhere.
///
/// It is handed to the application by an [`EventServer`](crate::EventServer). Handles are clones, and each may receive and send while others
/// do. When the last one is dropped the connection is closed, with 1000, or with 1011 while its thread panics.
///
/// Both ways are bounded. As long as 16 messages, or 64 KiB of them, were not received, no more is read: the peer is held back, and its
/// close frame with it. What is sent waits likewise, 256 messages or 64 KiB of them, before who sends has to; a peer that takes nothing
/// of it is cut off after [`Config::write_timeout`](tidewire_core::ws::Config::write_timeout).
///
/// ```
/// use tidewire_core::server::WebSocketEndpoint;
/// use tidewire_std::EventServer;
///
/// let server = EventServer::default();
/// server.web_sockets_at("/echo", WebSocketEndpoint::default(), |socket, _request| {
///     // Or a task, with `recv().await` and `send(message).await`.
///     std::thread::spawn(move || {
///         while let Some(message) = socket.recv_blocking() {
///             if socket.send_blocking(message).is_err() {
///                 break; // it closes
///             }
///         }
///     });
/// })?;
/// # Ok::<(), tidewire_core::http::PatternError>(())
/// ```
pub struct Socket {
    inner: Arc<Inner>,
}

impl Socket {
    /// Makes the two ends of a connection that was accepted: the application's, and that of who drives it.
    pub fn pair(head: RequestHead, protocol: Option<&str>, token: Option<Token>) -> (Self, SocketSeat) {
        let inner = Arc::new(Inner::new(head, protocol, token));
        (Self { inner: Arc::clone(&inner) }, SocketSeat::new(inner))
    }

    /// Waits for the next message; none when the connection is over. Its wait may be given up at any point; nothing is lost by it.
    /// [`closed`](Self::closed) tells how it ended.
    pub async fn recv(&self) -> Option<Message> {
        let mut driver = None;
        let received = self.inner.wait(|state| {
            let was_full = !state.wants_message();
            match state.incoming.pop_front() {
                Some(message) => {
                    state.incoming_bytes -= message.len();
                    state.at_work = true;
                    driver = state.driver.take_if(|_| was_full);
                    Some(Some(message))
                }
                None => {
                    // Who waits needs no room for what came once.
                    state.incoming = VecDeque::new();
                    // A wake does no more than to note who is woken.
                    state.rest().into_iter().for_each(Waker::wake);
                    state.end.is_some().then_some(None)
                }
            }
        });
        let message = received.await;
        driver.into_iter().for_each(Waker::wake);
        message
    }

    /// Does what [`recv`](Self::recv) does, on a thread that may block.
    pub fn recv_blocking(&self) -> Option<Message> {
        block_on(self.recv())
    }

    /// Waits until there is room, and has the message sent: it is accepted, and on its way. When the wait is given up it never is.
    ///
    /// # Errors
    ///
    /// [`SocketError::Over`] when the connection closes or is over. What was accepted before and did not leave counts
    /// [`Closed::unsent`].
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), SocketError> {
        self.say_when_there_is_room(Said::Message(message.into())).await
    }

    /// Does what [`send`](Self::send) does, on a thread that may block.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_blocking(&self, message: impl Into<Message>) -> Result<(), SocketError> {
        block_on(self.send(message))
    }

    /// Has the message sent, without waiting.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`SocketError::Full`] where that waits.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SocketError> {
        self.say(Said::Message(message.into()))
    }

    /// Does what [`send`](Self::send) does with a message that was encoded once for many: no byte of it is copied for this connection.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn send_prepared(&self, prepared: &Prepared) -> Result<(), SocketError> {
        self.say_when_there_is_room(Said::Prepared(prepared.clone())).await
    }

    /// Does what [`send_prepared`](Self::send_prepared) does, without waiting: who sends to many waits for none of them.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_send_prepared(&self, prepared: &Prepared) -> Result<(), SocketError> {
        self.say(Said::Prepared(prepared.clone()))
    }

    /// Sends a ping, without waiting. That the peer is still there is looked after without
    /// ([`Config::ping_interval`](tidewire_core::ws::Config::ping_interval)).
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send), and [`SocketError::TooLong`] for more than 125 bytes.
    pub fn ping(&self, payload: &[u8]) -> Result<(), SocketError> {
        if payload.len() > MAX_CONTROL {
            return Err(SocketError::TooLong);
        }
        self.say(Said::Ping(Bytes::copy_from_slice(payload)))
    }

    /// Closes the connection when what was accepted has left; nothing more is accepted, and nothing more received but what waits to be. Of
    /// the reason, which is for logs and no people, at most 123 bytes are sent. It does nothing to a connection that closes already.
    pub fn close(&self, code: CloseCode, reason: &str) {
        let woken = self.inner.lock().close(code, start(reason, MAX_REASON));
        woken.into_iter().for_each(Waker::wake);
    }

    /// Waits until the connection is over, and returns how it ended.
    pub async fn closed(&self) -> Closed {
        self.inner.wait(|state| state.end.as_deref().cloned()).await
    }

    /// Waits until all that was accepted so far was written to the connection.
    ///
    /// # Errors
    ///
    /// [`SocketError::Over`] when it ended before.
    pub async fn flushed(&self) -> Result<(), SocketError> {
        let ticket = self.inner.lock().accepted;
        self.inner
            .wait(|state| match state.end {
                _ if state.written >= ticket => Some(Ok(())),
                Some(_) => Some(Err(SocketError::Over)),
                None => None,
            })
            .await
    }

    /// Returns how the connection ended, if it has.
    pub fn end(&self) -> Option<Closed> {
        self.inner.lock().end.as_deref().cloned()
    }

    /// Tells whether messages can be sent: neither end has closed.
    pub fn is_open(&self) -> bool {
        self.inner.lock().is_open()
    }

    /// Returns the subprotocol that was agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.inner.protocol.as_deref()
    }

    /// Returns the token that the request brought, if one was looked for.
    pub fn token(&self) -> Option<&Token> {
        self.inner.token.as_ref()
    }

    /// Returns the head of the request: its target, its fields.
    pub fn head(&self) -> &RequestHead {
        &self.inner.head
    }

    async fn say_when_there_is_room(&self, said: Said) -> Result<(), SocketError> {
        let mut said = Some(said);
        let mut waiting = self.inner.waiting();
        let said = poll_fn(|context| {
            let mut state = self.inner.lock();
            match state.room() {
                Err(SocketError::Full) => {
                    waiting.wait(&mut state, context);
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(error)),
                // Nobody comes in between: the lock is held.
                Ok(()) => Poll::Ready(Ok(said.take().and_then(|said| state.accept(said)))),
            }
        });
        let driver = said.await?;
        driver.into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn say(&self, said: Said) -> Result<(), SocketError> {
        let driver = {
            let mut state = self.inner.lock();
            state.room()?;
            state.accept(said)
        };
        driver.into_iter().for_each(Waker::wake);
        Ok(())
    }
}

impl Clone for Socket {
    fn clone(&self) -> Self {
        self.inner.lock().handles += 1;
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let woken = {
            let mut state = self.inner.lock();
            state.handles -= 1;
            (state.handles == 0).then(|| state.leave(thread::panicking()))
        };
        woken.into_iter().flatten().for_each(Waker::wake);
    }
}

/// Returns as much of the start of a text as has at most so many bytes.
fn start(text: &str, most: usize) -> &str {
    let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
    let end = ends.take_while(|end| *end <= most).last().unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// Without what is said, and what proves an identity.
impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { incoming, outgoing, end, .. } = &*self.inner.lock();
        let mut shown = f.debug_struct("Socket");
        shown.field("unreceived", &incoming.len()).field("unsent", &outgoing.len()).field("end", end);
        shown.finish_non_exhaustive()
    }
}

/// Why a message was not accepted to be sent on a [`Socket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketError {
    /// 256 messages, or 64 KiB of them, wait already: the peer does not read fast enough.
    Full,
    /// The connection closes or is over.
    Over,
    /// More than the 125 bytes that a ping may have.
    TooLong,
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too much waits to be sent already",
            Self::Over => "the connection closes or is over",
            Self::TooLong => "a ping has at most 125 bytes",
        })
    }
}

impl std::error::Error for SocketError {}
