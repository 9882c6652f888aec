use super::error::Error;
use super::field::HEAD;

/// How much of a stream a [`Parser`](super::Parser) keeps.
///
/// Together they bound its memory: at most `max_line` and `max_event` and the last event ID, which was once part of an event; and, only
/// while it is lent, four times a text that is not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest line, in bytes without its end; every line counts, whether field, comment or unknown. Beyond it:
    /// [`Error::LineTooLong`]. Default 16 MiB (the standard has no limit; a 10 MiB event is in LaunchDarkly's contract tests). A value
    /// under 7 counts as 7.
    pub max_line: usize,
    /// Most bytes of one event as received: data, one for the end of each data line (so that empty ones count), event type and id.
    /// Beyond it: [`Error::EventTooLong`]. Default 16 MiB, as for a line.
    pub max_event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_line: 16 << 20, max_event: 16 << 20 }
    }
}

impl Limits {
    /// What tells the fields apart is shorter than any limit on lines.
    pub(super) fn at_least_a_head(self) -> Self {
        Self { max_line: self.max_line.max(HEAD), ..self }
    }

    /// A value so long, together with the id and the type of its event, is within all limits.
    pub(super) fn short(&self) -> usize {
        self.max_line.saturating_sub(HEAD).min(self.max_event.saturating_sub(1))
    }

    /// Returns the error of a line that breaks a limit: that of the limit which its bytes reach first, so that cuts change nothing.
    /// `head_len` is what stands before the line's value, `pending` what the event holds without it.
    pub(super) fn reached_first(&self, line_len: usize, head_len: usize, pending: usize) -> Error {
        let room = head_len.saturating_add(self.max_event.saturating_sub(pending));
        if line_len > self.max_line && self.max_line <= room {
            Error::LineTooLong { limit: self.max_line }
        } else {
            Error::EventTooLong { limit: self.max_event }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_that_the_bytes_reach_first_is_named() {
        let limits = Limits { max_line: 20, max_event: 14 };
        let (line, event) = (Error::LineTooLong { limit: 20 }, Error::EventTooLong { limit: 14 });
        assert_eq!(limits.reached_first(30, 6, 0), line);
        assert_eq!(limits.reached_first(30, 5, 0), event);
        assert_eq!(limits.reached_first(30, 6, 1), event);
        // The line is as long as it may be; its end is one byte too many for the event.
        assert_eq!(limits.reached_first(20, 6, 0), event);
    }

    #[test]
    fn no_line_is_shorter_than_what_tells_fields_apart() {
        let limits = |max_line| Limits { max_line, ..Limits::default() }.at_least_a_head();
        assert_eq!(limits(3).max_line, 7);
        assert_eq!(limits(7).max_line, 7);
        assert_eq!(limits(8).max_line, 8);
    }
}
