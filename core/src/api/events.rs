use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::problem::Problem;
use crate::http::Target;

/// Returns the channels of a stream as it was asked for, each once, in the order given.
pub(super) fn asked_channels(target: &Target<'_>, max_channels: usize) -> Result<Vec<String>, Problem> {
    let mut channels: Vec<String> = Vec::new();
    for (_, value) in target.query_pairs().filter(|(name, _)| name == "channel") {
        add_channels(&value, max_channels, &mut channels)?;
    }
    if channels.is_empty() {
        return Err(Problem::ChannelMissing);
    }
    Ok(channels)
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

    fn channels(target: &str) -> Result<Vec<String>, Problem> {
        asked_channels(&Target::parse(&Method::GET, target).unwrap(), 3)
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
}
