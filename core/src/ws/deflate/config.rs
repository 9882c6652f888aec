/// Whether and how the messages of a connection are compressed (RFC 7692).
///
/// What one connection costs in memory stands in the [module](super).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How this end may compress what it sends, if the peer agrees; what the peer asks for may be less. Default
    /// [`Context::ALONE`].
    pub send: Context,
    /// How the peer is asked to compress what this end receives. Default [`Context::ALONE`]: nothing is held between messages.
    ///
    /// A server cannot have fewer bits of a client that does not offer to use fewer (RFC 7692 §7.1.2.2): it has 15 then.
    pub receive: Context,
    /// Level of compression: 1 is the fastest, 9 the smallest. Default 6, as zlib's.
    pub level: u8,
    /// A message that is shorter, in bytes, is sent as it is. Default 1,024: without what came before, less hardly becomes shorter.
    /// With [`takeover`](Context::takeover) 64 is a better choice.
    pub min_len: usize,
    /// How many bytes may come out for each that went into one message; more is 1009. Default 200; deflate reaches 1032, text
    /// hardly 30.
    pub max_ratio: u32,
    /// How many bytes of a message may come out whatever went in. Default 1 MiB. What a message may be at most is
    /// [`max_message`](crate::ws::Limits::max_message), compressed or not.
    pub allowance: usize,
}

/// How the messages of one direction are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Context {
    /// Whether a message may refer to those before it: better compression of short ones, for memory that both ends hold as long as the
    /// connection is open (RFC 7692 §7.1.1).
    pub takeover: bool,
    /// How far back it may refer (RFC 7692 §7.1.2).
    pub bits: WindowBits,
}

/// The base-2 logarithm of the size of a window, 8 to 15: 256 bytes to 32 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl Default for Config {
    fn default() -> Self {
        Self {
            send: Context::ALONE,
            receive: Context::ALONE,
            level: 6,
            min_len: 1024,
            max_ratio: 200,
            allowance: 1 << 20,
        }
    }
}

impl Context {
    /// Each message by itself, in the largest window.
    pub const ALONE: Self = Self { takeover: false, bits: WindowBits::MAX };
    /// Messages refer to those before them, in the largest window: what there is if nothing else is agreed on.
    pub const SHARED: Self = Self { takeover: true, bits: WindowBits::MAX };
}

impl WindowBits {
    /// 256 bytes.
    pub const MIN: Self = Self(8);
    /// 32 KiB.
    pub const MAX: Self = Self(15);

    /// Returns the number, if it is one of 8 to 15.
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// Returns the number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Returns the size of the window, in bytes.
    pub const fn window(self) -> usize {
        1 << self.0
    }

    /// Reads a number. RFC 7692 §7.1.2.1: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_plain).and_then(Self::new)
    }
}

impl Default for WindowBits {
    fn default() -> Self {
        Self::MAX
    }
}
