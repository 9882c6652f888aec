use std::fmt;
use std::io::{self, Read};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use socket2::Socket;

use crate::dial::Note;

/// Reads a socket by a thread of its own, so that who waits for what it hears can be woken without harm to the connection.
///
/// No more is read than is asked for, one read at a time.
pub(crate) struct Ear {
    socket: Arc<Socket>,
    notes: Receiver<Note>,
    /// Asks for another read.
    asking: Sender<()>,
    has_asked: bool,
    /// What was heard and not taken.
    heard: Vec<u8>,
    taken: usize,
    end: Option<Option<io::ErrorKind>>,
    wait: Option<Duration>,
}

impl Ear {
    /// Begins to read; the sender's [`Note::Asked`] ends a wait.
    pub(crate) fn new(socket: Arc<Socket>) -> io::Result<(Self, Sender<Note>)> {
        socket.set_read_timeout(None)?;
        let (sender, notes) = mpsc::channel();
        let (asking, asked) = mpsc::channel();
        let (source, telling) = (Arc::clone(&socket), sender.clone());
        thread::Builder::new().name("tidewire-read".into()).spawn(move || listen(&source, &asked, &telling))?;
        let ear = Self { socket, notes, asking, has_asked: false, heard: Vec::new(), taken: 0, end: None, wait: None };
        Ok((ear, sender))
    }

    /// Bounds the waits from here on.
    pub(crate) const fn set_wait(&mut self, wait: Option<Duration>) {
        self.wait = wait;
    }

    /// Waits for what is heard next; `WouldBlock` when the wait is over, or was ended.
    fn listen(&mut self) -> io::Result<()> {
        // A thread that has gone has told the end.
        self.has_asked = self.has_asked || self.asking.send(()).is_ok();
        let note = match self.wait {
            Some(wait) => self.notes.recv_timeout(wait),
            None => self.notes.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match note {
            Ok(Note::Heard(heard)) => {
                self.has_asked = false;
                match heard {
                    Ok(bytes) if bytes.is_empty() => self.end = Some(None),
                    Ok(bytes) => (self.heard, self.taken) = (bytes, 0),
                    Err(error) => self.end = Some(Some(error.kind())),
                }
                Ok(())
            }
            Ok(_) | Err(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Read for Ear {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.heard.len() && self.end.is_none() {
            self.listen()?;
        }
        let count = self.heard.get(self.taken..).unwrap_or_default().read(buffer)?;
        self.taken += count;
        if self.taken == self.heard.len() {
            (self.heard, self.taken) = (Vec::new(), 0);
        }
        match self.end {
            Some(Some(kind)) if count == 0 => Err(kind.into()),
            _ => Ok(count),
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        // The thread ends with its read.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ear").field("socket", &self.socket).field("end", &self.end).finish_non_exhaustive()
    }
}

/// Reads as often as it is asked to, until the end or until nobody asks any more.
fn listen(socket: &Socket, asked: &Receiver<()>, telling: &Sender<Note>) {
    let mut buffer = vec![0; SIZE].into_boxed_slice();
    for () in asked {
        let heard = loop {
            match (&*socket).read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map(|count| buffer.get(..count).unwrap_or_default().to_vec()),
            }
        };
        let is_over = heard.as_ref().map_or(true, Vec::is_empty);
        if telling.send(Note::Heard(heard)).is_err() || is_over {
            return;
        }
    }
}

const SIZE: usize = 32 * 1024;
