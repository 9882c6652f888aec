//! `http-reqwest URL`: follows an event stream over reqwest, reconnecting, and prints type, last event ID and data of its
//! messages. Ends when the server answers 204, or refuses, with what it said.

use std::error::Error;

use reqwest::redirect::Policy;
use tidewire_core::client::{Config, Event};
use tidewire_http::EventSource;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: http-reqwest URL")?.parse()?;
    // The event source follows redirects itself. TLS, proxies and cookies are as the client has them.
    let client = reqwest::Client::builder().redirect(Policy::none()).build()?;
    let mut source = EventSource::new(client, Config::new(url));
    while let Some(event) = source.next().await {
        match event {
            Event::Message(message) => {
                println!("{} {} {}", message.event_type(), message.last_event_id(), message.data())
            }
            other => eprintln!("{other}"),
        }
    }
    Ok(())
}
