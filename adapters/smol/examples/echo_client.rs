//! `smol-echo-client URL AGENT`: says at a WebSocket what it is told, until that is closed; what the fuzzing servers of the field expect
//! of a client under test. It ends well after a clean close.
//!
//! ```text
//! cargo run -p tidewire-smol --example smol-echo-client 'ws://127.0.0.1:9001/runCase?case=1&agent=me' me
//! ```

use std::error::Error;

use tidewire_core::client::{CloseReason, WebSocketConfig, WebSocketEvent};
use tidewire_core::ws::deflate;
use tidewire_smol::WebSocket;

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let mut arguments = std::env::args().skip(1);
        let (Some(url), Some(agent)) = (arguments.next(), arguments.next()) else {
            return Err("usage: smol-echo-client URL AGENT".into());
        };
        let mut config = WebSocketConfig::new(url.parse()?);
        config.http.fields.append("user-agent", agent)?;
        config.http.reconnect = false;
        let connection = config.connection_mut();
        connection.limits.max_frame = 64 << 20;
        connection.limits.max_message = 64 << 20;
        connection.limits.max_fragments = 1 << 20;
        connection.deflate = Some(deflate::Config::default());

        let mut socket = WebSocket::open(config).await?;
        while let Some(event) = socket.next().await {
            match event {
                // Who closes in the middle wants no echo.
                WebSocketEvent::Message(message) => drop(socket.send(message).await),
                WebSocketEvent::Closed { reason: CloseReason::WebSocket(closed), .. } if closed.is_clean => {
                    eprintln!("{closed}");
                }
                WebSocketEvent::Closed { reason, .. } => return Err(reason.into()),
                _ => {}
            }
        }
        Ok(())
    })
}
