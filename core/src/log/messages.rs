use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::quote::quote;
#[cfg(feature = "deflate")]
use crate::ws::deflate::{Compressor, Context, WindowBits};
use crate::ws::{FrameHeader, Opcode, encode_frame};

/// A burst of events as messages of WebSocket: the frames of a server, one behind the other, for one write.
///
/// Each block of the stream is a text message, a JSON object of its fields in this order, those that it has:
///
/// ```text
/// {"id":"1-2","event":"trade","retry":1000,"data":"The tide is high"}
/// ```
///
/// They mean what they mean in an event stream (HTML §9.2.6): an object with `data` is an event, of the type `message` without `event`;
/// one without only sets the last event ID or the reconnection time. `data` is always a string, the lines of the event with LF between
/// them. Comments are not sent: pings keep the connection alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    frames: Bytes,
    count: usize,
    #[cfg(feature = "deflate")]
    compressed: Compressed,
}

#[cfg(feature = "deflate")]
#[derive(Clone, Debug, PartialEq, Eq)]
enum Compressed {
    NotTried,
    /// None of them is smaller.
    No,
    Frames(Bytes, WindowBits),
}

impl Messages {
    /// Makes messages of whole events; what is not UTF-8 is replaced, as a reader of the event stream does, and an event without its
    /// blank line is left out.
    pub fn of(events: &[u8]) -> Self {
        let (mut frames, mut count) = (Vec::new(), 0);
        for_each(events, |message| {
            encode_frame(FrameHeader::new(Opcode::Text, 0), message.as_bytes(), &mut frames);
            count += 1;
        });
        Self {
            frames: frames.into(),
            count,
            #[cfg(feature = "deflate")]
            compressed: Compressed::NotTried,
        }
    }

    /// Tells whether it was not tried to compress them.
    #[cfg(feature = "deflate")]
    pub(super) fn is_plain(&self) -> bool {
        self.compressed == Compressed::NotTried
    }

    /// Compresses those messages that become smaller, each alone.
    #[cfg(feature = "deflate")]
    pub(super) fn compress(&mut self, compressor: &mut Compressor) {
        self.compressed = Compressed::No;
        let (mut frames, mut rest) = (Vec::new(), &self.frames[..]);
        let mut is_any = false;
        let mut small = Vec::new();
        // They are our own, so each is whole.
        while let Ok(Some((header, at))) = FrameHeader::decode(rest) {
            let end = at.saturating_add(header.len as usize);
            let Some(payload) = rest.get(at..end) else { break };
            small.clear();
            let compressed = compressor.compress(payload, &mut small);
            is_any |= compressed;
            let payload = if compressed { &small } else { payload };
            encode_frame(FrameHeader { compressed, ..header }, payload, &mut frames);
            rest = rest.get(end..).unwrap_or_default();
        }
        if is_any {
            self.compressed = Compressed::Frames(frames.into(), compressor.bits());
        }
    }

    /// Returns the frames, not compressed.
    pub const fn frames(&self) -> &Bytes {
        &self.frames
    }

    /// Returns the frames with those compressed that become smaller, if there are any and a connection takes them on which a server
    /// compresses in `context`.
    #[cfg(feature = "deflate")]
    pub fn compressed_frames(&self, context: Context) -> Option<&Bytes> {
        match &self.compressed {
            Compressed::Frames(frames, bits) if *bits <= context.bits => Some(frames),
            _ => None,
        }
    }

    /// Returns how many messages there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Tells whether there are none: comments alone.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// The fields of one block.
#[derive(Default)]
struct Block<'a> {
    id: Option<Cow<'a, str>>,
    event: Option<Cow<'a, str>>,
    retry: Option<&'a str>,
    data: Option<String>,
}

/// Gives each block of an event stream as a JSON object.
fn for_each(events: &[u8], mut give: impl FnMut(&str)) {
    let mut block = Block::default();
    let mut rest = events;
    let mut object = String::new();
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        if !line.is_empty() {
            block.read(line);
            continue;
        }
        object.clear();
        if core::mem::take(&mut block).write(&mut object) {
            give(&object);
        }
    }
}

/// Returns the first line and what follows its end (HTML §9.2.5: CRLF, LF or CR).
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr2(b'\n', b'\r', bytes)?;
    let (line, rest) = bytes.split_at_checked(at)?;
    let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
    Some((line, rest))
}

impl<'a> Block<'a> {
    /// Reads a field as HTML §9.2.6 has it.
    fn read(&mut self, line: &'a [u8]) {
        let at = memchr::memchr(b':', line).unwrap_or(line.len());
        let (name, value) = line.split_at_checked(at).unwrap_or((line, &[]));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"id" if !value.contains(&0) => self.id = Some(String::from_utf8_lossy(value)),
            b"event" => self.event = Some(String::from_utf8_lossy(value)),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                self.retry = str::from_utf8(value).ok();
            }
            b"data" => {
                let data = match &mut self.data {
                    Some(data) => {
                        data.push('\n');
                        data
                    }
                    none => none.insert(String::new()),
                };
                data.push_str(&String::from_utf8_lossy(value));
            }
            _ => {}
        }
    }

    /// Appends the object; `false`: nothing is left to tell.
    fn write(self, out: &mut String) -> bool {
        let Self { id, event, retry, data } = self;
        // HTML §9.2.6: an event without data is none, and without a type it is a `message`.
        let event = event.filter(|event| data.is_some() && !event.is_empty());
        if id.is_none() && retry.is_none() && data.is_none() {
            return false;
        }
        // JSON has no zeros before a number.
        let retry = retry.map(|digits| match digits.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        });
        for (name, text) in [("id", id), ("event", event)] {
            if let Some(text) = text {
                begin(name, out);
                quote(&text, out);
            }
        }
        if let Some(retry) = retry {
            begin("retry", out);
            out.push_str(retry);
        }
        if let Some(data) = data {
            begin("data", out);
            quote(&data, out);
        }
        out.push('}');
        true
    }
}

fn begin(name: &str, out: &mut String) {
    out.extend([if out.is_empty() { "{\"" } else { ",\"" }, name, "\":"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(events: &str) -> Vec<String> {
        let mut objects = Vec::new();
        for_each(events.as_bytes(), |object| objects.push(object.into()));
        objects
    }

    #[test]
    fn a_block_is_an_object_of_its_fields() {
        assert_eq!(
            objects("id: 1-2\nevent: trade\ndata: a\ndata:  \"b\"\n\n"),
            [r#"{"id":"1-2","event":"trade","data":"a\u000a \"b\""}"#]
        );
        assert_eq!(
            objects("data\n\ndata:\n\n: c\n\nretry: 007\nid\n\n"),
            [r#"{"data":""}"#, r#"{"data":""}"#, r#"{"id":"","retry":7}"#]
        );
        assert_eq!(objects("event: x\nretry: 1s\nid: \0\nother: 1\n\ndata: not whole\n"), [""; 0]);
        assert_eq!(
            objects("\u{feff}data: 1\r\rdata: 2\r\n\r\nevent:\ndata: 3\n\n"),
            [r#"{"data":"2"}"#, r#"{"data":"3"}"#]
        );
        assert_eq!(objects("event: x\nid: 1\n\n"), [r#"{"id":"1"}"#]);
    }

    #[test]
    fn frames_stand_one_behind_the_other() {
        let messages = Messages::of(b"data: 1\n\n: c\n\ndata: 2\n\n");
        assert_eq!(messages.frames()[..], *b"\x81\x0c{\"data\":\"1\"}\x81\x0c{\"data\":\"2\"}");
        assert_eq!((messages.len(), Messages::of(b": c\n").is_empty()), (2, true));
    }
}
