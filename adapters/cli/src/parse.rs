//! `tidewire parse`: SSE bytes on standard input become events on standard output.

use std::io::{self, Read};

use tidewire_core::sse::{End, Item, Parser};

use crate::args::Parse;
use crate::exit::{Exit, Failure};
use crate::json_lines::Line;
use crate::output::{self, Output};
use crate::{plain, stdin};

pub(crate) fn run(args: &Parse) -> Result<(), Failure> {
    let mut parser = if args.strict { Parser::new().strict() } else { Parser::new() };
    let mut violations = 0_u64;
    let mut output = Output::new();
    let mut stdin = stdin::open();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let read = match stdin.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::new(Exit::Failed, format!("cannot read standard input: {error}"))),
        };
        let mut events = parser.feed(chunk.get(..read).unwrap_or_default());
        while let Some(item) = events.next() {
            match item {
                Ok(item) => write(item, args.json, &mut output),
                Err(error) if error.is_fatal() => {
                    output.flush()?;
                    return Err(Failure::new(Exit::BadInput, error.to_string()));
                }
                Err(violation) => {
                    violations += 1;
                    output.flush()?;
                    output::tell(&format!("tidewire: {violation}"));
                }
            }
        }
        // Here, not at the end: a line appears as soon as its event ends.
        output.flush()?;
    }
    match parser.finish() {
        End::Clean if violations == 0 => Ok(()),
        End::Clean => Err(Failure::told(Exit::BadInput)),
        _ => Err(Failure::new(
            Exit::Unfinished,
            "the input ended in the middle of an event, which is not printed (HTML Standard §9.2.6)",
        )),
    }
}

fn write(item: Item<'_>, json: bool, output: &mut Output) {
    if json {
        line(&item).write(&mut output.lines);
        return;
    }
    // Without --json it is what an application sees: events.
    if let Item::Message(message) = item {
        plain::event(message.event_type(), message.data(), output.reader, &mut output.lines);
    }
}

fn line<'a>(item: &Item<'a>) -> Line<'a> {
    match *item {
        Item::Message(message) => Line::message(message),
        Item::Comment(comment) => Line::Comment { comment: comment.into() },
        Item::Retry(time) => Line::Retry { ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX) },
    }
}
