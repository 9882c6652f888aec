//! What the client of a WebSocket is told, from the command line.

use std::time::Duration;

use tidewire_core::client::{Config, WebSocketConfig};
use tidewire_core::ws;
use tidewire_core::ws::deflate;

use crate::args::Tail;
use crate::exit::{Exit, Failure};

/// Returns the configuration; `http` says where the WebSocket is and how connections are made.
pub(super) fn config(args: &Tail, http: Config) -> Result<WebSocketConfig, Failure> {
    let mut config = WebSocketConfig::new(http.url.clone());
    let retry_status = config.http.retry_status;
    config.http = http;
    config.http.read_timeout = None;
    if args.retry_status.is_none() {
        config.http.retry_status = retry_status;
    }
    for protocol in &args.web_socket.protocol {
        if config.protocols.iter().any(|other| **other == **protocol) || !is_token(protocol) {
            return Err(usage(format!(
                "--protocol '{protocol}': each is a word of letters, digits and !#$%&'*+-.^_`|~, and is named once"
            )));
        }
        config.protocols.push(protocol.as_str().into());
    }
    connection(args, config.connection_mut())?;
    Ok(config)
}

fn connection(args: &Tail, connection: &mut ws::Config) -> Result<(), Failure> {
    connection.limits.max_message = LONGEST;
    connection.limits.max_frame = LONGEST;
    let idle = args.idle_timeout;
    let ping = args.web_socket.ping.unwrap_or_else(|| idle.map_or(PING, |idle| PING.min(idle / 2)));
    connection.ping_interval = Some(ping);
    connection.pong_timeout = match idle {
        None => PONG,
        Some(idle) if idle > ping => idle - ping,
        Some(_) => {
            return Err(usage("--ping: it must be shorter than --idle-timeout, for a ping wants an answer".into()));
        }
    };
    if args.compressed {
        let mut compression = deflate::Config::default();
        compression.send = deflate::Context::SHARED;
        compression.receive = deflate::Context::SHARED;
        compression.min_len = 64;
        compression.allowance = LONGEST;
        connection.deflate = Some(compression);
    }
    Ok(())
}

/// RFC 9110 §5.6.2
fn is_token(text: &str) -> bool {
    let is_mark = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

const PING: Duration = Duration::from_secs(30);
/// How long an answer to a ping may take.
const PONG: Duration = Duration::from_secs(20);
/// How long a message may be: as long as an event.
const LONGEST: usize = 16 << 20;
