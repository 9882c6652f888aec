//! A second reader of WebSocket frames, as naive as can be: octet by octet, everything copied, nothing clever. It shares no code with
//! the first, only the names of what can be wrong.

use std::ops::RangeInclusive;

use tidewire_core::ws::Error;

/// What was read of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was found, in order.
    pub told: Vec<Told>,
    /// What was wrong, and how many octets had come when that showed.
    pub fault: Option<(Error, usize)>,
}

/// What can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A message.
    Text(String),
    /// A message.
    Binary(Vec<u8>),
    /// A control frame.
    Ping(Vec<u8>),
    /// A control frame.
    Pong(Vec<u8>),
    /// The last that counts: code and reason.
    Close(Option<(u16, String)>),
}

/// What is not to be exceeded.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Octets of a frame.
    pub frame: u64,
    /// Octets of a message.
    pub message: u64,
    /// Frames of a message.
    pub fragments: u64,
}

/// More than any test sends.
pub const NO_LIMIT: Most = Most { frame: u64::MAX, message: u64::MAX, fragments: u64::MAX };

/// Reads what a server receives, or a client.
pub fn read(stream: &[u8], by_server: bool, most: Most) -> Outcome {
    let mut octets = Octets { stream, at: 0 };
    let mut told = Vec::new();
    let mut message = None;
    loop {
        match read_frame(&mut octets, by_server, most, &mut message) {
            Ok(None) => {}
            Ok(Some(item)) => {
                let is_last = matches!(item, Told::Close(_));
                told.push(item);
                if is_last {
                    return Outcome { told, fault: None };
                }
            }
            Err(Stop::End) => return Outcome { told, fault: None },
            Err(Stop::Fault(error)) => return Outcome { told, fault: Some((error, octets.at)) },
        }
    }
}

/// Builds a frame: its first octet, a masking key if it has one, its payload.
pub fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let masked = if key.is_some() { 128 } else { 0 };
    match payload.len() {
        len @ ..126 => out.push(masked + len as u8),
        len @ ..65_536 => {
            out.push(masked + 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(masked + 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(key.iter().flatten());
    let key = key.unwrap_or_default();
    out.extend(payload.iter().enumerate().map(|(at, octet)| octet ^ key[at % 4]));
    out
}

struct Octets<'a> {
    stream: &'a [u8],
    at: usize,
}

enum Stop {
    End,
    Fault(Error),
}

struct Message {
    is_text: bool,
    octets: Vec<u8>,
    frames: u64,
    /// What the next octets have to be, the last first, for the character to be one.
    expected: Vec<RangeInclusive<u8>>,
}

impl Octets<'_> {
    fn next(&mut self) -> Result<u8, Stop> {
        let octet = *self.stream.get(self.at).ok_or(Stop::End)?;
        self.at += 1;
        Ok(octet)
    }
}

fn read_frame(
    octets: &mut Octets<'_>,
    by_server: bool,
    most: Most,
    message: &mut Option<Message>,
) -> Result<Option<Told>, Stop> {
    let fault = |error| Err(Stop::Fault(error));
    let first = octets.next()?;
    let (fin, opcode) = (first >= 128, first % 16);
    let is_control = opcode >= 8;
    if first / 16 % 4 != 0 {
        return fault(Error::ReservedBit);
    }
    if ![0, 1, 2, 8, 9, 10].contains(&opcode) {
        return fault(Error::ReservedOpcode(opcode));
    }
    if first / 64 % 2 != 0 && is_control {
        return fault(Error::ReservedBit);
    }
    if is_control && !fin {
        return fault(Error::FragmentedControl);
    }
    if first / 64 % 2 != 0 {
        return fault(Error::ReservedBit);
    }
    if opcode == 0 && message.is_none() {
        return fault(Error::NothingToContinue);
    }
    if (opcode == 1 || opcode == 2) && message.is_some() {
        return fault(Error::Interleaved);
    }
    let second = octets.next()?;
    let is_masked = second >= 128;
    if by_server && !is_masked {
        return fault(Error::Unmasked);
    }
    if !by_server && is_masked {
        return fault(Error::Masked);
    }
    let mut len = u64::from(second % 128);
    if is_control && len > 125 {
        return fault(Error::LongControl);
    }
    if len == 126 {
        len = u64::from(octets.next()?) * 256 + u64::from(octets.next()?);
        if len < 126 {
            return fault(Error::LengthNotMinimal);
        }
    } else if len == 127 {
        len = 0;
        for place in 0..8 {
            let octet = octets.next()?;
            if place == 0 && octet >= 128 {
                return fault(Error::LengthTooLarge);
            }
            len = len * 256 + u64::from(octet);
        }
        if len < 65_536 {
            return fault(Error::LengthNotMinimal);
        }
    }
    if !is_control {
        let (frames, gathered) =
            message.as_ref().map_or((0, 0), |message| (message.frames, message.octets.len() as u64));
        if frames + 1 > most.fragments {
            return fault(Error::TooManyFragments { limit: most.fragments as usize });
        }
        if len > most.frame {
            return fault(Error::FrameTooLong { limit: most.frame as usize });
        }
        if gathered + len > most.message {
            return fault(Error::MessageTooLong { limit: most.message as usize });
        }
    }
    let mut key = [0; 4];
    if is_masked {
        for place in &mut key {
            *place = octets.next()?;
        }
    }
    if is_control {
        let mut payload = Vec::new();
        for at in 0..len as usize {
            payload.push(octets.next()? ^ key[at % 4]);
        }
        return match opcode {
            8 => read_close(&payload).map(Some),
            9 => Ok(Some(Told::Ping(payload))),
            _ => Ok(Some(Told::Pong(payload))),
        };
    }
    let open = message.get_or_insert_with(|| Message {
        is_text: opcode == 1,
        octets: Vec::new(),
        frames: 0,
        expected: Vec::new(),
    });
    open.frames += 1;
    for at in 0..len as usize {
        let octet = octets.next()? ^ key[at % 4];
        if open.is_text && !may_follow(octet, &mut open.expected) {
            return fault(Error::Text);
        }
        open.octets.push(octet);
    }
    if !fin {
        return Ok(None);
    }
    let Message { is_text, octets: payload, expected, .. } = message.take().expect("it is open");
    if !is_text {
        return Ok(Some(Told::Binary(payload)));
    }
    if !expected.is_empty() {
        return fault(Error::Text);
    }
    Ok(Some(Told::Text(String::from_utf8(payload).expect("each octet was looked at"))))
}

fn read_close(payload: &[u8]) -> Result<Told, Stop> {
    let [high, low, reason @ ..] = payload else {
        return if payload.is_empty() { Ok(Told::Close(None)) } else { Err(Stop::Fault(Error::CloseTooShort)) };
    };
    let code = u16::from(*high) * 256 + u16::from(*low);
    let is_allowed = match code {
        ..1000 => false,
        1004 | 1005 | 1006 | 1015 => false,
        1000..1016 => true,
        1016..3000 => false,
        3000..5000 => true,
        5000.. => false,
    };
    if !is_allowed {
        return Err(Stop::Fault(Error::CloseCode(code)));
    }
    match String::from_utf8(reason.to_vec()) {
        Ok(reason) => Ok(Told::Close(Some((code, reason)))),
        Err(_) => Err(Stop::Fault(Error::CloseReason)),
    }
}

/// RFC 3629 §4, the syntax of UTF-8.
fn may_follow(octet: u8, expected: &mut Vec<RangeInclusive<u8>>) -> bool {
    const TAIL: RangeInclusive<u8> = 0x80..=0xbf;
    if let Some(range) = expected.pop() {
        return range.contains(&octet);
    }
    *expected = match octet {
        0x00..=0x7f => vec![],
        0xc2..=0xdf => vec![TAIL],
        0xe0 => vec![TAIL, 0xa0..=0xbf],
        0xe1..=0xec | 0xee | 0xef => vec![TAIL, TAIL],
        0xed => vec![TAIL, 0x80..=0x9f],
        0xf0 => vec![TAIL, TAIL, 0x90..=0xbf],
        0xf1..=0xf3 => vec![TAIL, TAIL, TAIL],
        0xf4 => vec![TAIL, TAIL, 0x80..=0x8f],
        _ => return false,
    };
    true
}
