//! What single messages mean for the stream they come in: its end, or an error.
//!
//! Many an API ends its streams with a message of its own, such as `data: [DONE]`, and tells errors in the stream, since the
//! status was sent long before. A connection that ends without that message was cut off, which looks like an end and is none.
//! [`Marks`] tell the client which messages these are:
//!
//! ```
//! use tidewire_core::client::{Config, Mark, Marks};
//! use tidewire_core::http::Url;
//! use tidewire_core::sse::Message;
//!
//! let mut config = Config::new(Url::parse("http://localhost:8080/chat")?);
//! config.marks = Marks::none().end_data("[DONE]").error_event("error").skip_event("ping");
//! assert_eq!(config.marks.of((&Message::new("[DONE]")).into()), Mark::End);
//! # Ok::<(), tidewire_core::http::UrlError>(())
//! ```

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::sse::MessageRef;

/// What a message means for its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mark {
    /// Nothing: it is delivered.
    Message,
    /// Nothing, and it is not delivered. If it brings an id, that counts.
    Skip,
    /// It is the last of a complete stream: it is delivered, then it is over with [`CloseReason::Complete`].
    ///
    /// [`CloseReason::Complete`]: super::CloseReason::Complete
    Last,
    /// The stream was complete before it: it is not delivered, and it is over with [`CloseReason::Complete`].
    ///
    /// [`CloseReason::Complete`]: super::CloseReason::Complete
    End,
    /// It tells of an error: the attempt ends with [`Reason::ErrorEvent`], which has the message. A connection that ends so
    /// never counts as healthy. If it brings an id, that counts: what is resumed goes on behind it.
    ///
    /// [`Reason::ErrorEvent`]: super::Reason::ErrorEvent
    Error,
}

/// Which messages end a stream, tell of an error, or are to be left out. Default none.
///
/// The rules are asked in the order in which they were added; the first that knows the message decides. Once there is a
/// rule for an end, a stream that ends without it is lost with [`Reason::Unfinished`](super::Reason::Unfinished); and a
/// connection that is lost before it counts as healthy only if the stream can be resumed, that is after an id.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    rules: Vec<Rule>,
    /// Whether a stream without an end that was marked is unfinished.
    must_end: bool,
}

impl Marks {
    /// Returns no rules: every message is one, and a stream ends where its connection does.
    pub const fn none() -> Self {
        Self { rules: Vec::new(), must_end: false }
    }

    /// Adds: a message with this data, white space around it aside, is the [end](Mark::End).
    pub fn end_data(self, data: impl Into<Cow<'static, str>>) -> Self {
        self.ending(Test::Data(data.into()), Mark::End)
    }

    /// Adds: a message of this type is the [end](Mark::End).
    pub fn end_event(self, event_type: impl Into<Cow<'static, str>>) -> Self {
        self.ending(Test::Type(event_type.into()), Mark::End)
    }

    /// Adds: a message of this type is the [last](Mark::Last).
    pub fn last_event(self, event_type: impl Into<Cow<'static, str>>) -> Self {
        self.ending(Test::Type(event_type.into()), Mark::Last)
    }

    /// Adds: a message of this type is an [error](Mark::Error).
    pub fn error_event(self, event_type: impl Into<Cow<'static, str>>) -> Self {
        self.rule(Test::Type(event_type.into()), Mark::Error)
    }

    /// Adds: a message whose data is a JSON object with an `error` that is not null is an [error](Mark::Error).
    #[cfg(feature = "json")]
    pub fn error_json(self) -> Self {
        self.rule(Test::ErrorJson, Mark::Error)
    }

    /// Adds: a message of this type is [left out](Mark::Skip).
    pub fn skip_event(self, event_type: impl Into<Cow<'static, str>>) -> Self {
        self.rule(Test::Type(event_type.into()), Mark::Skip)
    }

    /// Adds: a message without data, white space aside, is [left out](Mark::Skip): it brings an id, or says that the server
    /// is alive.
    pub fn skip_empty(self) -> Self {
        self.rule(Test::Data(Cow::Borrowed("")), Mark::Skip)
    }

    /// Adds a rule of the caller's, which knows every message that it does not call [`Mark::Message`]. It is taken to mark
    /// an end; if it does not, say so with [`may_just_end`](Self::may_just_end).
    pub fn with(self, rule: impl Fn(MessageRef<'_>) -> Mark + Send + Sync + 'static) -> Self {
        self.ending(Test::With(Custom(Arc::new(rule))), Mark::Message)
    }

    /// Lets a stream end without an end that was marked, as one without rules for it may.
    pub const fn may_just_end(mut self) -> Self {
        self.must_end = false;
        self
    }

    /// Returns what `message` means.
    #[inline]
    pub fn of(&self, message: MessageRef<'_>) -> Mark {
        if self.rules.is_empty() { Mark::Message } else { self.first_of(message) }
    }

    fn first_of(&self, message: MessageRef<'_>) -> Mark {
        let marks = self.rules.iter().map(|rule| rule.of(message));
        marks.into_iter().find(|mark| *mark != Mark::Message).unwrap_or(Mark::Message)
    }

    /// Returns whether a stream that ends without an end that was marked is unfinished.
    pub const fn must_end(&self) -> bool {
        self.must_end
    }

    fn rule(mut self, test: Test, mark: Mark) -> Self {
        self.rules.push(Rule { test, mark });
        self
    }

    fn ending(mut self, test: Test, mark: Mark) -> Self {
        self.must_end = true;
        self.rule(test, mark)
    }
}

/// Streams of well-known APIs.
impl Marks {
    /// Returns the rules of OpenAI's chat completions and of what is compatible with them: `data: [DONE]` ends the stream, an
    /// object with an `error` is one (so is an event `error`, which some send).
    #[cfg(feature = "json")]
    pub fn openai() -> Self {
        Self::none().end_data("[DONE]").error_event("error").error_json()
    }

    /// Returns the rules of OpenAI's Responses API: `response.completed` or `response.incomplete` is the last event,
    /// `response.failed` and `error` are errors. `[DONE]`, which proxies add, ends a stream, too.
    pub fn openai_responses() -> Self {
        let ends = Self::none().last_event("response.completed").last_event("response.incomplete");
        ends.error_event("response.failed").error_event("error").end_data("[DONE]")
    }

    /// Returns the rules of Anthropic's Messages API: `message_stop` is the last event, `error` is one, `ping` is left out.
    pub fn anthropic() -> Self {
        Self::none().last_event("message_stop").error_event("error").skip_event("ping")
    }
}

#[derive(Clone, Debug)]
struct Rule {
    test: Test,
    mark: Mark,
}

#[derive(Clone, Debug)]
enum Test {
    Data(Cow<'static, str>),
    Type(Cow<'static, str>),
    #[cfg(feature = "json")]
    ErrorJson,
    With(Custom),
}

#[derive(Clone)]
struct Custom(Arc<dyn Fn(MessageRef<'_>) -> Mark + Send + Sync>);

impl Rule {
    fn of(&self, message: MessageRef<'_>) -> Mark {
        let holds = match &self.test {
            Test::Data(data) => message.data().trim() == data.trim(),
            Test::Type(event_type) => message.event_type() == *event_type,
            #[cfg(feature = "json")]
            Test::ErrorJson => has_error(message.data()),
            Test::With(Custom(rule)) => return rule(message),
        };
        if holds { self.mark } else { Mark::Message }
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

/// Returns whether `data` is a JSON object with an `error` that is not null.
#[cfg(feature = "json")]
fn has_error(data: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Object {
        #[serde(default)]
        error: Option<serde::de::IgnoredAny>,
    }
    // Nearly all messages have no such name: they need not be parsed.
    let may_have = data.trim_start().starts_with('{') && memchr::memmem::find(data.as_bytes(), b"error").is_some();
    may_have && serde_json::from_str::<Object>(data).is_ok_and(|object| object.error.is_some())
}
