//! `tokio-mcp [--2026-07-28] URL TOOL [ARGUMENTS]`: calls a tool of an MCP server and prints its result; the arguments are a
//! JSON object.
//!
//! ```text
//! cargo run -p tidewire-tokio --example tokio-mcp -- http://127.0.0.1:3000/mcp weather '{"city":"Oslo"}'
//! ```
//!
//! The result is on stdout; progress and all else is on stderr. By version 2025-11-25 of the protocol, a connection that is lost
//! is resumed by GET where the server gave ids; by 2026-07-28, which has no sessions, it is a failure. `MCP_TOKEN` in the
//! environment is sent as a bearer token.

use std::error::Error;
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};
use tidewire_core::client::{CloseReason, Config, NextError, mcp};
use tidewire_core::http::Url;
use tidewire_tokio::{EventSource, proxies_from_env};

const USAGE: &str = "usage: tokio-mcp [--2026-07-28] URL TOOL [ARGUMENTS]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    end(run().await)
}

// From here on `tokio-mcp` and `smol-mcp` are the same.

fn end(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_stateless = arguments.next_if_eq("--2026-07-28").is_some();
    let url = arguments.next().ok_or(USAGE)?.parse()?;
    let tool = arguments.next().ok_or(USAGE)?;
    let input = arguments.next().map_or(Ok(json!({})), |input| serde_json::from_str(&input))?;
    let result =
        if is_stateless { call(url, &tool, &input).await? } else { call_in_session(url, &tool, &input).await? };
    println!("{}", text_of(&result));
    if result["isError"] == true { Err(format!("{tool} failed").into()) } else { Ok(()) }
}

/// Calls a tool by version 2026-07-28: every request says all that the server needs.
async fn call(url: Url, tool: &str, input: &Value) -> Result<Value, Box<dyn Error>> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": client(),
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": 1,
    });
    let params = json!({ "name": tool, "arguments": input, "_meta": meta });
    let config = Config::mcp_2026_07_28(url, request(1, "tools/call", &params));
    let result = ask(&mut EventSource::new(with_token(config)?)).await?;
    // This client has nothing to offer that a server could ask for.
    match result["resultType"].as_str() {
        None | Some("complete") => Ok(result),
        Some(other) => Err(format!("the server wants more before it goes on ({other})").into()),
    }
}

/// Calls a tool by version 2025-11-25: in a session.
async fn call_in_session(url: Url, tool: &str, input: &Value) -> Result<Value, Box<dyn Error>> {
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client() });
    let mut source =
        EventSource::new(with_token(Config::mcp_2025_11_25(url.clone(), request(1, "initialize", &hello)))?);
    let agreed = ask(&mut source).await?;
    let version = agreed["protocolVersion"].as_str().ok_or("the server names no version of the protocol")?;
    let session = source.machine().response().and_then(mcp::session_id);
    let in_session = |body: String| -> Result<EventSource, Box<dyn Error>> {
        let mut config = Config::mcp_2025_11_25(url.clone(), body);
        config.fields.set(mcp::PROTOCOL_VERSION, version)?;
        if let Some(session) = session {
            config.fields.set(mcp::SESSION_ID, session)?;
        }
        Ok(EventSource::new(with_token(config)?))
    };

    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    notify(&mut in_session(initialized.to_string())?).await?;
    let params = json!({ "name": tool, "arguments": input, "_meta": { "progressToken": 1 } });
    ask(&mut in_session(request(2, "tools/call", &params))?).await
}

fn client() -> Value {
    json!({ "name": "tidewire-mcp", "version": env!("CARGO_PKG_VERSION") })
}

fn request(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

fn with_token(mut config: Config) -> Result<Config, Box<dyn Error>> {
    if let Ok(token) = std::env::var("MCP_TOKEN") {
        config.fields.set("Authorization", format!("Bearer {token}"))?;
    }
    config.proxies = proxies_from_env()?;
    Ok(config)
}

/// Sends a request and returns its result, be it sent as JSON or at the end of a stream; tells of the progress meanwhile.
async fn ask(source: &mut EventSource) -> Result<Value, Box<dyn Error>> {
    let mut response = None;
    while let Some(message) = source.next_json::<Message>().await.map_err(|error| explain(&error))? {
        match (message.method.as_deref(), message.params) {
            (Some("notifications/progress"), Some(params)) => {
                let total = params["total"].as_f64().map_or(String::new(), |total| format!("/{total}"));
                eprintln!("{}{total} {}", params["progress"], params["message"].as_str().unwrap_or_default());
            }
            (Some("notifications/message"), Some(params)) => eprintln!("{}", params["data"]),
            // A request or notification of no interest here.
            (Some(_), _) => {}
            (None, _) => response = Some((message.result, message.error)),
        }
    }
    match response {
        Some((Some(result), None)) => Ok(result),
        Some((_, Some(error))) => Err(error.to_string().into()),
        _ => Err("the server answered without a result".into()),
    }
}

/// Sends a notification, to which there is no answer but 202.
async fn notify(source: &mut EventSource) -> Result<(), CloseReason> {
    match source.next_message().await {
        Err(CloseReason::Status(refusal)) if refusal.head.status == 202 => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Says why there is no result: in the words of the server where it has any.
fn explain(error: &NextError) -> String {
    let NextError::Closed(reason) = error else { return error.to_string() };
    let body = reason.refusal().map(|refusal| (refusal.head.status, &refusal.body));
    match body.and_then(|(status, body)| Some((status, serde_json::from_slice::<Message>(body).ok()?.error?))) {
        Some((status, error)) => format!("refused ({status}): {error}"),
        None => format!("no result: {reason}"),
    }
}

fn text_of(result: &Value) -> String {
    let texts = result["content"].as_array().into_iter().flatten().map(|part| match part["text"].as_str() {
        Some(text) => text.to_owned(),
        None => part.to_string(),
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// A JSON-RPC message.
#[derive(Deserialize)]
struct Message {
    method: Option<String>,
    params: Option<Value>,
    result: Option<Value>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    message: String,
}

impl std::fmt::Display for RpcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}
