use core::fmt;

use super::Limit;
use crate::{log, sse};

/// Why nothing was published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The server shuts down.
    Closed,
    /// No channel was named.
    NoChannels,
    /// A channel is not registered, and none is there on demand.
    UnknownChannel,
    /// The event type or the id of the message cannot be sent.
    Name(sse::NameError),
    /// Some of the channels have ids of the server's, and some of the application's.
    MixedIds,
    /// The message has an id of its own, which the channel's ids would replace: it is not one whose ids belong to the application.
    OwnId,
    /// The message has no id of its own, and the ids of the channel belong to the application.
    NoOwnId,
    /// The log refuses it.
    Log(log::PublishError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the server shuts down: nothing more is published",
            Self::NoChannels => "no channel was named",
            Self::UnknownChannel => "the channel is not registered",
            Self::Name(error) => return error.fmt(f),
            Self::MixedIds => {
                "ids of the server's and of the application's cannot be one: publish to these channels apart"
            }
            Self::OwnId => "the message has an id of its own, but the ids of the channel are the server's",
            Self::NoOwnId => "the message has no id of its own, as the channel asks for",
            Self::Log(error) => return error.fmt(f),
        })
    }
}

impl core::error::Error for PublishError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Name(error) => Some(error),
            Self::Log(error) => Some(error),
            _ => None,
        }
    }
}

/// Why no reader was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The server shuts down.
    Closed,
    /// No channel was named.
    NoChannels,
    /// A channel is not registered, and none is there on demand.
    UnknownChannel,
    /// A channel with ids of the application's, or with a debounce, is followed alone.
    NotAlone,
    /// More channels than one stream may follow.
    TooManyChannels {
        /// The limit, `max_subscriptions` of the log.
        limit: usize,
    },
    /// The name of a channel is too long.
    NameTooLong {
        /// The limit, `max_name` of the log.
        limit: usize,
    },
    /// A limit is reached: come back later.
    Busy(Limit),
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the server shuts down"),
            Self::NoChannels => f.write_str("no channel was named"),
            Self::UnknownChannel => f.write_str("there is no such channel"),
            Self::NotAlone => {
                f.write_str("a channel with ids of its own, or that is debounced, is followed by a stream of its own")
            }
            Self::TooManyChannels { limit } => {
                write!(f, "one stream follows at most {limit} channels; open a second one")
            }
            Self::NameTooLong { limit } => write!(f, "the name of a channel is at most {limit} bytes"),
            Self::Busy(limit) => limit.fmt(f),
        }
    }
}

impl core::error::Error for SubscribeError {}
