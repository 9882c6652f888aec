use alloc::vec::Vec;

use bytes::Bytes;

#[cfg(feature = "deflate")]
use crate::http::coding::{GzipStream, Segment, Sum};
use crate::http::{Coding, LAST_CHUNK};
use crate::log::Burst;

/// How the pieces of a stream are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// As chunks of HTTP/1.1 (RFC 9112 §7.1), the last one included.
    Chunked,
    /// Not at all: somebody else frames them, or they end with the connection.
    Bare,
}

/// The body of a stream as it stands on the wire: its coding, and its framing.
#[derive(Debug)]
pub(super) struct Framed {
    framing: Framing,
    #[cfg(feature = "deflate")]
    gzip: Option<Gzip>,
}

#[cfg(feature = "deflate")]
#[derive(Debug, Default)]
struct Gzip {
    stream: GzipStream,
    /// Publications that were framed and will leave behind what is framed meanwhile.
    waiting: Option<Sum>,
}

impl Framed {
    pub(super) fn new(framing: Framing, coding: Option<Coding>) -> Self {
        #[cfg(not(feature = "deflate"))]
        let _: Option<Coding> = coding;
        Self {
            framing,
            #[cfg(feature = "deflate")]
            gzip: coding.map(|Coding::Gzip| Gzip::default()),
        }
    }

    pub(super) const fn framing(&self) -> Framing {
        self.framing
    }

    /// Frames what every stream begins with, and `bytes`.
    pub(super) fn open(&mut self, bytes: &[u8]) -> Bytes {
        #[cfg(feature = "deflate")]
        if let Some(gzip) = &mut self.gzip {
            let segment = Segment::stored(bytes);
            gzip.stream.add(&segment);
            let whole = [&GzipStream::HEADER[..], &segment.bytes()].concat();
            return self.plain(&Burst::new(&whole));
        }
        self.plain(&Burst::new(bytes))
    }

    /// Frames what leaves before publications that wait; it counts once it is [noted](Self::note_control).
    pub(super) fn control(&self, bytes: &[u8]) -> Piece {
        #[cfg(feature = "deflate")]
        if self.gzip.is_some() {
            // What is for one reader is short, and comes seldom.
            return self.segment(&Segment::stored(bytes));
        }
        self.piece(&Burst::new(bytes))
    }

    /// Frames publications, which leave last; they count once they are [noted](Self::note_publications).
    pub(super) fn publications(&self, burst: &Burst) -> Piece {
        #[cfg(feature = "deflate")]
        if self.gzip.is_some() {
            return match burst.segment() {
                Some(segment) => self.segment(segment),
                None => self.segment(&Segment::stored(&burst.bytes())),
            };
        }
        self.piece(burst)
    }

    pub(super) fn note_control(&mut self, piece: &Piece) {
        #[cfg(not(feature = "deflate"))]
        let _ = piece;
        #[cfg(feature = "deflate")]
        if let (Some(gzip), Some(sum)) = (&mut self.gzip, piece.sum) {
            gzip.stream.add_sum(sum);
        }
    }

    pub(super) fn note_publications(&mut self, piece: &Piece) {
        #[cfg(not(feature = "deflate"))]
        let _ = piece;
        #[cfg(feature = "deflate")]
        if let Some(gzip) = &mut self.gzip {
            gzip.waiting = piece.sum;
        }
    }

    /// Notes that no publications wait.
    pub(super) fn note_taken(&mut self) {
        #[cfg(feature = "deflate")]
        if let Some(Gzip { stream, waiting }) = &mut self.gzip
            && let Some(sum) = waiting.take()
        {
            stream.add_sum(sum);
        }
    }

    /// Frames `bytes` behind all else, and ends the body.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Bytes {
        self.note_taken();
        let piece = self.control(bytes);
        self.note_control(&piece);
        let mut last = Vec::from(piece.bytes);
        #[cfg(feature = "deflate")]
        if let Some(gzip) = &self.gzip {
            last.extend_from_slice(&self.plain(&Burst::new(&gzip.stream.trailer())));
        }
        if self.framing == Framing::Chunked {
            last.extend_from_slice(LAST_CHUNK);
        }
        last.into()
    }

    fn plain(&self, burst: &Burst) -> Bytes {
        match self.framing {
            Framing::Chunked => burst.chunk().clone(),
            Framing::Bare => burst.bytes(),
        }
    }

    fn piece(&self, burst: &Burst) -> Piece {
        Piece {
            bytes: self.plain(burst),
            #[cfg(feature = "deflate")]
            sum: None,
        }
    }

    #[cfg(feature = "deflate")]
    fn segment(&self, segment: &Segment) -> Piece {
        let bytes = match self.framing {
            Framing::Chunked => segment.chunk().clone(),
            Framing::Bare => segment.bytes(),
        };
        Piece { bytes, sum: Some(segment.sum()) }
    }
}

/// Some of the body, framed.
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    #[cfg(feature = "deflate")]
    sum: Option<Sum>,
}
