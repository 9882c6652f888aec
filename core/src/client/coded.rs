//! Bodies with a content coding: undone where that was asked for, else told from those without.

#[cfg(feature = "deflate")]
pub(super) use with::Coded;
#[cfg(not(feature = "deflate"))]
pub(super) use without::Coded;

/// The content has a coding that was not asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Foreign;

#[cfg(feature = "deflate")]
mod with {
    use alloc::boxed::Box;

    use super::Foreign;
    use crate::client::{Config, Reason};
    use crate::http::Fields;
    use crate::http::coding::Decoder;

    /// The body of a response, decoded as it is read.
    #[derive(Debug)]
    pub(in crate::client) struct Coded {
        decoder: Decoder,
        /// How many bytes of those that are to be read were decoded: at least one, until nothing more comes out of them.
        taken: usize,
    }

    impl Coded {
        /// Returns the decoder of a body with these fields, if it has a coding.
        pub(in crate::client) fn of(fields: &Fields, config: &Config) -> Result<Option<Box<Self>>, Foreign> {
            let decoder = Decoder::for_fields(fields, config.codings, config.coding_limits).map_err(|_| Foreign)?;
            Ok(decoder.map(|decoder| Box::new(Self { decoder, taken: 0 })))
        }

        /// Lends what comes out of `bytes` next; nothing when they are used up.
        pub(in crate::client) fn fill(&mut self, bytes: &[u8]) -> Result<&[u8], Reason> {
            if self.decoder.data().is_empty() {
                let rest = bytes.get(self.taken..).unwrap_or_default();
                self.taken += self.decoder.fill(rest).map_err(Reason::Coding)?;
            }
            Ok(self.decoder.data())
        }

        /// Notes that so much of what was lent was used.
        pub(in crate::client) fn consume(&mut self, count: usize) {
            self.decoder.consume(count);
        }

        /// Returns how many of the bytes that were to be read are done with. The last stays as long as more may come out
        /// of it, so that whoever has the bytes knows that there is something to read.
        pub(in crate::client) fn done(&mut self, more: bool) -> usize {
            let kept = usize::from(more).min(self.taken);
            let done = self.taken - kept;
            self.taken = kept;
            done
        }

        /// Notes the end of the body.
        pub(in crate::client) fn finish(&self) -> Result<(), Reason> {
            self.decoder.finish().map_err(Reason::Coding)
        }
    }
}

#[cfg(not(feature = "deflate"))]
mod without {
    use alloc::boxed::Box;

    use super::Foreign;
    use crate::client::{Config, Reason};
    use crate::http::Fields;

    /// There is none.
    #[derive(Debug)]
    pub(in crate::client) enum Coded {}

    impl Coded {
        pub(in crate::client) fn of(fields: &Fields, _config: &Config) -> Result<Option<Box<Self>>, Foreign> {
            let is_plain = |coding: &[u8]| coding.eq_ignore_ascii_case(b"identity");
            if fields.members("content-encoding").all(is_plain) { Ok(None) } else { Err(Foreign) }
        }

        pub(in crate::client) fn fill(&mut self, _bytes: &[u8]) -> Result<&[u8], Reason> {
            match *self {}
        }

        pub(in crate::client) fn consume(&mut self, _count: usize) {
            match *self {}
        }

        pub(in crate::client) fn done(&mut self, _more: bool) -> usize {
            match *self {}
        }

        pub(in crate::client) fn finish(&self) -> Result<(), Reason> {
            match *self {}
        }
    }
}
