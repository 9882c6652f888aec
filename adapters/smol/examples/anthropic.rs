//! `smol-anthropic PROMPT [BASE_URL [MODEL]]`: asks a model of Anthropic and prints the answer as it comes.
//!
//! ```text
//! ANTHROPIC_API_KEY=sk-ant-… cargo run -p tidewire-smol --example smol-anthropic -- "Why is the sea salty?"
//! ```
//!
//! The answer is on stdout, all else on stderr. What the server refuses for now (429, 529, other 5xx) is asked for three times,
//! after as long as `Retry-After` says; an answer that breaks off is not asked for again, and is a failure, as is one without
//! `message_stop` or with an `error` in it.

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};
use tidewire_core::client::{Config, Decision, FailureHook, Marks, NextError, Reason};
use tidewire_core::http::coding::Codings;
use tidewire_smol::{EventSource, proxies_from_env};

const USAGE: &str = "usage: smol-anthropic PROMPT [BASE_URL [MODEL]]";

fn main() -> ExitCode {
    smol::block_on(async { end(chat().await) })
}

// From here on `tokio-anthropic` and `smol-anthropic` are the same.

fn end(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

async fn chat() -> Result<(), Box<dyn Error>> {
    let mut source = EventSource::new(request()?);
    let mut out = stdout();
    let mut input_tokens = 0;
    while let Some(event) = source.next_json::<Event>().await.map_err(|error| explain(&error))? {
        match event {
            Event::MessageStart { message } => input_tokens = message.usage.input_tokens,
            Event::ContentBlockStart { content_block: Block::ToolUse { name } } => write!(out, "\ncall {name} ")?,
            Event::ContentBlockDelta { delta: Delta::Text { text } } => write!(out, "{text}")?,
            Event::ContentBlockDelta { delta: Delta::InputJson { partial_json } } => write!(out, "{partial_json}")?,
            Event::MessageDelta { delta, usage } => {
                match delta.stop_reason.as_deref() {
                    None | Some("end_turn" | "tool_use" | "stop_sequence") => writeln!(out)?,
                    Some(other) => writeln!(out, "\n[{other}]")?,
                }
                eprintln!("{input_tokens} tokens in, {} out", usage.output_tokens);
            }
            // "we may add new event types, and your code should handle unknown event types gracefully"
            _ => {}
        }
        out.flush()?;
    }
    Ok(())
}

fn request() -> Result<Config, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let prompt = arguments.next().ok_or(USAGE)?;
    let base = arguments.next().unwrap_or_else(|| "https://api.anthropic.com".into());
    let model = arguments.next().unwrap_or_else(|| "claude-opus-5-5".into());
    let body = json!({
        "model": model,
        "max_tokens": 1024,
        "messages": [{ "role": "user", "content": prompt }],
        "stream": true,
    });
    let url = format!("{}/v1/messages", base.trim_end_matches('/')).parse()?;
    let mut config = Config::llm(url, body.to_string());
    config.fields.set("anthropic-version", "2023-06-01")?;
    if let Ok(key) = std::env::var("ANTHROPIC_API_KEY") {
        config.fields.set("x-api-key", key)?;
    }
    config.marks = Marks::anthropic();
    config.codings = Codings::ALL;
    config.proxies = proxies_from_env()?;
    config.on_failure = Some(FailureHook::new(|failure| {
        if let Some(wait) = failure.would_retry_in {
            eprintln!("{}; asking again in {wait:.1?}", failure.reason);
        }
        Decision::Default
    }));
    Ok(config)
}

/// Says why there is no answer, or no more of it: in the words of the API where it has any.
fn explain(error: &NextError) -> String {
    let NextError::Closed(reason) = error else { return error.to_string() };
    let (what, said) = match (reason.refusal(), reason.reason()) {
        (Some(refusal), _) => (format!("refused ({})", refusal.head.status), &refusal.body[..]),
        // What there is of the answer has no end of its line yet.
        (None, Some(Reason::ErrorEvent(message))) => ("\nbroke off".to_owned(), message.data().as_bytes()),
        _ => return format!("\nno complete answer: {reason}"),
    };
    let error = serde_json::from_slice::<Value>(said).unwrap_or_default()["error"].take();
    match (error["type"].as_str(), error["message"].as_str()) {
        (Some(kind), Some(message)) => format!("{what}: {kind}: {message}"),
        _ => format!("{what}: {reason}"),
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Message,
    },
    ContentBlockStart {
        content_block: Block,
    },
    ContentBlockDelta {
        delta: Delta,
    },
    MessageDelta {
        delta: Stop,
        usage: Output,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Message {
    usage: Input,
}

#[derive(Deserialize)]
struct Input {
    input_tokens: u64,
}

/// Counted from the beginning of the message.
#[derive(Deserialize)]
struct Output {
    output_tokens: u64,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    ToolUse {
        name: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Stop {
    stop_reason: Option<String>,
}
