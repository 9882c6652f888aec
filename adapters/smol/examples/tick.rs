//! `smol-tick PORT [MILLISECONDS]`: the time from 2013 on, a tick a second or as often as said, at `/time`, compressed for who can read that;
//! and a client that prints it. It is the example of LaunchDarkly's server.
//!
//! ```text
//! cargo run -p tidewire-smol --example smol-tick 8081
//! curl -N --compressed http://127.0.0.1:8081/time
//! ```

use std::borrow::Cow;
use std::error::Error;
use std::future::pending;
use std::time::Duration;

use smol::Timer;
use smol::net::TcpListener;
use smol::stream::StreamExt;
use tidewire_core::UnixTime;
use tidewire_core::channels::{ChannelConfig, Endpoint};
use tidewire_core::client::{Config, Event};
use tidewire_core::http::coding::Codings;
use tidewire_core::sse::ToMessage;
use tidewire_smol::{EventServer, EventSource, Publisher, serve};

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let mut arguments = std::env::args().skip(1);
        let port: u16 = arguments.next().ok_or("usage: smol-tick PORT [MILLISECONDS]")?.parse()?;
        let every = Duration::from_millis(arguments.next().map_or(Ok(1000), |text| text.parse())?);

        let server = EventServer::default();
        let mut channel = ChannelConfig::default();
        channel.topic.own_ids = true;
        server.register("time", channel)?;
        let mut endpoint = Endpoint::default();
        endpoint.gzip = true;
        server.channels_at("/time", ["time"], endpoint)?;

        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let url = format!("http://{}/time", listener.local_addr()?);
        println!("ticking at {url}");
        let publisher = server.publisher();
        smol::spawn(serve(listener, server, pending::<()>())).detach();

        let mut config = Config::new(url.parse()?);
        config.codings = Codings::ALL;
        let mut source = EventSource::open(config).await?;
        smol::spawn(async move {
            if let Err(error) = publish(publisher, every).await {
                eprintln!("{error}");
            }
        })
        .detach();
        while let Some(event) = source.next().await {
            if let Event::Message(tick) = event {
                println!("{} {} {}", tick.last_event_id(), tick.event_type(), tick.data());
            }
        }
        Ok(())
    })
}

async fn publish(publisher: Publisher, every: Duration) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut ticks = Timer::interval(every);
    for second in 0.. {
        ticks.next().await;
        publisher
            .publish(["time"], &Tick::new(UnixTime::from_millis(1_356_998_400_000) + Duration::from_secs(second)))?;
    }
    Ok(())
}

struct Tick {
    id: String,
    time: String,
}

impl Tick {
    fn new(time: UnixTime) -> Self {
        let id = format!("{}000000", time.as_millis());
        Self { id, time: time.to_string().replace('T', " ").replace(".000Z", " +0000 UTC") }
    }
}

impl ToMessage for Tick {
    fn own_id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn raw_event_type(&self) -> Option<&str> {
        Some("Tick")
    }

    fn data(&self) -> Cow<'_, str> {
        (&self.time).into()
    }
}
