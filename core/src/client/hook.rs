//! What the application decides by functions of its own.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use super::{Reason, Refusal, Request};

/// What an attempt or connection that ended looks like to a [`FailureHook`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// Why it ended; [`refusal`](Self::refusal) has the status, fields and body of an answer that was not the stream.
    pub reason: &'a Reason,
    /// Which attempt it was, counted from 1, each hop of a redirect too.
    pub attempt: u64,
    /// How many failures in a row there were, this one too.
    pub failures: u32,
    /// Whether the stream was ever open.
    pub has_opened: bool,
    /// After what delay the configuration tries again; `None`: it would end.
    pub would_retry_in: Option<Duration>,
    /// Whether a limit is reached ([`max_failures`](super::Config::max_failures),
    /// [`first_connection`](super::Config::first_connection)): then it ends, whatever the hook decides.
    pub is_last: bool,
}

/// What a [`FailureHook`] decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// What the configuration says.
    #[default]
    Default,
    /// To try again, after the delay that the configuration has for it: also after what would be final, and also a request
    /// that would not be sent again.
    Retry,
    /// To try again after exactly so long. It counts as a failure like any other.
    RetryIn(Duration),
    /// To end with [`CloseReason::Stopped`](super::CloseReason::Stopped), or with the configuration's reason if it would
    /// end anyway.
    Stop,
}

/// Decides what follows each end of an attempt or connection, also where the configuration would end it all.
///
/// It is not asked where nothing failed or nothing can be decided: on a restart, on a redirect that is followed, when the
/// application closes, and when a deadline over all attempts has passed.
///
/// It is called while the machine handles something, so it must not block; and what it decides is part of the inputs: the
/// same failures have to give the same decisions where a run is to be repeated. What takes time, such as fetching a token, is
/// done between [`Event::Disconnected`](super::Event::Disconnected) and the next event, through
/// [`config_mut`](super::EventSource::config_mut): nothing moves meanwhile.
///
/// ```
/// use tidewire_core::client::{Config, Decision, FailureHook};
/// use tidewire_core::http::Url;
///
/// let mut config = Config::new(Url::parse("https://example.org/events")?);
/// config.on_failure = Some(FailureHook::new(|failure| match failure.status() {
///     Some(404) => Decision::Stop,
///     Some(401) if failure.failures < 3 => Decision::Retry,
///     _ => Decision::Default,
/// }));
/// # Ok::<(), tidewire_core::http::UrlError>(())
/// ```
#[derive(Clone)]
pub struct FailureHook(Arc<OnFailure>);

type OnFailure = dyn Fn(&Failure<'_>) -> Decision + Send + Sync;

/// Changes a request before it is sent: a fresh token, another query, URL or body.
///
/// It is called once for each attempt, with its number, and not for the hops of a redirect. The request is built anew from
/// the configuration each time, so that nothing is left of what it did before. `Content-Length` and `Transfer-Encoding` are
/// left out: they follow from the body. What is not well formed cannot be put into it.
///
/// It must not block, and what it makes of the request is part of the inputs: see [`FailureHook`].
///
/// ```
/// use tidewire_core::client::{Config, RequestHook};
/// use tidewire_core::http::Url;
///
/// let mut config = Config::new(Url::parse("https://example.org/events")?);
/// config.before_request = Some(RequestHook::new(|request, attempt| {
///     if let Ok(url) = request.url.join(&format!("?attempt={attempt}")) {
///         request.url = url;
///     }
/// }));
/// # Ok::<(), tidewire_core::http::UrlError>(())
/// ```
#[derive(Clone)]
pub struct RequestHook(Arc<BeforeRequest>);

type BeforeRequest = dyn Fn(&mut Request, u64) + Send + Sync;

impl Failure<'_> {
    /// Returns the answer that was not the stream, if there was one.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.reason.refusal()
    }

    /// Returns its status.
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.head.status)
    }
}

impl FailureHook {
    /// Returns the hook that is `decide`.
    pub fn new(decide: impl Fn(&Failure<'_>) -> Decision + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }

    pub(super) fn decide(&self, failure: &Failure<'_>) -> Decision {
        (self.0)(failure)
    }
}

impl RequestHook {
    /// Returns the hook that is `change`.
    pub fn new(change: impl Fn(&mut Request, u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(change))
    }

    pub(super) fn change(&self, request: &mut Request, attempt: u64) {
        (self.0)(request, attempt);
    }
}

impl fmt::Debug for FailureHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FailureHook(..)")
    }
}

impl fmt::Debug for RequestHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestHook(..)")
    }
}
