//! A second reader of event streams, written for clarity from the text of two standards: HTML §9.2 and Encoding §4.8, §8.1.1. It
//! takes a whole stream at once and shares no code with the core, so that where the two agree, both are right.

/// What a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A message.
    Message {
        /// `message` if it named none.
        event_type: String,
        /// The lines of data, joined by LF.
        data: String,
        /// The id that the message itself brought.
        own_id: Option<String>,
        /// The last event ID of the stream at this message.
        last_event_id: String,
    },
    /// The text of a comment line.
    Comment(String),
    /// A reconnection time in milliseconds.
    Retry(u64),
}

/// What came of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// In order.
    pub events: Vec<Told>,
    /// What a client would reconnect with.
    pub last_event_id: String,
    /// Whether the stream ended inside a line or an event.
    pub unfinished: bool,
}

/// Reads a whole stream. `last_event_id` is that of an earlier stream.
pub fn parse(stream: &[u8], last_event_id: &str) -> Outcome {
    let text = utf8_decode(stream);
    let (lines, rest) = split_lines(&text);
    let mut reader = Reader {
        events: Vec::new(),
        data_buffer: String::new(),
        event_type_buffer: String::new(),
        last_event_id_buffer: last_event_id.to_string(),
        last_event_id: last_event_id.to_string(),
        brought_id: false,
    };
    for line in lines {
        reader.process_line(&line);
    }
    // "Once the end of the file is reached, any pending data must be discarded. (If the file ends in the middle of an event, before the
    // final empty line, the incomplete event is not dispatched.)"
    let pending = !reader.data_buffer.is_empty() || !reader.event_type_buffer.is_empty() || reader.brought_id;
    Outcome { events: reader.events, last_event_id: reader.last_event_id, unfinished: pending || !rest.is_empty() }
}

struct Reader {
    events: Vec<Told>,
    data_buffer: String,
    event_type_buffer: String,
    last_event_id_buffer: String,
    last_event_id: String,
    /// Whether this event set the last event ID buffer.
    brought_id: bool,
}

impl Reader {
    fn process_line(&mut self, line: &str) {
        if line.is_empty() {
            // "If the line is empty (a blank line): Dispatch the event, as defined below."
            self.dispatch();
        } else if let Some(comment) = line.strip_prefix(':') {
            // "If the line starts with a U+003A COLON character (:): Ignore the line."
            self.events.push(Told::Comment(comment.to_string()));
        } else if let Some((field, value)) = line.split_once(':') {
            // "Collect the characters on the line before the first U+003A COLON character (:), and let field be that string. Collect the
            // characters on the line after the first U+003A COLON character (:), and let value be that string. If value starts with a
            // U+0020 SPACE character, remove it from value."
            let value = if let Some(value) = value.strip_prefix(' ') { value } else { value };
            self.process_field(field, value);
        } else {
            // "Otherwise, the string is not empty but does not contain a U+003A COLON character (:): Process the field using the steps
            // described below, using the whole line as the field name, and the empty string as the field value."
            self.process_field(line, "");
        }
    }

    fn process_field(&mut self, field: &str, value: &str) {
        match field {
            // "Set the event type buffer to field value."
            "event" => self.event_type_buffer = value.to_string(),
            // "Append the field value to the data buffer, then append a single U+000A LINE FEED (LF) character to the data buffer."
            "data" => {
                self.data_buffer.push_str(value);
                self.data_buffer.push('\n');
            }
            // "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value. Otherwise, ignore
            // the field."
            "id" if value.contains('\0') => {}
            "id" => {
                self.last_event_id_buffer = value.to_string();
                self.brought_id = true;
            }
            // "If the field value consists of only ASCII digits, then interpret the field value as an integer in base ten, and set the
            // event stream's reconnection time to that integer. Otherwise, ignore the field."
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                self.events.push(Told::Retry(value.parse().unwrap_or(u64::MAX)));
            }
            // "Otherwise: The field is ignored."
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        // "Set the last event ID string of the event source to the value of the last event ID buffer."
        self.last_event_id = self.last_event_id_buffer.clone();
        let own_id = if self.brought_id { Some(self.last_event_id.clone()) } else { None };
        self.brought_id = false;

        // "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and return."
        let mut data = std::mem::take(&mut self.data_buffer);
        let mut event_type = std::mem::take(&mut self.event_type_buffer);
        if data.is_empty() {
            return;
        }
        // "If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove the last character from the data buffer."
        if data.ends_with('\n') {
            data.pop();
        }
        // "Initialize event's type attribute to "message" […] If the event type buffer has a value other than the empty string, change
        // the type of the newly created event to equal the value of the event type buffer."
        if event_type.is_empty() {
            event_type = "message".to_string();
        }
        self.events.push(Told::Message { event_type, data, own_id, last_event_id: self.last_event_id.clone() });
    }
}

/// "end-of-line = ( cr lf / cr / lf )". Returns the lines that have an end, and what follows the last one.
fn split_lines(text: &str) -> (Vec<String>, String) {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => lines.push(std::mem::take(&mut line)),
            '\r' => {
                chars.next_if_eq(&'\n');
                lines.push(std::mem::take(&mut line));
            }
            c => line.push(c),
        }
    }
    (lines, line)
}

/// Encoding §6: "To UTF-8 decode an I/O queue of bytes": without a BOM at the start, with U+FFFD for errors.
fn utf8_decode(bytes: &[u8]) -> String {
    let mut bytes = bytes;
    if let [0xEF, 0xBB, 0xBF, rest @ ..] = bytes {
        bytes = rest;
    }
    let mut text = String::new();
    // Encoding §8.1.1: "UTF-8's decoder has an associated UTF-8 code point, UTF-8 bytes seen, and UTF-8 bytes needed (all initially 0), a
    // UTF-8 lower boundary (initially 0x80), and a UTF-8 upper boundary (initially 0xBF)."
    let (mut code_point, mut bytes_seen, mut bytes_needed) = (0_u32, 0, 0);
    let (mut lower, mut upper) = (0x80, 0xBF);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        if bytes_needed == 0 {
            match byte {
                0x00..=0x7F => text.push(byte as char),
                0xC2..=0xDF => {
                    bytes_needed = 1;
                    code_point = u32::from(byte & 0x1F);
                }
                0xE0..=0xEF => {
                    if byte == 0xE0 {
                        lower = 0xA0;
                    }
                    if byte == 0xED {
                        upper = 0x9F;
                    }
                    bytes_needed = 2;
                    code_point = u32::from(byte & 0xF);
                }
                0xF0..=0xF4 => {
                    if byte == 0xF0 {
                        lower = 0x90;
                    }
                    if byte == 0xF4 {
                        upper = 0x8F;
                    }
                    bytes_needed = 3;
                    code_point = u32::from(byte & 0x7);
                }
                _ => text.push('\u{FFFD}'),
            }
            continue;
        }
        if !(lower..=upper).contains(&byte) {
            // "Restore byte to ioQueue. Return error."
            (code_point, bytes_seen, bytes_needed) = (0, 0, 0);
            (lower, upper) = (0x80, 0xBF);
            at -= 1;
            text.push('\u{FFFD}');
            continue;
        }
        (lower, upper) = (0x80, 0xBF);
        code_point = (code_point << 6) | u32::from(byte & 0x3F);
        bytes_seen += 1;
        if bytes_seen == bytes_needed {
            text.push(char::from_u32(code_point).expect("the boundaries leave out surrogates and what is too large"));
            (code_point, bytes_seen, bytes_needed) = (0, 0, 0);
        }
    }
    // "If byte is end-of-queue and UTF-8 bytes needed is not 0, then set UTF-8 bytes needed to 0 and return error."
    if bytes_needed != 0 {
        text.push('\u{FFFD}');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_as_the_standard_library_does() {
        let bytes = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1,
            0xF4, 0xF5,
        ];
        let n = bytes.len();
        for number in 0..n.pow(4) {
            let input = [number, number / n, number / n.pow(2), number / n.pow(3)].map(|digits| bytes[digits % n]);
            assert_eq!(utf8_decode(&input), String::from_utf8_lossy(&input), "{input:x?}");
        }
        assert_eq!(utf8_decode("\u{FEFF}\u{FEFF}häß€😀\u{10FFFF}".as_bytes()), "\u{FEFF}häß€😀\u{10FFFF}");
    }

    #[test]
    fn reads_the_examples_of_the_standard() {
        let message = |data: &str, own_id: Option<&str>, last_event_id: &str| Told::Message {
            event_type: "message".into(),
            data: data.into(),
            own_id: own_id.map(Into::into),
            last_event_id: last_event_id.into(),
        };
        let stream = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        let expected = [
            Told::Comment(" test stream".into()),
            message("first event", Some("1"), "1"),
            message("second event", Some(""), ""),
            message(" third event", None, ""),
        ];
        assert_eq!(parse(stream.as_bytes(), "").events, expected);
        assert_eq!(parse(b"data\n\ndata\ndata\n\ndata:", "").events, [message("", None, ""), message("\n", None, "")]);
    }
}
