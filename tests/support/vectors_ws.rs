//! The vectors under `vectors/ws`.

use std::fs;
use std::path::Path;

/// One numbered case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its number, as it was published.
    pub number: String,
    /// In pieces of how many octets its frames come, besides all other ways.
    pub chop: Option<usize>,
    /// What comes and goes.
    pub steps: Vec<Step>,
}

/// What comes, or what goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A frame of the peer.
    Comes(Frame),
    /// A message or control frame of ours.
    Goes(Answer),
}

/// A frame of the peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Whether it is the last of its message.
    pub fin: bool,
    /// The reserved bits.
    pub rsv: u8,
    /// The opcode.
    pub opcode: u8,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
    /// Behind which octets of the payload a piece ends.
    pub cuts: Vec<usize>,
    /// Behind which octet of the payload the answer is due.
    pub mark: Option<usize>,
}

/// What goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A message of this opcode.
    Message(u8, Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// A close frame with one of these codes, or with none.
    Close(Vec<u16>),
}

/// How the octets of a message of a table come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In one frame.
    Whole,
    /// In frames of so many.
    Frames(usize),
    /// In one frame, whose octets come so many at a time.
    Pieces(usize),
    /// So many messages.
    Times(usize),
}

/// A row of `9-limits.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Its number.
    pub number: String,
    /// 1 for text, 2 for binary.
    pub opcode: u8,
    /// How many octets a message has.
    pub len: usize,
    /// How they come.
    pub way: Way,
}

/// A row of the tables of families 12 and 13.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressed {
    /// Its number.
    pub number: String,
    /// What the messages are of.
    pub data: String,
    /// How many octets each has.
    pub len: usize,
    /// Of how many a frame is; 0 for one frame.
    pub fragment: usize,
    /// What a client offers.
    pub offer: String,
    /// What a server asks for, in order of preference.
    pub accept: String,
}

/// Reads the cases of a file of `vectors/ws`.
///
/// # Panics
///
/// If it is not in the format that `vectors/ws/README.md` describes.
pub fn cases(file: &str) -> Vec<Case> {
    let text = read(file);
    let mut cases: Vec<Case> = Vec::new();
    for line in lines(&text) {
        if let Some(title) = line.strip_prefix("== ") {
            let number = title.split(' ').next().unwrap_or_default().to_owned();
            cases.push(Case { number, chop: None, steps: Vec::new() });
            continue;
        }
        let case = cases.last_mut().unwrap_or_else(|| panic!("{file}: {line}: of which case?"));
        let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
        match sign {
            "chop" => case.chop = Some(number(rest)),
            ">" => case.steps.push(Step::Comes(frame(rest))),
            "<" => case.steps.push(Step::Goes(answer(&frame(rest), rest))),
            "=" => {
                let frame = frame(rest);
                let answer = answer(&frame, rest);
                case.steps.extend([Step::Comes(frame), Step::Goes(answer)]);
            }
            _ => panic!("{file}: {line}"),
        }
    }
    cases
}

/// Reads `9-limits.txt`.
///
/// # Panics
///
/// If a row is not as that file says.
pub fn loads() -> Vec<Load> {
    let text = read("9-limits.txt");
    let rows = lines(&text).map(|line| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let (opcode, way) = match cells[..] {
            [_, kind, _, "whole"] => (opcode(kind), Way::Whole),
            [_, kind, _, "frames", each] => (opcode(kind), Way::Frames(number(each))),
            [_, kind, _, "pieces", each] => (opcode(kind), Way::Pieces(number(each))),
            [_, kind, _, "times", count] => (opcode(kind), Way::Times(number(count))),
            _ => panic!("{line}"),
        };
        Load { number: cells[0].to_owned(), opcode, len: number(cells[2]), way }
    });
    rows.collect()
}

/// Reads the tables of compression.
///
/// # Panics
///
/// If a row is not as its file says.
pub fn compressed(file: &str) -> Vec<Compressed> {
    let text = read(file);
    let (mut offer, mut accept) = ("permessage-deflate; client_max_window_bits".to_owned(), "any".to_owned());
    let mut rows = Vec::new();
    for line in lines(&text) {
        match line.split_once(' ').expect("cells") {
            ("offer", rest) => rest.clone_into(&mut offer),
            ("accept", rest) => rest.clone_into(&mut accept),
            _ => {
                let cells: Vec<&str> = line.split_whitespace().collect();
                let [row, data, len, fragment] = cells[..] else { panic!("{line}") };
                let (row, data) = (row.to_owned(), data.to_owned());
                let (offer, accept) = (offer.clone(), accept.clone());
                let (len, fragment) = (number(len), number(fragment));
                rows.push(Compressed { number: row, data, len, fragment, offer, accept });
            }
        }
    }
    rows
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/ws").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// Reads `KIND[-] [rsvN] [CODE | raw] ["PAYLOAD"]`.
fn frame(text: &str) -> Frame {
    let (words, payload) = match text.find(['"', '{']) {
        Some(at) => (text[..at].trim_end(), Some(&text[at..])),
        None => (text, None),
    };
    let mut words = words.split(' ');
    let kind = words.next().unwrap_or_default();
    let fin = !kind.ends_with('-');
    let mut frame = Frame { fin, opcode: opcode(kind.trim_end_matches('-')), ..Frame::default() };
    for word in words {
        match word.strip_prefix("rsv") {
            Some(bits) => frame.rsv = number(bits) as u8,
            // The answers of a close frame may have one of several codes: the first stands here.
            None if word != "raw" => {
                let code = number(word.split(',').next().unwrap_or_default());
                frame.payload.extend(u16::try_from(code).expect("a code").to_be_bytes());
            }
            None => {}
        }
    }
    let before = frame.payload.len();
    if let Some(text) = payload {
        let (bytes, cuts, mark) = quoted(text);
        frame.payload.extend(bytes);
        frame.cuts = cuts.into_iter().map(|at| before + at).collect();
        frame.mark = mark.map(|at| before + at);
    }
    frame
}

fn answer(frame: &Frame, text: &str) -> Answer {
    match frame.opcode {
        8 => {
            let codes = text.strip_prefix("close").unwrap_or_default().trim();
            Answer::Close(codes.split(',').filter(|code| !code.is_empty()).map(|code| number(code) as u16).collect())
        }
        10 => Answer::Pong(frame.payload.clone()),
        opcode => Answer::Message(opcode, frame.payload.clone()),
    }
}

fn opcode(kind: &str) -> u8 {
    match kind {
        "cont" => 0,
        "text" => 1,
        "binary" => 2,
        "close" => 8,
        "ping" => 9,
        "pong" => 10,
        other => number(other.strip_prefix("op").unwrap_or_else(|| panic!("{other}: no kind of frame"))) as u8,
    }
}

/// Reads `"…"` or `{N}"…"`: the octets, where pieces end, and where the answer is due.
fn quoted(text: &str) -> (Vec<u8>, Vec<usize>, Option<usize>) {
    let (fill, rest) = match text.strip_prefix('{') {
        Some(rest) => rest.split_once('}').map(|(len, rest)| (Some(number(len)), rest)).expect("a length"),
        None => (None, text),
    };
    let inner = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_else(|| panic!("{text}"));
    let (mut bytes, mut cuts, mut mark) = (Vec::new(), Vec::new(), None);
    let mut letters = inner.bytes();
    while let Some(letter) = letters.next() {
        match letter {
            b'|' => cuts.push(bytes.len()),
            b'^' => mark = Some(bytes.len()),
            b'\\' => bytes.push(match letters.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(b'x') => hex(letters.next()) << 4 | hex(letters.next()),
                Some(other @ (b'"' | b'\\' | b'^' | b'|')) => other,
                other => panic!("{text}: \\{other:?}"),
            }),
            _ => bytes.push(letter),
        }
    }
    if let Some(len) = fill {
        bytes = bytes.into_iter().cycle().take(len).collect();
    }
    (bytes, cuts, mark)
}

fn hex(digit: Option<u8>) -> u8 {
    let digit = digit.and_then(|digit| (digit as char).to_digit(16));
    digit.expect("a hexadecimal digit") as u8
}
