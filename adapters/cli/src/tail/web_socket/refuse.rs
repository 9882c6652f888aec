//! Options that say something about the other kind of stream, and why they can say nothing here.

use crate::args::{Format, Tail};
use crate::exit::{Exit, Failure};

/// Refuses what only an event stream has.
pub(super) fn of_event_streams(args: &Tail) -> Result<(), Failure> {
    first(&[
        ("-X", args.request.is_some(), "a WebSocket is always asked for by GET"),
        ("--data", args.data.is_some(), "the request for a WebSocket has no body; send messages with --send"),
        (
            "--last-event-id",
            args.last_event_id.is_some(),
            "messages of a WebSocket have no IDs; ask for what you missed with --send",
        ),
        (
            "--first-byte-timeout",
            args.first_byte_timeout.is_some(),
            "a WebSocket that is open may be silent; --ping finds out who is lost",
        ),
        ("--retry-post", args.retry_post.is_some(), "a WebSocket is always asked for by GET, which is sent again"),
        ("--any-content-type", args.any_content_type.is_some(), "a WebSocket has no content type"),
        ("--json-answer", args.json_answer, "a WebSocket answers in messages"),
        (
            "--output raw",
            args.format() == Format::Raw,
            "a WebSocket is no event stream; take plain, pretty, data or json",
        ),
        (
            "--filter and --until",
            args.filter.iter().chain(&args.until).any(super::super::Condition::is_about_ids),
            "messages of a WebSocket have no IDs; look into their data",
        ),
    ])
}

/// Refuses what only a WebSocket has.
pub(crate) fn of_web_sockets(args: &Tail) -> Result<(), Failure> {
    const ONE_WAY: &str = "an event stream goes one way; follow a ws:// URL, or send with tidewire publish";
    let own = &args.web_socket;
    first(&[
        ("--send", own.send.is_some(), ONE_WAY),
        ("--protocol", !own.protocol.is_empty(), "an event stream has no subprotocol; is it a ws:// URL?"),
        ("--ping", own.ping.is_some(), "nobody can ping an event stream; --idle-timeout notices its silence"),
    ])
}

fn first(options: &[(&str, bool, &str)]) -> Result<(), Failure> {
    match options.iter().find(|(_, is_set, _)| *is_set) {
        Some((option, _, reason)) => Err(Failure::new(Exit::Usage, format!("{option}: {reason}"))),
        None => Ok(()),
    }
}
