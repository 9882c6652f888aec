//! Messages as types of the application's own.

use serde_json::Value;
use tidewire_core::sse::{FromMessage, Item, Json, Message, MessageRef, Parser};

/// What an application of ours knows, by event type.
#[derive(Debug, PartialEq)]
enum Update {
    Status { id: u64, length: usize },
    Delete(u64),
    Other(String),
}

impl FromMessage for Update {
    type Error = String;

    fn from_message(message: MessageRef<'_>) -> Result<Self, String> {
        match message.event_type() {
            "update" => {
                let Json(status) = message.decode::<Json<Value>>().map_err(|error| error.to_string())?;
                let length = status["content"].as_str().map_or(0, str::len);
                Ok(Self::Status { id: status["id"].as_u64().ok_or("no id")?, length })
            }
            "delete" => message.data().parse().map(Self::Delete).map_err(|_| "no number".to_owned()),
            other => Ok(Self::Other(other.to_owned())),
        }
    }
}

#[test]
fn event_that_does_not_decode_is_an_error_and_the_stream_goes_on() {
    // Longer than the buffers of most readers.
    let content = "x".repeat(200_000);
    let stream = format!(
        "event: update\ndata: <html></html>\n\n:thump\nevent: update\ndata: {{\"id\":1,\ndata: \"content\":\"{content}\"}}\n\n\
         event: delete\ndata: 1234567\n\nevent: delete\ndata: x\n\ndata: 1\n\n"
    );
    let mut parser = Parser::new();
    let mut lent: Vec<Result<Update, String>> = Vec::new();
    let mut owned: Vec<Result<Update, String>> = Vec::new();
    for chunk in stream.as_bytes().chunks(16 << 10) {
        let mut events = parser.feed(chunk);
        while let Some(item) = events.next() {
            let Item::Message(message) = item.expect("it is lenient") else { continue };
            lent.push(message.decode());
            owned.push(message.to_owned().decode());
        }
    }
    assert_eq!(lent, owned);
    assert!(lent.remove(0).is_err());
    assert_eq!(
        lent,
        [
            Ok(Update::Status { id: 1, length: content.len() }),
            Ok(Update::Delete(1_234_567)),
            Err("no number".to_owned()),
            Ok(Update::Other("message".to_owned())),
        ]
    );
}

#[test]
fn message_decodes_into_itself() {
    let message = Message::new("a\nb");
    let Ok(decoded) = message.decode::<Message>();
    assert_eq!(decoded, message);
}

#[test]
fn data_decodes_as_json_whatever_its_type() {
    let message = Message::new("[1,\n2]");
    assert_eq!(message.decode::<Json<Vec<u8>>>().unwrap(), Json(vec![1, 2]));
    assert!(message.decode::<Json<String>>().is_err());
}
