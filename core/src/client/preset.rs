use core::time::Duration;

use bytes::Bytes;

use super::{Config, ContentType, Resend, RetryStatus};
use crate::backoff;
use crate::http::{Method, Url};

impl Config {
    /// Returns the configuration of LaunchDarkly's client for the stream at `url`: whatever fails is tried again, also every
    /// status and every method, until a [hook](Self::on_failure) says stop; only 204 ends it. The delay is 3 s each time
    /// ([`backoff::Config::launchdarkly`]), silence is no failure, ten redirects are followed.
    ///
    /// Where that client has a defect this one has none: see the table of the [module](super#presets).
    pub fn launchdarkly(url: Url) -> Self {
        let mut config = Self::new(url);
        config.backoff = backoff::Config::launchdarkly();
        config.retry_status = RetryStatus::ALL;
        config.resend = Resend::Always;
        config.content_type = ContentType::Any;
        config.read_timeout = None;
        config.max_redirects = 10;
        config
    }

    /// Returns the configuration for an API of a language model: a POST of `body`, which is JSON, to `url`, whose answer is
    /// the stream.
    ///
    /// It is sent three times at most, and again only where nothing was sent or the server answered with a status that
    /// means "later" ([`RetryStatus::LLM`], [`Resend::Refused`]): a stream that breaks off is not asked for, and paid,
    /// twice. The delays begin with 500 ms and end with 8 s, or with what `Retry-After` says; the head may take ten minutes
    /// (the defaults of the vendors' own clients).
    pub fn llm(url: Url, body: impl Into<Bytes>) -> Self {
        let mut config = Self::new(url);
        config.method = Method::POST;
        config.body = Some(body.into());
        // It is well formed.
        let _ = config.fields.append("Content-Type", "application/json");
        config.retry_status = RetryStatus::LLM;
        config.resend = Resend::Refused;
        config.max_failures = Some(3);
        config.backoff.base = Duration::from_millis(500);
        config.backoff.max = Some(Duration::from_secs(8));
        config.head_timeout = Some(Duration::from_secs(600));
        config
    }
}
