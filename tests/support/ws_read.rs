//! Feeds a reader of WebSocket frames in chunks, lending and owned, and says what it found.

use tidewire_core::ws::{Error, Item, Limits, Message, OwnedItem, Reader, Role};

use crate::naive_ws::{Most, Outcome, Told};

/// What a reader finds in chunks, and after how many octets, to the end of the chunk, it fails; both faces of it agree.
pub fn outcome<'a>(role: Role, limits: Limits, chunks: impl IntoIterator<Item = &'a [u8]> + Clone) -> Outcome {
    let lent = lending(&mut Reader::new(role, limits), chunks.clone());
    assert_eq!(owned(&mut Reader::new(role, limits), chunks), lent, "owned against lent");
    lent
}

/// As [`outcome`], with this reader lending.
pub fn lending<'a>(reader: &mut Reader, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut told, mut taken) = (Vec::new(), 0);
    for chunk in chunks {
        let mut chunk = chunk.to_vec();
        let mut at = 0;
        loop {
            let len = chunk.len() - at;
            match reader.read(&mut chunk[at..]) {
                Ok((used, Some(item))) => {
                    told.push(Told::from(item));
                    at += used;
                }
                Ok((used, None)) => {
                    assert_eq!(used, len, "without an item it takes all");
                    break;
                }
                Err(error) => {
                    assert_eq!(reader.read(&mut []), Err(error), "the error stays");
                    return Outcome { told, fault: Some((error, taken + chunk.len())) };
                }
            }
        }
        taken += chunk.len();
    }
    Outcome { told, fault: None }
}

/// As [`outcome`], with this reader giving away what it finds.
pub fn owned<'a>(reader: &mut Reader, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut told, mut taken) = (Vec::new(), 0);
    for chunk in chunks {
        let mut chunk = chunk.to_vec();
        let mut at = 0;
        loop {
            match reader.read_owned(&mut chunk[at..]) {
                Ok((used, Some(item))) => {
                    told.push(Told::from(item));
                    at += used;
                }
                Ok((_, None)) => break,
                Err(error) => return Outcome { told, fault: Some((error, taken + chunk.len())) },
            }
        }
        taken += chunk.len();
    }
    Outcome { told, fault: None }
}

/// What a server finds that gets `stream` at once, within the usual limits.
pub fn by_server(stream: &[u8]) -> Result<Vec<Told>, Error> {
    result(outcome(Role::Server, Limits::default(), [stream]))
}

/// What a client finds, likewise.
pub fn by_client(stream: &[u8]) -> Result<Vec<Told>, Error> {
    result(outcome(Role::Client, Limits::default(), [stream]))
}

fn result(outcome: Outcome) -> Result<Vec<Told>, Error> {
    match outcome.fault {
        Some((error, _)) => Err(error),
        None => Ok(outcome.told),
    }
}

/// The same limits in the other reader's words.
pub fn most(limits: &Limits) -> Most {
    Most { frame: limits.max_frame as u64, message: limits.max_message as u64, fragments: limits.max_fragments as u64 }
}

impl From<Item<'_>> for Told {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Text(text) => Self::Text(text.into()),
            Item::Binary(bytes) => Self::Binary(bytes.into()),
            Item::Ping(payload) => Self::Ping(payload.into()),
            Item::Pong(payload) => Self::Pong(payload.into()),
            Item::Close(said) => Self::Close(said.map(|(code, reason)| (code.get(), reason.into()))),
        }
    }
}

impl From<OwnedItem> for Told {
    fn from(item: OwnedItem) -> Self {
        match item {
            OwnedItem::Message(Message::Text(text)) => Self::Text(text),
            OwnedItem::Message(Message::Binary(bytes)) => Self::Binary(bytes.into()),
            OwnedItem::Ping(payload) => Self::Ping(payload.into()),
            OwnedItem::Pong(payload) => Self::Pong(payload.into()),
            OwnedItem::Close(said) => Self::Close(said.map(|said| (said.code.get(), said.reason))),
        }
    }
}
