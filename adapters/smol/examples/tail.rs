//! `smol-tail URL`: follows an event stream, reconnecting, and prints type, last event ID and data of its messages.

use std::error::Error;

use tidewire_core::client::{Config, Event};
use tidewire_core::http::Url;
use tidewire_smol::EventSource;

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: smol-tail URL")?.parse()?;
    smol::block_on(follow(url));
    Ok(())
}

async fn follow(url: Url) {
    let mut source = EventSource::new(Config::new(url));
    while let Some(event) = source.next().await {
        match event {
            Event::Message(message) => {
                println!("{} {} {}", message.event_type(), message.last_event_id(), message.data())
            }
            other => eprintln!("{other}"),
        }
    }
}
