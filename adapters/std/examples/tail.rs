//! `std-tail URL`: follows an event stream without a runtime, reconnecting, and prints type, last event ID and data of its
//! messages.

use std::error::Error;

use tidewire_core::client::{Config, Event};
use tidewire_std::{EventSource, proxies_from_env};

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: std-tail URL")?.parse()?;
    let mut config = Config::new(url);
    config.proxies = proxies_from_env()?;
    for event in EventSource::new(config) {
        match event {
            Event::Message(message) => {
                println!("{} {} {}", message.event_type(), message.last_event_id(), message.data())
            }
            other => eprintln!("{other}"),
        }
    }
    Ok(())
}
