use super::{Config, Context};
use crate::http::coding::inflate::Inflate;
use crate::ws::Error;

/// Decompresses the messages of one direction, in pieces as they come.
///
/// It holds a window and tables, some 11 KiB and 2^bits bytes, from the first byte of a compressed message on: until its end, or, with
/// [`takeover`](Context::takeover), until the connection's.
#[derive(Debug)]
pub struct Inflater {
    context: Context,
    inflate: Inflate,
    limits: Limits,
    /// How many bytes of the message went in, and came out.
    taken: u64,
    total: u64,
}

#[derive(Debug)]
struct Limits {
    max_ratio: u32,
    allowance: u64,
    max_message: usize,
}

impl Inflater {
    /// Makes one for the messages that the peer compresses in `context`, none of them longer than `max_message` bytes. It is small until
    /// it is used.
    pub const fn new(context: Context, config: &Config, max_message: usize) -> Self {
        let limits = Limits { max_ratio: config.max_ratio, allowance: config.allowance as u64, max_message };
        Self { context, inflate: inflate(context), limits, taken: 0, total: 0 }
    }

    /// Decompresses some of the payload of a message, and gives what comes out to `take`, piece by piece, at most a window at a time.
    /// `is_last`: it is the end of the message; what comes next begins another one.
    ///
    /// What comes out does not depend on where the payload was cut, also before an error.
    ///
    /// # Errors
    ///
    /// [`Error::Compression`] when the data are no deflate (RFC 1951), refer to before what there was, or do not end where the message does;
    /// [`Error::Ratio`], [`Error::MessageTooLong`]; what `take` returned. Nothing can be decompressed after that.
    pub fn inflate(
        &mut self,
        input: &[u8],
        is_last: bool,
        mut take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.run(input, &mut take)?;
        if is_last {
            self.finish()?;
        }
        Ok(())
    }

    fn run(&mut self, input: &[u8], take: &mut impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut rest = input;
        loop {
            let run = self.inflate.run(rest).map_err(|_| Error::Compression)?;
            rest = rest.get(run.used..).unwrap_or_default();
            self.taken = self.taken.saturating_add(run.used as u64);
            let count = self.inflate.data().len();
            self.total = self.total.saturating_add(count as u64);
            let excess = self.total.saturating_sub(self.limits.max_message as u64);
            self.inflate.shorten(usize::try_from(excess).unwrap_or(usize::MAX));
            if !self.inflate.data().is_empty() {
                take(self.inflate.data())?;
            }
            if excess > 0 {
                return Err(Error::MessageTooLong { limit: self.limits.max_message });
            }
            // Looked at only where what came out and what went in for it are the same wherever the input was cut.
            if self.inflate.is_full() {
                self.check_ratio()?;
            }
            self.inflate.consume(count);
            if run.done {
                // RFC 7692 §7.2.3.4: a block that says that it is the last is not the last of the message.
                self.inflate.go_on();
            } else if count == 0 && run.used == 0 {
                return if rest.is_empty() { Ok(()) } else { Err(Error::Compression) };
            }
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        // A message that ends with a block, aligned, is complete without the octets that its sender was to leave off.
        if !self.inflate.is_between_blocks() {
            let run = self.inflate.run(&TAIL).map_err(|_| Error::Compression)?;
            // RFC 7692 §7.2.1: the message ended with the header of an empty block, so these are all of the rest of it.
            let is_end = run.used == TAIL.len() && self.inflate.data().is_empty() && self.inflate.is_between_blocks();
            if !is_end {
                return Err(Error::Compression);
            }
        }
        self.check_ratio()?;
        (self.taken, self.total) = (0, 0);
        if !self.context.takeover {
            self.inflate = inflate(self.context);
        }
        Ok(())
    }

    fn check_ratio(&self) -> Result<(), Error> {
        let Limits { max_ratio, allowance, .. } = self.limits;
        let most = self.taken.saturating_mul(max_ratio.into()).max(allowance);
        if self.total > most { Err(Error::Ratio { limit: max_ratio }) } else { Ok(()) }
    }
}

const fn inflate(context: Context) -> Inflate {
    // zlib cannot compress in a window of 8 bits, and takes 9 where it is asked to.
    let bits = context.bits.get();
    Inflate::with_window(1 << if bits < 9 { 9 } else { bits })
}

/// RFC 7692 §7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message."
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
