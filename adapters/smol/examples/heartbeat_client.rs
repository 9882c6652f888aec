//! `smol-heartbeat-client URL`: prints the comments and messages of a stream, and what becomes of it.
//!
//! ```text
//! cargo run -p tidewire-smol --example smol-heartbeat-client http://127.0.0.1:8081/
//! ```

use std::error::Error;

use tidewire_core::client::{Config, Event};
use tidewire_smol::EventSource;

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let url = std::env::args().nth(1).ok_or("usage: smol-heartbeat-client URL")?;
        let mut source = EventSource::new(Config::new(url.parse()?));
        while let Some(event) = source.next().await {
            match event {
                Event::Comment(comment) => println!(":{}", comment.escape_debug()),
                Event::Message(message) => println!("{}: {}", message.event_type(), message.data().escape_debug()),
                Event::Disconnected { reason, retry_in, .. } => eprintln!("{reason}; again in {retry_in:?}"),
                Event::Closed(reason) => eprintln!("{reason}"),
                _ => {}
            }
        }
        Ok(())
    })
}
