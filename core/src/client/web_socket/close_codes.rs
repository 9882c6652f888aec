use core::fmt;

/// A set of close codes after which a client comes back.
///
/// Besides the codes that may stand in a close frame there are the two that stand for the lack of one (RFC 6455 §7.4.1): 1005 for
/// a close frame without a code, 1006 for a connection that was lost without a close frame, or whose peer answered no ping.
///
/// ```
/// use tidewire_core::client::CloseCodes;
///
/// const MINE: CloseCodes = CloseCodes::TRANSIENT.with(1000).with_range(4000, 4099).without(1011);
/// assert!(MINE.contains(1000) && MINE.contains(4007) && !MINE.contains(1011));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCodes {
    /// 1000 to 1015.
    standard: u16,
    /// 3000 to 4999.
    others: [u128; WORDS],
}

impl CloseCodes {
    /// None: whatever ends the connection ends it all.
    pub const NEVER: Self = Self { standard: 0, others: [0; WORDS] };

    /// Those after which a later connection may be another one: 1001 (going away), 1005 (none given), 1006 (lost), 1011 (internal
    /// error), 1012 (restart), 1013 (try again later) and 1014 (bad gateway). The default.
    // Registered at IANA, 1012 "Service Restart", 1013 "Try Again Later", 1014: "The server was acting as a gateway or proxy and
    // received an invalid response from the upstream server." The rest says that all is said (1000), that this client is at fault
    // (1002, 1003, 1007, 1008, 1009, 1010), or what only the application knows (3000 to 4999).
    pub const TRANSIENT: Self = Self::NEVER.with(1001).with(1005).with(1006).with_range(1011, 1014);

    /// Every one.
    pub const ALL: Self = Self::NEVER.with_range(1000, 1015).with_range(3000, 4999);

    /// Returns the set and `code`; one that is none (RFC 6455 §7.4.2) is left out.
    pub const fn with(mut self, code: u16) -> Self {
        match place(code) {
            Place::Standard(bit) => self.standard |= bit,
            Place::Other(word, bit) => self.others = put(self.others, word, bit, true),
            Place::None => {}
        }
        self
    }

    /// Returns the set and all codes from `first` to `last`, both of them too.
    pub const fn with_range(self, first: u16, last: u16) -> Self {
        let (mut set, mut code) = (self, first);
        while code <= last && code <= LAST {
            set = set.with(code);
            code += 1;
        }
        set
    }

    /// Returns the set without `code`.
    pub const fn without(mut self, code: u16) -> Self {
        match place(code) {
            Place::Standard(bit) => self.standard &= !bit,
            Place::Other(word, bit) => self.others = put(self.others, word, bit, false),
            Place::None => {}
        }
        self
    }

    /// Returns the set without all codes from `first` to `last`, both of them too.
    pub const fn without_range(self, first: u16, last: u16) -> Self {
        let (mut set, mut code) = (self, first);
        while code <= last && code <= LAST {
            set = set.without(code);
            code += 1;
        }
        set
    }

    /// Returns whether the client comes back after `code`.
    pub fn contains(&self, code: u16) -> bool {
        match place(code) {
            Place::Standard(bit) => self.standard & bit != 0,
            Place::Other(word, bit) => self.others.get(word).is_some_and(|bits| bits & bit != 0),
            Place::None => false,
        }
    }
}

impl Default for CloseCodes {
    fn default() -> Self {
        Self::TRANSIENT
    }
}

/// The codes, those in a row as a range.
impl fmt::Debug for CloseCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        let mut start = None;
        for code in FIRST..=LAST + 1 {
            match (start, self.contains(code)) {
                (None, true) => start = Some(code),
                (Some(first), false) => {
                    if first == code - 1 {
                        list.entry(&first)
                    } else {
                        list.entry(&(first..=code - 1))
                    };
                    start = None;
                }
                _ => {}
            }
        }
        list.finish()
    }
}

/// Where a code is kept.
enum Place {
    Standard(u16),
    Other(usize, u128),
    None,
}

const fn place(code: u16) -> Place {
    match code {
        FIRST..=1015 => Place::Standard(1 << (code - FIRST)),
        OTHERS..=LAST => {
            let at = code - OTHERS;
            Place::Other((at / 128) as usize, 1 << (at % 128))
        }
        _ => Place::None,
    }
}

/// Sets or clears one bit of one word.
const fn put(words: [u128; WORDS], word: usize, bit: u128, set: bool) -> [u128; WORDS] {
    let mut out = words;
    let mut rest: &mut [u128] = &mut out;
    let mut left = word;
    while let [first, behind @ ..] = rest {
        if left == 0 {
            *first = if set { *first | bit } else { *first & !bit };
            break;
        }
        left -= 1;
        rest = behind;
    }
    out
}

/// RFC 6455 §7.4.2: "Status codes in the range 0-999 are not used."
const FIRST: u16 = 1000;
/// RFC 6455 §7.4.2: 3000 to 3999 for libraries, frameworks and applications, 4000 to 4999 for private use.
const OTHERS: u16 = 3000;
const LAST: u16 = 4999;
const WORDS: usize = ((LAST - OTHERS) / 128 + 1) as usize;

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_code_is_in_the_set_from_with_to_without() {
        for code in (FIRST..=1015).chain((OTHERS..=LAST).step_by(37)).chain([LAST]) {
            let one = CloseCodes::NEVER.with(code);
            let found: Vec<u16> = (0..=u16::MAX).filter(|&other| one.contains(other)).collect();
            assert_eq!(found, [code]);
            assert_eq!(one.without(code), CloseCodes::NEVER);
        }
    }

    #[test]
    fn what_is_no_code_is_never_in_the_set() {
        for code in [0, 999, 1016, 2000, 2999, 5000, u16::MAX] {
            assert_eq!(CloseCodes::NEVER.with(code), CloseCodes::NEVER);
            assert_eq!(CloseCodes::ALL.without(code), CloseCodes::ALL);
            assert!(!CloseCodes::ALL.contains(code));
        }
    }

    #[test]
    fn sets_show_their_ranges() {
        assert_eq!(format!("{:?}", CloseCodes::default()), "[1001, 1005..=1006, 1011..=1014]");
        assert_eq!(format!("{:?}", CloseCodes::ALL), "[1000..=1015, 3000..=4999]");
        assert_eq!(format!("{:?}", CloseCodes::ALL.without_range(1001, 4998)), "[1000, 4999]");
        assert_eq!(CloseCodes::ALL.without_range(0, u16::MAX), CloseCodes::NEVER);
        assert_eq!(CloseCodes::NEVER.with_range(1005, 1004), CloseCodes::NEVER);
    }
}
