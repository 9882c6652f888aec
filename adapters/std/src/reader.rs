use std::io::{self, Read};
use std::net::TcpStream;
use std::time::Duration;

use tidewire_core::sse::{Event, Parser};

use crate::{Decoder, ReadError};

/// Reads the events of a stream from any [`Read`], blocking.
///
/// ```
/// use tidewire_std::{Reader, sse::Event};
///
/// let mut reader = Reader::new(&b"data: one\n\ndata: two\n\n"[..]);
/// while let Some(event) = reader.next()? {
///     let Event::Message(message) = event else { continue };
///     println!("{}", message.data());
/// }
/// # Ok::<(), tidewire_std::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    decoder: Decoder,
}

impl<R: Read> Reader<R> {
    /// Reads `source` with the default limits.
    pub fn new(source: R) -> Self {
        Self::with_parser(source, Parser::new())
    }

    /// Reads `source` with a parser of one's own: limits, strictness, last event ID.
    pub fn with_parser(source: R, parser: Parser) -> Self {
        Self { source, decoder: Decoder::new(parser) }
    }

    /// Gives up a wait in which no byte came for `timeout`, with [`ReadError::TimedOut`]; any byte starts it anew.
    ///
    /// # Errors
    ///
    /// Those of the source, and `InvalidInput` for a zero `timeout`.
    pub fn with_timeout(self, timeout: Duration) -> io::Result<Self>
    where
        R: ReadTimeout,
    {
        self.source.set_read_timeout(Some(timeout))?;
        Ok(self)
    }

    /// Returns the next event; none after a clean end.
    ///
    /// # Errors
    ///
    /// See [`ReadError`], which tells an end in the middle of an event from a clean one.
    // An iterator of results would let the caller miss the errors that end it.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Event>, ReadError> {
        loop {
            if let Some(event) = self.decoder.take()? {
                return Ok(Some(event));
            }
            if self.decoder.is_ended() {
                return Ok(None);
            }
            match self.source.read(self.decoder.space()) {
                Ok(count) => self.decoder.filled(count)?,
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    // Which of the two a timed-out socket gives depends on the system.
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Err(ReadError::TimedOut),
                    _ => return Err(ReadError::Io(error)),
                },
            }
        }
    }

    /// Returns the last event ID, to resume after.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Returns the source; what was read ahead from it is lost.
    pub fn into_inner(self) -> R {
        self.source
    }
}

/// A source whose reads can be bounded in time.
pub trait ReadTimeout {
    /// Bounds each read; none waits for ever.
    ///
    /// # Errors
    ///
    /// Those of the system, and `InvalidInput` for a zero timeout.
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;
}

impl ReadTimeout for TcpStream {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        TcpStream::set_read_timeout(self, timeout)
    }
}

impl ReadTimeout for &TcpStream {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        TcpStream::set_read_timeout(self, timeout)
    }
}

#[cfg(unix)]
impl ReadTimeout for std::os::unix::net::UnixStream {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        Self::set_read_timeout(self, timeout)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use tidewire_core::sse::Limits;

    use super::*;

    fn data(event: Option<Event>) -> Option<String> {
        match event {
            Some(Event::Message(message)) => Some(message.data().to_owned()),
            _ => None,
        }
    }

    /// Gives its input in pieces of one byte, each after an interruption.
    struct Dribble(&'static [u8], bool);

    impl Read for Dribble {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let (byte, rest) = self.0.split_at(self.0.len().min(1));
            self.0 = rest;
            (&mut *out).write(byte)
        }
    }

    #[test]
    fn events_come_one_by_one_and_a_clean_end_is_none() {
        let mut reader = Reader::new(Dribble(b"id: 7\ndata: one\n\n:c\nretry: 5\ndata: two\n\n", false));
        assert_eq!(data(reader.next().expect("reads")).as_deref(), Some("one"));
        assert_eq!(reader.last_event_id(), "7");
        assert_eq!(reader.next().expect("reads"), Some(Event::Comment("c".into())));
        assert_eq!(reader.next().expect("reads"), Some(Event::Retry(Duration::from_millis(5))));
        assert_eq!(data(reader.next().expect("reads")).as_deref(), Some("two"));
        assert_eq!(reader.next().expect("ends"), None);
        assert_eq!(reader.next().expect("stays ended"), None);
    }

    #[test]
    fn an_end_in_the_middle_of_an_event_is_an_error_once() {
        let mut reader = Reader::new(&b"data: one\n\ndata: tw"[..]);
        assert_eq!(data(reader.next().expect("reads")).as_deref(), Some("one"));
        assert!(matches!(reader.next(), Err(ReadError::MidEvent)));
        assert_eq!(reader.next().expect("over"), None);
    }

    #[test]
    fn a_limit_ends_the_stream_with_its_error() {
        let mut limits = Limits::default();
        limits.max_line = 10;
        let mut reader = Reader::with_parser(&b"data: 0123456789\n\ndata: 1\n\n"[..], Parser::with_limits(limits));
        assert!(matches!(reader.next(), Err(ReadError::Parse(error)) if error.is_fatal()));
        assert_eq!(reader.next().expect("over"), None);
    }

    #[test]
    fn a_strict_parser_objects_and_goes_on() {
        let mut reader = Reader::with_parser(&b"date: 1\ndata: 2\n\n"[..], Parser::new().strict());
        assert!(matches!(reader.next(), Err(ReadError::Parse(_))));
        assert_eq!(data(reader.next().expect("reads")).as_deref(), Some("2"));
    }

    #[test]
    fn a_silent_socket_times_out_and_reading_can_go_on() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let mut peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
        let (socket, _) = listener.accept().expect("accepts");
        let mut reader = Reader::new(socket).with_timeout(Duration::from_millis(5)).expect("sets the timeout");
        peer.write_all(b"data: o").expect("writes");
        assert!(matches!(reader.next(), Err(ReadError::TimedOut)));
        peer.write_all(b"ne\n\n").expect("writes");
        let mut event = reader.next();
        while matches!(event, Err(ReadError::TimedOut)) {
            event = reader.next();
        }
        assert_eq!(data(event.expect("reads")).as_deref(), Some("one"));
    }
}
