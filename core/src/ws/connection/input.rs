use alloc::vec::Vec;

use crate::ws::{Error, OwnedItem, Reader};

/// What came and was not told yet.
pub(super) struct Input {
    /// None: nothing more is read.
    reader: Option<Reader>,
    bytes: Vec<u8>,
    /// How many of the bytes were read.
    read: usize,
    end: Option<End>,
}

/// Why nothing comes any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer has ended its side.
    Finished,
    /// The connection broke.
    Reset,
    /// More came than is kept.
    Flooded,
}

impl Input {
    pub(super) const fn new(reader: Reader) -> Self {
        Self { reader: Some(reader), bytes: Vec::new(), read: 0, end: None }
    }

    /// Keeps `bytes`: all, if nothing is kept yet, and else as long as that is no more than `most`.
    pub(super) fn push(&mut self, bytes: &[u8], most: usize) {
        if self.reader.is_none() || self.end.is_some() {
            return;
        }
        if self.is_held() && self.len() + bytes.len() > most {
            return self.end(End::Flooded);
        }
        self.bytes.drain(..self.read.min(self.bytes.len()));
        self.read = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Notes that nothing comes any more; what came before is still read.
    pub(super) fn end(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    /// Reads the next item, or finds the fault; none when all is read.
    pub(super) fn read(&mut self) -> Option<Result<OwnedItem, Error>> {
        if self.read == 0
            && let Some(message) = self.reader.as_mut().and_then(|reader| reader.take_whole(&mut self.bytes))
        {
            return Some(message.map(OwnedItem::Message));
        }
        let unread = self.bytes.get_mut(self.read..).filter(|unread| !unread.is_empty());
        let Some((reader, unread)) = self.reader.as_mut().zip(unread) else {
            self.drop_bytes();
            return None;
        };
        match reader.read_owned(unread) {
            Ok((len, Some(item))) => {
                self.read += len;
                if !self.is_held() {
                    self.drop_bytes();
                }
                Some(Ok(item))
            }
            Ok((_, None)) => {
                self.drop_bytes();
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    fn drop_bytes(&mut self) {
        (self.bytes, self.read) = (Vec::new(), 0);
    }

    /// Drops what was not read; nothing more is.
    pub(super) fn close(&mut self) {
        (self.reader, self.bytes, self.read) = (None, Vec::new(), 0);
    }

    /// Returns why nothing comes any more, once, when all that came was read.
    pub(super) fn take_end(&mut self) -> Option<End> {
        if self.is_held() { None } else { self.end.take() }
    }

    /// Returns how many bytes were not read yet.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.read)
    }

    /// Tells whether something was not read yet.
    pub(super) const fn is_held(&self) -> bool {
        self.len() > 0
    }

    /// Tells whether all was read, and more can come.
    pub(super) const fn wants_more(&self) -> bool {
        !self.is_held() && self.end.is_none()
    }
}
