//! What the blocking event source reads and writes: a socket, or TLS over it.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use bytes::{Buf, Bytes};
use socket2::Socket;
use tidewire_core::{Closing, Instant, Protocol};

use crate::dial::Note;
use crate::ear::Ear;
use crate::with_buffer;

/// A connected socket, and what it has not taken yet.
pub(crate) struct Transport {
    io: Io,
    output: Bytes,
    /// Whether writing failed: what the peer said before it went away is still read.
    deaf: bool,
    /// Whether our side has ended.
    ended: bool,
}

/// What came of a [`Transport::turn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Something was written or read, or time passed.
    Done,
    /// The peer ended its side.
    Ended,
}

impl Transport {
    pub(crate) fn new(socket: Socket) -> Self {
        let shared = Shared { socket: Arc::new(socket), ear: None };
        Self { io: Io::Plain(shared), output: Bytes::new(), deaf: false, ended: false }
    }

    /// Has the socket read by a thread of its own: a [`Note::Asked`](crate::dial::Note::Asked) to the sender ends a wait, and harms nothing.
    pub(crate) fn listen_apart(&mut self) -> io::Result<Sender<Note>> {
        let shared = self.shared_mut();
        let (ear, notes) = Ear::new(Arc::clone(&shared.socket))?;
        shared.ear = Some(ear);
        Ok(notes)
    }

    /// Returns the socket, for who shuts it down while somebody else waits for it.
    pub(crate) fn socket(&self) -> &Arc<Socket> {
        match &self.io {
            Io::Plain(shared) => &shared.socket,
            #[cfg(feature = "tls")]
            Io::Tls(stream) => &stream.sock.socket,
        }
    }

    const fn shared_mut(&mut self) -> &mut Shared {
        match &mut self.io {
            Io::Plain(shared) => shared,
            #[cfg(feature = "tls")]
            Io::Tls(stream) => &mut stream.sock,
        }
    }

    /// Writes what `protocol` wants to send, or else reads once and hands that over, waiting at most for `wait`.
    pub(crate) fn turn<P: Protocol>(
        &mut self,
        now: impl Fn() -> Instant,
        protocol: &mut P,
        wait: Option<Duration>,
    ) -> io::Result<Turn> {
        let mut wait = wait;
        if !self.has_written(protocol) && !self.deaf {
            // A server may answer before it has read everything: it is heard in between.
            self.set_timeouts(Some(wait.map_or(WRITE_WAIT, |wait| wait.min(WRITE_WAIT))))?;
            match self.io.write(&self.output) {
                Ok(0) => self.deaf = true,
                Ok(count) => {
                    self.output.advance(count);
                    return Ok(Turn::Done);
                }
                Err(error) if is_pause(&error) => wait = Some(SHORTEST),
                Err(_) => self.deaf = true,
            }
        }
        if self.output.is_empty() && protocol.closing() == Closing::Finish && !self.ended {
            self.ended = true;
            self.finish();
        }
        // What it does not want stays in the socket; what there is to write is tried again.
        if !protocol.wants_input() && !self.output.is_empty() && !self.deaf {
            return Ok(Turn::Done);
        }
        self.set_timeouts(wait)?;
        with_buffer(|buffer| match self.io.read(buffer) {
            Ok(0) => Ok(Turn::Ended),
            Ok(count) => {
                protocol.handle_input(now(), buffer.get(..count).unwrap_or_default());
                Ok(Turn::Done)
            }
            Err(error) if is_pause(&error) => Ok(Turn::Done),
            Err(error) => Err(error),
        })
    }

    /// Tells whether all that `protocol` wants to send is written.
    pub(crate) fn has_written<P: Protocol>(&mut self, protocol: &mut P) -> bool {
        if self.output.is_empty() {
            self.output = protocol.poll_transmit().unwrap_or_default();
        }
        self.output.is_empty()
    }

    fn set_timeouts(&mut self, wait: Option<Duration>) -> io::Result<()> {
        // Zero would be for ever.
        let wait = wait.map(|wait| wait.max(SHORTEST));
        match &mut self.shared_mut().ear {
            Some(ear) => ear.set_wait(wait),
            None => self.socket().set_read_timeout(wait)?,
        }
        self.socket().set_write_timeout(wait)
    }
}

#[cfg(feature = "tls")]
impl Transport {
    /// Begins TLS over what was plain so far.
    pub(crate) fn secure(self, connection: rustls::ClientConnection) -> Self {
        let io = match self.io {
            Io::Plain(socket) => Io::Tls(Box::new(rustls::StreamOwned::new(connection, socket))),
            secured @ Io::Tls(_) => secured,
        };
        Self { io, ..self }
    }

    /// Goes on with the handshake, waiting at most for `wait`; returns whether it is done.
    pub(crate) fn shake(&mut self, wait: Option<Duration>) -> io::Result<bool> {
        self.set_timeouts(wait)?;
        let Io::Tls(stream) = &mut self.io else { return Ok(true) };
        match stream.conn.complete_io(&mut stream.sock) {
            Ok(_) => {}
            Err(error) if is_pause(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(!stream.conn.is_handshaking())
    }

    /// Ends our side.
    fn finish(&mut self) {
        if let Io::Tls(stream) = &mut self.io {
            stream.conn.send_close_notify();
            let _ = stream.conn.write_tls(&mut stream.sock);
        }
        // One that is broken shows that when it is read.
        let _ = self.socket().shutdown(Shutdown::Write);
    }

    /// Says goodbye, if that can be done at once.
    pub(crate) fn leave(&mut self) {
        if let Io::Tls(stream) = &mut self.io {
            stream.conn.send_close_notify();
            let _ = stream.sock.socket.set_nonblocking(true);
            let _ = stream.conn.write_tls(&mut stream.sock);
        }
    }
}

#[cfg(not(feature = "tls"))]
impl Transport {
    fn finish(&mut self) {
        // One that is broken shows that when it is read.
        let _ = self.socket().shutdown(Shutdown::Write);
    }

    pub(crate) fn leave(&mut self) {}
}

/// Without what waits to be sent, which may prove an identity.
impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Transport");
        shown.field("io", &self.io).field("unsent", &self.output.len()).field("deaf", &self.deaf).finish()
    }
}

#[derive(Debug)]
enum Io {
    Plain(Shared),
    #[cfg(feature = "tls")]
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, Shared>>),
}

impl Read for Io {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Io {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// A socket that somebody else can shut down.
#[derive(Debug)]
struct Shared {
    socket: Arc<Socket>,
    /// Who reads it, if that is not done here.
    ear: Option<Ear>,
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.ear {
            Some(ear) => ear.read(buffer),
            None => (&*self.socket).read(buffer),
        }
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.socket).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.socket).flush()
    }
}

/// Whether nothing came in time; systems differ in the word.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

const SHORTEST: Duration = Duration::from_millis(1);

/// How long a write that does not get on is given before the answer is looked for.
const WRITE_WAIT: Duration = Duration::from_millis(50);
