use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::problem::Problem;
use crate::http::{RequestHead, Target, accept};
use crate::sse;

/// A stream as it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The channels, each once, in the order given.
    pub(super) channels: Vec<String>,
    /// The last event ID; none when it is empty.
    pub(super) after: Option<String>,
}

impl Asked {
    pub(super) fn read(head: &RequestHead, target: &Target<'_>, max_channels: usize) -> Result<Self, Problem> {
        if accept::media_type(&head.fields, sse::CONTENT_TYPE) == 0 {
            return Err(Problem::NotAcceptable);
        }
        let mut channels: Vec<String> = Vec::new();
        let mut after = None;
        for (name, value) in target.query_pairs() {
            match &*name {
                "channel" => add_channels(&value, max_channels, &mut channels)?,
                "last_event_id" => after = Some(value.into_owned()),
                _ => {}
            }
        }
        if channels.is_empty() {
            return Err(Problem::ChannelMissing);
        }
        // The header is what a browser has seen since; the query stays as it was when the page opened the stream.
        if let Some(header) = head.fields.get("last-event-id") {
            after = Some(String::from_utf8_lossy(header).into_owned());
        }
        Ok(Self { channels, after: after.filter(|id| !id.is_empty()) })
    }
}

/// Returns who asks: the name in the query, else `anonymous-` and the given word.
pub(super) fn user(target: &Target<'_>, word: &str) -> Result<String, Problem> {
    let named: Option<Cow<'_, str>> = target.query_pairs().find(|(name, _)| name == "user").map(|(_, value)| value);
    match named {
        Some(user) if user.is_empty() || user.len() > MAX_NAME || user.chars().any(char::is_control) => {
            Err(Problem::InvalidUser)
        }
        Some(user) => Ok(user.into_owned()),
        None => Ok(["anonymous-", word].concat()),
    }
}

/// Checks the name of a channel.
pub(super) fn check_channel(name: &str) -> Result<(), Problem> {
    // What was not UTF-8 in a query has become U+FFFD.
    let forbidden =
        |c: char| c.is_control() || c.is_whitespace() || matches!(c, ',' | '/' | char::REPLACEMENT_CHARACTER);
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(forbidden) {
        return Err(Problem::InvalidChannel);
    }
    Ok(())
}

fn add_channels(value: &str, max: usize, channels: &mut Vec<String>) -> Result<(), Problem> {
    for name in value.split(',') {
        check_channel(name)?;
        if channels.iter().any(|known| known == name) {
            continue;
        }
        if channels.len() >= max {
            return Err(Problem::TooManyChannels(max));
        }
        channels.push(name.to_string());
    }
    Ok(())
}

const MAX_NAME: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;

    fn asked(target: &str, fields: &[(&str, &str)]) -> Result<Asked, Problem> {
        let mut head = RequestHead::new(Method::GET, target);
        for (name, value) in fields {
            head.fields.append(name, value).unwrap();
        }
        Asked::read(&head, &head.parse_target().unwrap(), 3)
    }

    fn channels(target: &str) -> Result<Vec<String>, Problem> {
        asked(target, &[]).map(|asked| asked.channels)
    }

    #[test]
    fn channels_repeat_or_stand_behind_commas_and_count_once() {
        assert_eq!(channels("/v1/events?channel=a&channel=b").unwrap(), ["a", "b"]);
        assert_eq!(channels("/v1/events?channel=a,b&channel=b,%C3%A9").unwrap(), ["a", "b", "é"]);
        assert_eq!(channels("/v1/events?channel=a,b,c,a").unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn bad_channels_are_refused() {
        assert_eq!(channels("/v1/events"), Err(Problem::ChannelMissing));
        assert_eq!(channels("/v1/events?channel=a,b,c,d"), Err(Problem::TooManyChannels(3)));
        for bad in ["", "a,", "a%20b", "a%2Fb", "a%0Ab", "a%00"] {
            assert_eq!(channels(&["/v1/events?channel=", bad].concat()), Err(Problem::InvalidChannel), "{bad}");
        }
        assert_eq!(channels(&["/v1/events?channel=", &"x".repeat(128)].concat()).unwrap().len(), 1);
        assert_eq!(channels(&["/v1/events?channel=", &"x".repeat(129)].concat()), Err(Problem::InvalidChannel));
    }

    #[test]
    fn header_beats_query() {
        let after = |target: &str, fields: &[(&str, &str)]| asked(target, fields).unwrap().after;
        assert_eq!(after("/v1/events?channel=a", &[]), None);
        assert_eq!(after("/v1/events?channel=a&last_event_id=e-1", &[]).as_deref(), Some("e-1"));
        assert_eq!(after("/v1/events?channel=a&last_event_id=", &[]), None);
        let header = [("last-event-id", "e-2")];
        assert_eq!(after("/v1/events?channel=a&last_event_id=e-1", &header).as_deref(), Some("e-2"));
    }

    #[test]
    fn accept_must_allow_a_stream() {
        for accept in ["text/event-stream", "*/*", "application/json, text/*;q=0.1", "TEXT/EVENT-STREAM; q=1"] {
            assert!(asked("/v1/events?channel=a", &[("accept", accept)]).is_ok(), "{accept}");
        }
        for accept in ["application/json", "text/event-stream;q=0", "text/html, */*;q=0.0"] {
            let answer = asked("/v1/events?channel=a", &[("accept", accept)]);
            assert_eq!(answer, Err(Problem::NotAcceptable), "{accept}");
        }
    }
}
