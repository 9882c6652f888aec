use core::error::Error;
use core::fmt;

use super::{Config, Context};
use crate::http::coding::inflate::Inflate;
use crate::ws::CloseCode;

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
    max_message: u64,
}

/// Why a message could not be decompressed. The connection is to be failed with the [code](Self::close_code).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InflateError {
    /// The data are no deflate (RFC 1951), refer to before what there was, or do not end where the message does.
    Data,
    /// More than [`Config::max_ratio`] times as much came out as went in.
    Ratio {
        /// The limit.
        limit: u32,
    },
    /// More came out than a message may have.
    TooLong,
}

impl Inflater {
    /// Makes one for the messages that the peer compresses in `context`, none of them longer than `max_message` bytes. It is small until
    /// it is used.
    pub const fn new(context: Context, config: &Config, max_message: usize) -> Self {
        let limits = Limits {
            max_ratio: config.max_ratio,
            allowance: config.allowance as u64,
            max_message: max_message as u64,
        };
        Self { context, inflate: inflate(context), limits, taken: 0, total: 0 }
    }

    /// Decompresses some of the payload of a message, and gives what comes out to `take`, piece by piece, at most a window at a time.
    /// `is_last`: it is the end of the message; what comes next begins another one.
    ///
    /// What comes out does not depend on where the payload was cut, also before an error.
    ///
    /// # Errors
    ///
    /// When the data are malformed or a limit is passed, or what `take` returned. Nothing can be decompressed after that.
    pub fn inflate<E: From<InflateError>>(
        &mut self,
        input: &[u8],
        is_last: bool,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.run(input, &mut take)?;
        if is_last {
            self.finish()?;
        }
        Ok(())
    }

    fn run<E: From<InflateError>>(
        &mut self,
        input: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = input;
        loop {
            let run = self.inflate.run(rest).map_err(|_| InflateError::Data)?;
            rest = rest.get(run.used..).unwrap_or_default();
            self.taken = self.taken.saturating_add(run.used as u64);
            let count = self.inflate.data().len();
            self.total = self.total.saturating_add(count as u64);
            let excess = self.total.saturating_sub(self.limits.max_message);
            self.inflate.shorten(usize::try_from(excess).unwrap_or(usize::MAX));
            if !self.inflate.data().is_empty() {
                take(self.inflate.data())?;
            }
            if excess > 0 {
                return Err(InflateError::TooLong.into());
            }
            // Looked at only where what came out and what went in for it are the same wherever the input was cut.
            if self.inflate.is_full() {
                self.check_ratio()?;
            }
            self.inflate.consume(count);
            if run.done {
                // RFC 7692 §7.2.3.4: a block that says that it is the last is not the last of the message.
                self.inflate.go_on();
            } else if count == 0 && rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn finish(&mut self) -> Result<(), InflateError> {
        // A message that ends with a block, aligned, is complete without the octets that its sender was to leave off.
        if !self.inflate.is_between_blocks() {
            let run = self.inflate.run(&TAIL).map_err(|_| InflateError::Data)?;
            // RFC 7692 §7.2.1: the message ended with the header of an empty block, so these are all of the rest of it.
            let is_end = run.used == TAIL.len() && self.inflate.data().is_empty() && self.inflate.is_between_blocks();
            if !is_end {
                return Err(InflateError::Data);
            }
        }
        self.check_ratio()?;
        (self.taken, self.total) = (0, 0);
        if !self.context.takeover {
            self.inflate = inflate(self.context);
        }
        Ok(())
    }

    fn check_ratio(&self) -> Result<(), InflateError> {
        let Limits { max_ratio, allowance, .. } = self.limits;
        let most = self.taken.saturating_mul(max_ratio.into()).max(allowance);
        if self.total > most { Err(InflateError::Ratio { limit: max_ratio }) } else { Ok(()) }
    }
}

impl InflateError {
    /// Returns the code of the close frame that says so.
    ///
    /// RFC 7692 gives none. Malformed data is "not consistent with the type of the message" (RFC 6455 §7.4.1): 1007, as the `ws` of npm
    /// has it; browsers and the `websockets` of PyPI say 1002.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Data => CloseCode::INVALID_DATA,
            Self::Ratio { .. } | Self::TooLong => CloseCode::TOO_BIG,
        }
    }
}

const fn inflate(context: Context) -> Inflate {
    // zlib cannot compress in a window of 8 bits, and takes 9 where it is asked to.
    let bits = context.bits.get();
    Inflate::with_window(1 << if bits < 9 { 9 } else { bits })
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data => f.write_str("a compressed message is malformed"),
            Self::Ratio { limit } => write!(f, "a message becomes more than {limit} times as long as it was sent"),
            Self::TooLong => f.write_str("a message becomes longer than it may be"),
        }
    }
}

impl Error for InflateError {}

/// RFC 7692 §7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message."
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
