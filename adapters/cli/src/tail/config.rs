//! What the client is told, from the command line.

use std::io::Read;
use std::{env, fs};

use serde::de::IgnoredAny;
use tidewire_core::client::{Config, Resend};
use tidewire_core::http::Method;
use tidewire_core::http::coding::Codings;
use tidewire_core::sse::EventId;

use crate::args::{RetryPost, Tail};
use crate::exit::{Exit, Failure};
use crate::{stdin, target};

pub(super) fn config(args: &Tail) -> Result<Config, Failure> {
    let mut config = Config::new(target::url(args.url.as_deref().unwrap_or_default())?);
    request(args, &mut config)?;
    args.network.apply(&mut config)?;
    config.read_timeout = Some(args.idle_timeout);
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
    Ok(config)
}

/// Fills in what is asked for.
fn request(args: &Tail, config: &mut Config) -> Result<(), Failure> {
    config.fields = target::fields(&args.header)?;
    if let Some(agent) = &args.user_agent {
        config.fields.set("user-agent", agent).map_err(|error| usage(format!("--user-agent: {error}")))?;
    }
    if let Some(token) = bearer(args)? {
        // The token itself is not for the eyes of who reads the error.
        let set = config.fields.set("authorization", format!("Bearer {token}"));
        set.map_err(|_| usage("--bearer: the token has characters that no header field can have".into()))?;
    }
    if let Some(data) = &args.data {
        let body = body("--data", data)?;
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

/// Returns the token of `--bearer`, else of the environment, unless the command line authorises otherwise.
fn bearer(args: &Tail) -> Result<Option<String>, Failure> {
    let own = args.header.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let token = match &args.bearer {
        Some(_) if own => {
            return Err(usage("--bearer and -H 'Authorization: …' say the same; take one of them".into()));
        }
        Some(token) if token.starts_with('@') => {
            let token = body("--bearer", token)?;
            String::from_utf8(token).map_err(|_| usage("--bearer: the file holds no text".into()))?
        }
        Some(token) => token.clone(),
        None if own => return Ok(None),
        None => match env::var("TIDEWIRE_BEARER") {
            Ok(token) if !token.is_empty() => token,
            _ => return Ok(None),
        },
    };
    let token = token.trim();
    if token.is_empty() {
        return Err(usage("--bearer: the token is empty".into()));
    }
    Ok(Some(token.to_owned()))
}

/// Reads what an option names: itself, or a file.
fn body(option: &str, data: &str) -> Result<Vec<u8>, Failure> {
    let read = match data.strip_prefix('@').unwrap_or(data) {
        "-" => {
            let mut body = Vec::new();
            stdin::open().read_to_end(&mut body).map(|_| body)
        }
        file if data.starts_with('@') => fs::read(file),
        data => Ok(data.into()),
    };
    read.map_err(|error| Failure::new(Exit::Failed, format!("{option} {data}: {error}")))
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
