//! `tidewire encode`: JSON lines on standard input become SSE bytes on standard output.

use std::io::BufRead;
use std::time::Duration;

use tidewire_core::sse::{self, EventId, EventName, Fields};

use crate::exit::{Exit, Failure};
use crate::json_lines::{Line, Timed};
use crate::output::Output;
use crate::stdin;

pub(crate) fn run() -> Result<(), Failure> {
    let mut output = Output::new();
    let mut stdin = stdin::open();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = stdin
            .read_until(b'\n', &mut line)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot read standard input: {error}")))?;
        if read == 0 {
            break;
        }
        if let Err(reason) = encode(&line, &mut output.lines) {
            output.flush()?;
            return Err(Failure::new(Exit::BadInput, format!("line {number} of standard input: {reason}")));
        }
        output.flush()?;
    }
    Ok(())
}

/// Appends the SSE form of one JSON line; an empty one has none.
fn encode(line: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    if line.trim_ascii().is_empty() {
        return Ok(());
    }
    append(&Timed::read(line)?.line, out)
}

/// Appends the SSE form of a line; what is no part of a stream (`open`, `error`, `closed`) has none.
pub(crate) fn append(line: &Line<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    match line {
        Line::Event { kind, data, own_id, .. } => {
            let event = match &**kind {
                // HTML Standard §9.2.6: "initialize event's type attribute to "message""
                "" | "message" => None,
                kind => Some(EventName::new(kind).map_err(|error| format!("\"type\": {error}"))?),
            };
            let id = own_id.as_deref().map(EventId::new).transpose();
            let id = id.map_err(|error| format!("\"own_id\": {error}"))?;
            Fields { id: id.as_ref(), event: event.as_ref(), data, ..Fields::default() }.encode(out);
        }
        // As an event without a name, for that is what it is to who reads it; bytes have no form there.
        Line::Message { text: Some(text), .. } => Fields { data: text, ..Fields::default() }.encode(out),
        Line::Message { .. } => return Err("bytes, which no event stream can carry: encode them as text".into()),
        Line::Comment { comment } => sse::encode_comment(comment, out),
        Line::Retry { ms } => sse::encode_retry(Duration::from_millis(*ms), out),
        Line::Ping { .. } | Line::Pong { .. } | Line::Open { .. } | Line::Error { .. } | Line::Closed { .. } => {}
    }
    Ok(())
}
