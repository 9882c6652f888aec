//! `smol-heartbeat PORT [MILLISECONDS]`: a stream that thumps, at once and every 4.567 s or as often as said. It is the example of
//! go-httpsse's route.
//!
//! ```text
//! cargo run -p tidewire-smol --example smol-heartbeat 8081
//! cargo run -p tidewire-smol --example smol-heartbeat-client http://127.0.0.1:8081/
//! ```

use std::error::Error;
use std::future::pending;
use std::time::Duration;

use smol::net::TcpListener;
use tidewire_core::channels::Endpoint;
use tidewire_core::server::Heartbeat;
use tidewire_smol::{Clock, EventServer, Route, serve};

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let mut arguments = std::env::args().skip(1);
        let port: u16 = arguments.next().ok_or("usage: smol-heartbeat PORT [MILLISECONDS]")?.parse()?;
        let every = Duration::from_millis(arguments.next().map_or(Ok(4_567), |text| text.parse())?);

        let server = EventServer::default();
        let begin = move |route: Route, clock: Clock| {
            route.set_heartbeat(Some(Heartbeat::thump(every, clock.unix_at_start())));
            smol::spawn(async move { eprintln!("a reader has gone: {}", route.ended().await) }).detach();
        };
        let clock = server.clock();
        server.routes_at("/", Endpoint::default(), move |route, _| begin(route, clock))?;

        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        println!("beating at http://{}/", listener.local_addr()?);
        serve(listener, server, pending::<()>()).await;
        Ok(())
    })
}
