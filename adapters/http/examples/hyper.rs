//! `http-hyper URL URL …`: follows several event streams of one server over one connection of HTTP/2 (without TLS, so that the
//! server has to know that it is asked in HTTP/2), and prints their messages.

use std::error::Error;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tidewire_core::client::{Config, Event};
use tidewire_http::EventSource;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let mut tasks = Vec::new();
    for url in std::env::args().skip(1) {
        let mut source = EventSource::new(client.clone(), Config::new(url.parse()?));
        tasks.push(tokio::spawn(async move {
            while let Some(event) = source.next().await {
                match event {
                    Event::Message(message) => println!("{url} {} {}", message.event_type(), message.data()),
                    other => eprintln!("{url} {other}"),
                }
            }
        }));
    }
    if tasks.is_empty() {
        return Err("usage: http-hyper URL URL …".into());
    }
    for task in tasks {
        task.await?;
    }
    Ok(())
}
