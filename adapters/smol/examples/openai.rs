//! `smol-openai PROMPT [BASE_URL [MODEL]]`: asks a chat model of OpenAI, or of a server that speaks like it, and prints the
//! answer as it comes.
//!
//! ```text
//! OPENAI_API_KEY=sk-… cargo run -p tidewire-smol --example smol-openai -- "Why is the sea salty?"
//! cargo run -p tidewire-smol --example smol-openai -- "Why is the sea salty?" http://127.0.0.1:11434/v1 llama3.2
//! ```
//!
//! The answer is on stdout, all else on stderr. What the server refuses for now (429, 5xx) is asked for three times, after as
//! long as `Retry-After` says; an answer that breaks off is not asked for again, and is a failure, as is one without `[DONE]`.

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};
use tidewire_core::client::{Config, Decision, FailureHook, Marks, NextError, Reason};
use tidewire_core::http::coding::Codings;
use tidewire_smol::{EventSource, proxies_from_env};

const USAGE: &str = "usage: smol-openai PROMPT [BASE_URL [MODEL]]";

fn main() -> ExitCode {
    smol::block_on(async { end(chat().await) })
}

// From here on `tokio-openai` and `smol-openai` are the same.

fn end(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

async fn chat() -> Result<(), Box<dyn Error>> {
    let mut source = EventSource::new(request()?);
    let mut out = stdout();
    while let Some(chunk) = source.next_json::<Chunk>().await.map_err(|error| explain(&error))? {
        for choice in &chunk.choices {
            write!(out, "{}", choice.delta.content.as_deref().unwrap_or_default())?;
            write!(out, "{}", choice.delta.refusal.as_deref().unwrap_or_default())?;
            for ToolCall { function } in choice.delta.tool_calls.iter().flatten() {
                if let Some(name) = &function.name {
                    write!(out, "\ncall {name} ")?;
                }
                write!(out, "{}", function.arguments.as_deref().unwrap_or_default())?;
            }
            match choice.finish_reason.as_deref() {
                None => {}
                Some("stop" | "tool_calls") => writeln!(out)?,
                Some(other) => writeln!(out, "\n[{other}]")?,
            }
        }
        out.flush()?;
        if let Some(usage) = chunk.usage {
            eprintln!("{} tokens in, {} out", usage.prompt_tokens, usage.completion_tokens);
        }
    }
    Ok(())
}

fn request() -> Result<Config, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let prompt = arguments.next().ok_or(USAGE)?;
    let base = arguments.next().unwrap_or_else(|| "https://api.openai.com/v1".into());
    let model = arguments.next().unwrap_or_else(|| "gpt-6-astra".into());
    let body = json!({
        "model": model,
        "messages": [{ "role": "user", "content": prompt }],
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let url = format!("{}/chat/completions", base.trim_end_matches('/')).parse()?;
    let mut config = Config::llm(url, body.to_string());
    if let Ok(key) = std::env::var("OPENAI_API_KEY") {
        config.fields.set("Authorization", format!("Bearer {key}"))?;
    }
    config.marks = Marks::openai();
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
    match error["message"].as_str().or(error.as_str()) {
        Some(message) => format!("{what}: {message}"),
        None => format!("{what}: {reason}"),
    }
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    /// In the last one, which has no choices.
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
struct ToolCall {
    function: Function,
}

/// The name comes first, then the arguments piece by piece.
#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}
