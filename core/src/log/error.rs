use core::fmt;

/// Why nothing was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// No topic was named.
    NoTopics,
    /// The publication has no bytes.
    Empty,
    /// It is larger than all that a topic, or the log, may keep.
    TooLarge,
    /// An own id was given to a publication in a topic whose publications have none.
    NoOwnIds,
    /// The own id is longer than `max_name`.
    IdTooLong,
    /// The name of the topic is longer than `max_name`.
    NameTooLong,
    /// A topic would be one more than `max_topics`, and all others have readers or were configured; or more topics than
    /// `max_subscriptions` were named.
    TooManyTopics,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTopics => "no topic was named",
            Self::Empty => "the publication has no bytes",
            Self::TooLarge => "the publication is larger than max_bytes of its topic or of the log",
            Self::NoOwnIds => "publications of the topic have no ids of their own",
            Self::IdTooLong => "the id is longer than max_name of the log",
            Self::NameTooLong => "the name of the topic is longer than max_name of the log",
            Self::TooManyTopics => "there is no room for so many topics in the log",
        })
    }
}

impl core::error::Error for PublishError {}

/// Why no reader was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// No topic was named.
    NoTopics,
    /// More topics than `max_subscriptions` were named.
    TooManySubscriptions,
    /// A name is longer than `max_name`.
    NameTooLong,
    /// A topic would be one more than `max_topics`, and all others have readers.
    TooManyTopics,
    /// `max_readers` are open.
    TooManyReaders,
    /// A topic with ids of the application's own was named with others: one id cannot resume them all.
    OwnIdsNotAlone,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTopics => "no topic was named",
            Self::TooManySubscriptions => "more topics than max_subscriptions of the log were named",
            Self::NameTooLong => "the name of a topic is longer than max_name of the log",
            Self::TooManyTopics => "max_topics of the log are in use, and all of them have readers",
            Self::TooManyReaders => "max_readers of the log are open",
            Self::OwnIdsNotAlone => "a topic with ids of the application is read alone",
        })
    }
}

impl core::error::Error for OpenError {}

/// Why a topic was not configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigureError {
    /// The name of the topic is longer than `max_name`.
    NameTooLong,
    /// The topic would be one more than `max_topics`, and all others have readers or were configured.
    TooManyTopics,
}

impl fmt::Display for ConfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameTooLong => "the name of the topic is longer than max_name of the log",
            Self::TooManyTopics => "max_topics of the log are in use, and all of them have readers or were configured",
        })
    }
}

impl core::error::Error for ConfigureError {}
