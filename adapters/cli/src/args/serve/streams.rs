//! What a stream of `tidewire serve` is like.

use std::time::Duration;

use clap::{Args, ValueEnum};
use tidewire_core::sse::EventName;

use super::STREAMS;
use crate::duration;

#[derive(Debug, Args)]
pub(crate) struct Streams {
    /// How often a stream carries something that means nothing, so that nobody takes it for dead
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, default_value = "15s", help_heading = STREAMS)]
    pub(crate) keep_alive: Duration,
    /// What that is: a comment, a bare line end (newline), or an event that pages can see; event:ping names it
    #[arg(long, value_name = "FORM", value_parser = form, default_value = "comment", help_heading = STREAMS)]
    pub(crate) keep_alive_form: Form,
    /// Whether it comes only after such a silence, or always
    #[arg(long, alias = "heartbeat", value_enum, default_value_t, help_heading = STREAMS)]
    pub(crate) keep_alive_when: When,
    /// How much of that time may be taken away at random, in percent, so that not all streams carry it at once
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=90), default_value_t = 0, help_heading = STREAMS)]
    pub(crate) keep_alive_jitter: u8,
    /// Compress streams for readers that ask for gzip or deflate, once for all who read the same
    #[arg(long, help_heading = STREAMS)]
    pub(crate) gzip: bool,
    /// Begin each stream with a comment of 2 KiB, for proxies that hold back the beginning of an answer
    #[arg(long, help_heading = STREAMS)]
    pub(crate) padding: bool,
    /// How long readers are told to wait before they come back
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, default_value = "1s", help_heading = STREAMS)]
    pub(crate) retry: Duration,
    /// End each stream after this time, or up to a tenth before; its reader comes back and resumes [default: never]
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, help_heading = STREAMS)]
    pub(crate) max_stream_time: Option<Duration>,
    /// Give each reader only the latest publication of a channel, and no more often than this; for values of which only the
    /// latest matters [default: every publication, at once]
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, help_heading = STREAMS)]
    pub(crate) debounce: Option<Duration>,
}

/// What keeps a stream alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Comment,
    Newline,
    Event(EventName<'static>),
}

/// When it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    #[default]
    Idle,
    Always,
}

fn form(text: &str) -> Result<Form, String> {
    match text {
        "comment" => Ok(Form::Comment),
        "newline" => Ok(Form::Newline),
        "event" => event(DEFAULT_NAME),
        _ => event(text.strip_prefix("event:").ok_or("write comment, newline, event or event:NAME")?),
    }
}

fn event(name: &str) -> Result<Form, String> {
    let name = EventName::new(name.to_owned()).map_err(|error| error.to_string())?;
    if name.as_str().is_empty() {
        return Err("the name of the event is missing: event:ping?".into());
    }
    Ok(Form::Event(name))
}

const DEFAULT_NAME: &str = "heartbeat";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_a_comment_a_line_end_or_an_event() {
        let event = |name: &'static str| Ok(Form::Event(EventName::new(name).unwrap()));
        assert_eq!(form("comment"), Ok(Form::Comment));
        assert_eq!(form("newline"), Ok(Form::Newline));
        assert_eq!(form("event"), event("heartbeat"));
        assert_eq!(form("event:ping"), event("ping"));
        assert_eq!(form("event:a:b"), event("a:b"));
        for text in ["", "events", "event:", "event:a\nb", "none"] {
            assert!(form(text).is_err(), "{text}");
        }
    }
}
