//! Writing the format: everything is appended to a buffer of the caller's, so that a batch is one buffer.

use alloc::vec::Vec;
use core::time::Duration;

use memchr::{memchr2, memchr2_iter};

use super::{Event, EventId, EventName, Item, MessageRef};

/// Appends a message, with a new reconnection time if there is one: `id`, `event`, `retry`, `data` and a blank line.
///
/// Every field stands as name, colon, one space, value. Each line of the data is a `data` line; data that is empty is one line,
/// `data: `. A message that names no event type has no `event` line, one without an id of its own no `id` line; an empty id is
/// written, since it resets the reader's last event ID.
///
/// ```
/// use tidewire_core::sse::{self, EventName, Message};
///
/// let mut message = Message::new("two\r\nlines");
/// message.set_event(EventName::new("greeting")?);
/// let mut out = Vec::new();
/// sse::encode(message.as_ref(), None, &mut out);
/// assert_eq!(out, b"event: greeting\ndata: two\ndata: lines\n\n");
/// # Ok::<(), sse::NameError>(())
/// ```
#[inline]
pub fn encode(message: MessageRef<'_>, retry: Option<Duration>, out: &mut Vec<u8>) {
    write(message.own_id(), message.raw_event_type(), retry, message.data(), out);
}

/// Returns how many bytes [`encode`] appends, exactly.
pub fn encoded_len(message: MessageRef<'_>, retry: Option<Duration>) -> usize {
    len(message.own_id(), message.raw_event_type(), retry, message.data())
}

/// Appends a comment: each line of the text (LF, CR or CRLF ends one) as a line behind a colon, with no space between.
///
/// No blank line follows: a comment stands between events as well as inside one, and surfaces at the end of its line.
pub fn encode_comment(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + b":\n".len());
    lines(b":", text.as_bytes(), out);
}

/// Returns how many bytes [`encode_comment`] appends, exactly.
pub fn encoded_comment_len(text: &str) -> usize {
    lines_len(b":", text.as_bytes())
}

/// Appends a new reconnection time and a blank line, so that readers that wait for one see it, too.
///
/// The format knows milliseconds: a part of one counts as a whole, so that no wait becomes none, and `u64::MAX` of them is the most.
pub fn encode_retry(time: Duration, out: &mut Vec<u8>) {
    retry_line(time, out);
    out.push(b'\n');
}

/// Appends any field, known or not: `name: value`, one line for each line of the value (LF, CR or CRLF ends one).
///
/// The name cannot break out of its line: CR and LF in it become a space, a colon becomes `=`. For messages take [`encode`]; this is for
/// fields of one's own, and for the tests of others' readers. No blank line follows.
pub fn encode_field(name: &str, value: &str, out: &mut Vec<u8>) {
    let safe = |byte| match byte {
        b'\r' | b'\n' => b' ',
        b':' => b'=',
        byte => byte,
    };
    let prefix: Vec<u8> = name.bytes().map(safe).chain(*b": ").collect();
    lines(&prefix, value.as_bytes(), out);
}

/// A message in its parts, for those who have it in parts.
///
/// ```
/// use tidewire_core::sse::{EventId, Fields};
///
/// let id = EventId::new("7")?;
/// let mut out = Vec::new();
/// Fields { id: Some(&id), data: "hello", ..Fields::default() }.encode(&mut out);
/// assert_eq!(out, b"id: 7\ndata: hello\n\n");
/// # Ok::<(), tidewire_core::sse::NameError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// The id; an empty one resets the reader's last event ID.
    pub id: Option<&'a EventId<'a>>,
    /// The event type; none reads as `message`.
    pub event: Option<&'a EventName<'a>>,
    /// A new reconnection time: see [`encode_retry`].
    pub retry: Option<Duration>,
    /// The data; LF, CR and CRLF alike end a line of it, and read as LF.
    pub data: &'a str,
}

impl Fields<'_> {
    /// Appends the message, as [`encode`] does.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        write(self.id.map(EventId::as_str), self.event.map(EventName::as_str), self.retry, self.data, out);
    }

    /// Returns how many bytes [`Fields::encode`] appends, exactly.
    pub fn encoded_len(&self) -> usize {
        len(self.id.map(EventId::as_str), self.event.map(EventName::as_str), self.retry, self.data)
    }
}

impl Item<'_> {
    /// Appends what reads as this item: see [`encode`], [`encode_comment`] and [`encode_retry`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Message(message) => encode(*message, None, out),
            Self::Comment(text) => encode_comment(text, out),
            Self::Retry(time) => encode_retry(*time, out),
        }
    }
}

impl Event {
    /// Appends what reads as this event: see [`encode`], [`encode_comment`] and [`encode_retry`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Message(message) => encode(message.as_ref(), None, out),
            Self::Comment(text) => encode_comment(text, out),
            Self::Retry(time) => encode_retry(*time, out),
        }
    }
}

/// `id` and `event` have no line end in them: they come of a parser or of checked types.
#[inline]
fn write(id: Option<&str>, event: Option<&str>, retry: Option<Duration>, data: &str, out: &mut Vec<u8>) {
    // Enough for one line of data; who has many, and wants one allocation, asks for the length before.
    out.reserve(head_len(id, event, retry) + b"data: ".len() + data.len() + b"\n\n".len());
    if let Some(id) = id {
        line(b"id: ", id, out);
    }
    if let Some(event) = event {
        line(b"event: ", event, out);
    }
    if let Some(time) = retry {
        retry_line(time, out);
    }
    lines(b"data: ", data.as_bytes(), out);
    out.push(b'\n');
}

fn len(id: Option<&str>, event: Option<&str>, retry: Option<Duration>, data: &str) -> usize {
    head_len(id, event, retry) + lines_len(b"data: ", data.as_bytes()) + b"\n".len()
}

/// Returns the bytes of the lines before the data.
#[inline]
fn head_len(id: Option<&str>, event: Option<&str>, retry: Option<Duration>) -> usize {
    id.map_or(0, |id| b"id: \n".len() + id.len())
        + event.map_or(0, |event| b"event: \n".len() + event.len())
        + retry.map_or(0, |time| b"retry: \n".len() + digits(millis(time)))
}

#[inline]
fn line(prefix: &[u8], value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(prefix);
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

#[inline]
pub(super) fn lines(prefix: &[u8], mut text: &[u8], out: &mut Vec<u8>) {
    loop {
        let end = memchr2(b'\n', b'\r', text).unwrap_or(text.len());
        let (line, rest) = text.split_at_checked(end).unwrap_or_default();
        out.extend_from_slice(prefix);
        out.extend_from_slice(line);
        out.push(b'\n');
        text = match rest {
            [] => return,
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
        };
    }
}

fn lines_len(prefix: &[u8], text: &[u8]) -> usize {
    // A CRLF ends one line, with its LF.
    let ends =
        memchr2_iter(b'\n', b'\r', text).filter(|&at| !text.get(at..).unwrap_or_default().starts_with(b"\r\n")).count();
    let pairs = memchr2_iter(b'\n', b'\r', text).count() - ends;
    (ends + 1) * (prefix.len() + 1) + text.len() - ends - pairs
}

pub(super) fn retry_line(time: Duration, out: &mut Vec<u8>) {
    let mut millis = millis(time);
    out.extend_from_slice(b"retry: ");
    let start = out.len();
    loop {
        out.push(b'0' + (millis % 10) as u8);
        millis /= 10;
        if millis == 0 {
            break;
        }
    }
    out.get_mut(start..).unwrap_or_default().reverse();
    out.push(b'\n');
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}
