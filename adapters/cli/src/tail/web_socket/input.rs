//! Standard input as messages, a line each.

use std::io::{BufRead, Read};
use std::thread;

use bytes::Bytes;
use smol::channel::{self, Receiver};
use tidewire_core::ws::Message;

use crate::exit::{Exit, Failure};
use crate::stdin;

/// Reads standard input in a thread of its own, for nothing else can: a few lines ahead, so that one does not wait for the other at
/// each. What ends the input ends the channel.
pub(super) fn lines(binary: bool) -> Receiver<Result<Message, Failure>> {
    let (sender, lines) = channel::bounded(AHEAD);
    thread::spawn(move || {
        let mut stdin = stdin::open();
        for number in 1_u64.. {
            let message = match line(&mut stdin, number, binary) {
                Ok(Some(message)) => Ok(message),
                Ok(None) => break,
                Err(failure) => Err(failure),
            };
            let failed = message.is_err();
            if sender.send_blocking(message).is_err() || failed {
                break;
            }
        }
    });
    lines
}

/// Reads a line, without what ends it; text may end with CR LF, too. None at the end of the input.
fn line(input: &mut impl BufRead, number: u64, binary: bool) -> Result<Option<Message>, Failure> {
    let mut line = Vec::new();
    let read = input
        .take(LONGEST)
        .read_until(b'\n', &mut line)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot read standard input: {error}")))?;
    if read == 0 {
        return Ok(None);
    }
    let wrong = |what: &str| Failure::new(Exit::BadInput, format!("--send: line {number} of standard input {what}"));
    if line.pop_if(|byte| *byte == b'\n').is_none() && line.len() as u64 == LONGEST {
        return Err(wrong("is longer than 64 MiB"));
    }
    if binary {
        return Ok(Some(Message::Binary(Bytes::from(line))));
    }
    line.pop_if(|byte| *byte == b'\r');
    let text = String::from_utf8(line).map_err(|_| wrong("is not UTF-8; send it with --binary"))?;
    Ok(Some(Message::Text(text)))
}

/// How many lines are read before they can be sent.
const AHEAD: usize = 64;

/// How long a line may be, with its end.
const LONGEST: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut input: &[u8], binary: bool) -> Vec<Result<Option<Message>, Exit>> {
        (1..=3).map(|number| line(&mut input, number, binary).map_err(|failure| failure.exit)).collect()
    }

    #[test]
    fn a_line_is_a_message_whatever_ends_it() {
        let text = |text: &str| Ok(Some(Message::from(text)));
        assert_eq!(read(b"a\r\n\nc", false), [text("a"), text(""), text("c")]);
        assert_eq!(read("é\n".as_bytes(), false), [text("é"), Ok(None), Ok(None)]);
        let bytes = |bytes: &'static [u8]| Ok(Some(Message::Binary(Bytes::from_static(bytes))));
        assert_eq!(read(b"\xff\r\n\n\0", true), [bytes(b"\xff\r"), bytes(b""), bytes(b"\0")]);
        assert_eq!(read(b"a\n\xff\n", false)[1], Err(Exit::BadInput));
    }
}
