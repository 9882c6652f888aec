use core::fmt;

/// A set of statuses that are tried again instead of ending it all.
///
/// Looked at where the answer is not the stream. A 200 in the set stands for an answer that is no event stream, 204 for the
/// request not to come back, one of a redirect for a redirect that cannot be followed.
///
/// ```
/// use tidewire_core::client::RetryStatus;
///
/// const MINE: RetryStatus = RetryStatus::TRANSIENT.with(404).without(500);
/// assert!(MINE.contains(404) && MINE.contains(503) && !MINE.contains(500));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RetryStatus([u128; WORDS as usize]);

impl RetryStatus {
    /// None: what a browser does, and the default.
    // HTML §9.2.2: "if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then fail the
    // connection."
    pub const NEVER: Self = Self([0; WORDS as usize]);

    /// Those that pass: 408, 425, 429 and 5xx except 501 and 505.
    pub const TRANSIENT: Self =
        Self::NEVER.with(408).with(425).with(429).with_range(500, 599).without(501).without(505);

    /// Those that APIs of language models mean to pass: 408, 409, 429 and 5xx.
    pub const LLM: Self = Self::NEVER.with(408).with(409).with(429).with_range(500, 599);

    /// Every one but 204.
    // HTML §9.2.1: "a client can be told to stop reconnecting using the HTTP 204 No Content response code."
    pub const ALL: Self = Self::NEVER.with_range(FIRST, LAST).without(204);

    /// Returns the set and `status`; one outside of 100 to 599 counts as 500.
    // RFC 9110 §15: "A client that receives a response with a status code outside the range of 100..599 (inclusive) SHOULD
    // process the response as if it had a 5xx (Server Error) status code."
    pub const fn with(self, status: u16) -> Self {
        let [a, b, c, d] = self.0;
        Self([a | mask(0, status), b | mask(1, status), c | mask(2, status), d | mask(3, status)])
    }

    /// Returns the set and all statuses from `first` to `last`, both of them too.
    pub const fn with_range(self, first: u16, last: u16) -> Self {
        let (mut set, mut status) = (self, first);
        while status <= last && status <= LAST {
            set = set.with(status);
            status += 1;
        }
        set
    }

    /// Returns the set without `status`.
    pub const fn without(self, status: u16) -> Self {
        let [a, b, c, d] = self.0;
        Self([a & !mask(0, status), b & !mask(1, status), c & !mask(2, status), d & !mask(3, status)])
    }

    /// Returns the set without all statuses from `first` to `last`, both of them too.
    pub const fn without_range(self, first: u16, last: u16) -> Self {
        let (mut set, mut status) = (self, first);
        while status <= last && status <= LAST {
            set = set.without(status);
            status += 1;
        }
        set
    }

    /// Returns whether a response with `status` is tried again.
    pub const fn contains(self, status: u16) -> bool {
        let [a, b, c, d] = self.0;
        (a & mask(0, status)) | (b & mask(1, status)) | (c & mask(2, status)) | (d & mask(3, status)) != 0
    }
}

impl Default for RetryStatus {
    fn default() -> Self {
        Self::NEVER
    }
}

/// The statuses, those in a row as a range.
impl fmt::Debug for RetryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        let mut start = None;
        for status in FIRST..=LAST + 1 {
            match (start, status <= LAST && self.contains(status)) {
                (None, true) => start = Some(status),
                (Some(first), false) => {
                    if first == status - 1 {
                        list.entry(&first)
                    } else {
                        list.entry(&(first..=status - 1))
                    };
                    start = None;
                }
                _ => {}
            }
        }
        list.finish()
    }
}

/// Returns the bit of `status` in the `word`th word.
const fn mask(word: u16, status: u16) -> u128 {
    let status = if status < FIRST || status > LAST { 500 } else { status };
    let at = status - FIRST;
    if at / 128 == word { 1 << (at % 128) } else { 0 }
}

/// RFC 9110 §15: "All valid status codes are within the range of 100 to 599, inclusive."
const FIRST: u16 = 100;
const LAST: u16 = 599;
/// So many words of 128 bits hold them.
const WORDS: u16 = (LAST - FIRST) / 128 + 1;

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_status_is_in_the_set_from_with_to_without() {
        for status in FIRST..=LAST {
            let one = RetryStatus::NEVER.with(status);
            let found: Vec<u16> = (FIRST..=LAST).filter(|&other| one.contains(other)).collect();
            assert_eq!(found, [status]);
            assert_eq!(one.without(status), RetryStatus::NEVER);
        }
    }

    #[test]
    fn the_named_sets_are_what_they_say() {
        for status in FIRST..=LAST {
            assert!(!RetryStatus::NEVER.contains(status));
            assert_eq!(RetryStatus::ALL.contains(status), status != 204);
            let server = (500..=599).contains(&status);
            assert_eq!(RetryStatus::LLM.contains(status), server || [408, 409, 429].contains(&status), "{status}");
            let transient = (server && status != 501 && status != 505) || [408, 425, 429].contains(&status);
            assert_eq!(RetryStatus::TRANSIENT.contains(status), transient, "{status}");
        }
    }

    #[test]
    fn ranges_end_where_they_say_and_an_empty_one_is_nothing() {
        let set = RetryStatus::NEVER.with_range(400, 404).without_range(401, 402);
        assert_eq!(format!("{set:?}"), "[400, 403..=404]");
        assert_eq!(RetryStatus::NEVER.with_range(404, 400), RetryStatus::NEVER);
        assert_eq!(RetryStatus::ALL.with(204).without_range(100, u16::MAX), RetryStatus::NEVER);
        assert_eq!(format!("{:?}", RetryStatus::ALL), "[100..=203, 205..=599]");
    }

    #[test]
    fn an_invalid_status_counts_as_500() {
        for status in [0, 99, 600, 999, u16::MAX] {
            assert!(RetryStatus::TRANSIENT.contains(status));
            assert!(!RetryStatus::TRANSIENT.without(500).contains(status));
        }
    }
}
