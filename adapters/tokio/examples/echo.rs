//! `tokio-echo PORT [--deflate]`: a WebSocket at `/echo` that says what it is told, messages of up to 64 MiB; compressed, if asked to.
//!
//! ```text
//! cargo run -p tidewire-tokio --example tokio-echo 8081
//! cargo run -p tidewire-tokio --example tokio-echo-client ws://127.0.0.1:8081/echo me
//! ```

use std::error::Error;
use std::future::pending;

use tidewire_core::server::WebSocketEndpoint;
use tidewire_core::ws::deflate;
use tidewire_tokio::{EventServer, Socket, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("usage: tokio-echo PORT [--deflate]")?.parse()?;
    let compresses = arguments.any(|argument| argument == "--deflate");

    let mut endpoint = WebSocketEndpoint::default();
    let config = endpoint.config_mut();
    config.limits.max_frame = 64 << 20;
    config.limits.max_message = 64 << 20;
    config.limits.max_fragments = 1 << 20;
    config.deflate = compresses.then(deflate::Config::default);

    let server = EventServer::default();
    server.web_sockets_at("/echo", endpoint, |socket, _| drop(tokio::spawn(echo(socket))))?;

    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("echoing at ws://{}/echo", listener.local_addr()?);
    serve(listener, server, pending::<()>()).await;
    Ok(())
}

async fn echo(socket: Socket) {
    while let Some(message) = socket.recv().await {
        // Who closes in the middle wants no echo.
        if socket.send(message).await.is_err() {
            break;
        }
    }
    eprintln!("{}", socket.closed().await);
}
