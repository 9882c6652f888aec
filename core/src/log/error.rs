use core::fmt;

/// Why nothing was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// No topic was named.
    NoTopics,
    /// The publication has no bytes.
    Empty,
    /// It is larger than all that the topic, or the log, may keep.
    TooLarge,
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
            Self::NameTooLong => "the name of the topic is longer than max_name of the log",
            Self::TooManyTopics => "max_topics of the log are in use, and all of them have readers",
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
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTopics => "no topic was named",
            Self::TooManySubscriptions => "more topics than max_subscriptions of the log were named",
            Self::NameTooLong => "the name of a topic is longer than max_name of the log",
            Self::TooManyTopics => "max_topics of the log are in use, and all of them have readers",
            Self::TooManyReaders => "max_readers of the log are open",
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
