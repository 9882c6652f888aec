use std::{fmt, io};

use tidewire_core::sse::{self, End, Event, Parser};

/// What every SSE reader does between its reads: a buffer and a parser, without the source of the bytes.
///
/// Ask [`take`](Self::take) for events until there is none, then read into [`space`](Self::space), then say how much with
/// [`filled`](Self::filled), where nothing means the end. Nothing is lost however a reader's wait is given up.
#[derive(Debug)]
pub struct Decoder {
    parser: Parser,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Whether a strict parser has objected, and may still have to tell the comment that it objected to.
    objected: bool,
    ended: bool,
}

impl Decoder {
    /// Makes a decoder around `parser`, which brings limits, strictness and the last event ID.
    pub fn new(parser: Parser) -> Self {
        Self { parser, buffer: vec![0; CAPACITY].into_boxed_slice(), start: 0, end: 0, objected: false, ended: false }
    }

    /// Returns the next event of what was read.
    ///
    /// # Errors
    ///
    /// [`ReadError::Parse`]: after a violation reading may go on, after a limit was reached the stream is over.
    pub fn take(&mut self) -> Result<Option<Event>, ReadError> {
        let unread = self.buffer.get(self.start..self.end).unwrap_or_default();
        if self.ended || (unread.is_empty() && !self.objected) {
            return Ok(None);
        }
        self.objected = false;
        let mut events = self.parser.feed(unread);
        let event = events.next().map(|item| item.map(|item| item.to_owned()));
        self.start = self.end - events.rest().len();
        match event {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => {
                self.ended = error.is_fatal();
                self.objected = !self.ended;
                Err(ReadError::Parse(error))
            }
        }
    }

    /// Returns where to read to; for when [`take`](Self::take) has nothing left.
    pub fn space(&mut self) -> &mut [u8] {
        (self.start, self.end) = (0, 0);
        &mut self.buffer
    }

    /// Notes that `count` bytes were read into the space; none is the end of the stream.
    ///
    /// # Errors
    ///
    /// [`ReadError::MidEvent`], when the stream ended where no event ends.
    pub fn filled(&mut self, count: usize) -> Result<(), ReadError> {
        self.end = count.min(self.buffer.len());
        if count > 0 {
            return Ok(());
        }
        self.ended = true;
        match self.parser.finish() {
            End::Clean => Ok(()),
            _ => Err(ReadError::MidEvent),
        }
    }

    /// Returns whether the stream is over.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Returns the last event ID, to resume after.
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }
}

/// Why a reader has no next event.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The source failed; what was read so far is kept, and asking again reads on.
    Io(io::Error),
    /// No byte came within the read timeout; asking again waits again.
    TimedOut,
    /// A limit was reached, which ends the stream, or a strict parser objects, and asking again goes on.
    Parse(sse::Error),
    /// The stream ended in the middle of an event, which is discarded; it is over.
    MidEvent,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("reading the event stream failed"),
            Self::TimedOut => f.write_str("no byte came within the read timeout"),
            Self::Parse(_) => f.write_str("the event stream was not understood"),
            Self::MidEvent => f.write_str("the event stream ended in the middle of an event"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Parse(error) => Some(error),
            Self::TimedOut | Self::MidEvent => None,
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

const CAPACITY: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comment_that_was_objected_to_is_told_though_nothing_follows() {
        let mut decoder = Decoder::new(Parser::new().strict());
        let stream = b":\xff\n";
        decoder.space().get_mut(..stream.len()).expect("there is room").copy_from_slice(stream);
        decoder.filled(stream.len()).expect("is no end");
        assert!(matches!(decoder.take(), Err(ReadError::Parse(error)) if !error.is_fatal()));
        assert!(matches!(decoder.take(), Ok(Some(Event::Comment(text))) if &*text == "\u{fffd}"));
        assert!(matches!(decoder.take(), Ok(None)));
    }
}
