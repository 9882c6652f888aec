//! What the client is told, from the command line.

use std::time::Duration;

use serde::de::IgnoredAny;
use tidewire_core::client::{Config, ContentType, Resend};
use tidewire_core::http::Method;
use tidewire_core::http::coding::Codings;
use tidewire_core::sse::EventId;

use crate::args::{AnyContentType, RetryPost, Tail};
use crate::exit::{Exit, Failure};
use crate::{input, target};

pub(super) fn config(args: &Tail) -> Result<Config, Failure> {
    let mut config = Config::new(target::url(args.url.as_deref().unwrap_or_default())?);
    request(args, &mut config)?;
    args.network.apply(&mut config)?;
    config.resolve_timeout = Some(args.connect_timeout);
    config.connect_timeout = Some(args.connect_timeout);
    config.tunnel_timeout = Some(args.connect_timeout);
    config.tls_timeout = Some(args.connect_timeout);
    config.head_timeout = Some(args.head_timeout);
    config.first_byte_timeout = args.first_byte_timeout;
    config.read_timeout = Some(args.idle_timeout.unwrap_or(IDLE));
    config.reconnect = !args.no_reconnect;
    config.max_failures = args.max_failures;
    if let Some(delay) = args.max_delay {
        config.backoff.max = Some(delay);
        config.backoff.max_retry = Some(delay);
        config.max_retry_after = Some(delay);
    }
    if let Some(statuses) = args.retry_status {
        config.retry_status = statuses;
    }
    match args.retry_post {
        Some(RetryPost::Refused) => config.resend = Resend::Refused,
        Some(RetryPost::Resume) => config.resend = Resend::ByGet,
        Some(RetryPost::Always) => config.resend = Resend::Always,
        None => {}
    }
    match args.any_content_type {
        Some(AnyContentType::Any) => config.content_type = ContentType::Any,
        Some(AnyContentType::Lenient) => config.content_type = ContentType::Lenient,
        None => {}
    }
    if args.json_answer {
        config.max_answer = Some(MAX_ANSWER);
        if !config.fields.contains("accept") {
            // What the Model Context Protocol asks for, too; a field that we wrote ourselves is one that can be sent.
            let _ = config.fields.set("accept", "application/json, text/event-stream");
        }
    }
    Ok(config)
}

/// Fills in what is asked for.
fn request(args: &Tail, config: &mut Config) -> Result<(), Failure> {
    config.fields = target::fields(&args.header, args.bearer.as_deref())?;
    if let Some(agent) = &args.user_agent {
        config.fields.set("user-agent", agent).map_err(|error| usage(format!("--user-agent: {error}")))?;
    }
    if let Some(data) = &args.data {
        let body = input::read("--data", data)?;
        config.method = Method::POST;
        if !config.fields.contains("content-type") {
            // A header field that we wrote ourselves is one that can be sent.
            let _ = config.fields.set("content-type", content_type(&body));
        }
        config.body = Some(body.into());
    }
    if let Some(method) = &args.request {
        config.method = Method::new(method).map_err(|error| usage(format!("-X {method}: {error}")))?;
    }
    if args.compressed {
        config.codings = Codings::ALL;
    }
    if let Some(id) = &args.last_event_id {
        let id = EventId::new(id.clone()).map_err(|error| usage(format!("--last-event-id: {error}")))?;
        config.last_event_id = Some(id);
    }
    Ok(())
}

fn content_type(body: &[u8]) -> &'static str {
    match serde_json::from_slice::<IgnoredAny>(body) {
        Ok(_) => "application/json",
        Err(_) if str::from_utf8(body).is_ok() => "text/plain;charset=utf-8",
        Err(_) => "application/octet-stream",
    }
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

/// After which silence an event stream is taken for lost.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// How long an answer in one piece may be: as long as an event.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
