//! `smol-count PORT`: numbers from 1, one each 20 ms, at `/sse`; who comes back with a `Last-Event-ID` goes on after it.
//!
//! ```text
//! cargo run -p tidewire-smol --example smol-count 8081
//! curl -N http://127.0.0.1:8081/sse
//! ```

use std::error::Error;
use std::time::Duration;

use smol::Timer;
use smol::future::race;
use smol::net::{TcpListener, TcpStream};
use smol::stream::StreamExt;
use tidewire_core::Instant;
use tidewire_core::http::Method;
use tidewire_core::server::{AnswerError, Config, Event, Reply, Request, Session, StreamHead};
use tidewire_core::sse::{self, EventId, Message};
use tidewire_smol::{Clock, Connection, seed};

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("usage: smol-count PORT")?.parse()?;
    smol::block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        println!("counting at http://{}/sse", listener.local_addr()?);
        loop {
            let (socket, _) = listener.accept().await?;
            let counting = smol::spawn(async move {
                if let Err(error) = count(socket).await {
                    eprintln!("{error}");
                }
            });
            counting.detach();
        }
    })
}

async fn count(socket: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    let clock = Clock::start();
    let session = Session::new(Config::default(), clock.now(), clock.unix(), seed());
    let mut connection = Connection::new(socket, session, clock);
    let mut ticks = Timer::interval(Duration::from_millis(20));
    let mut next = None;
    loop {
        let tick = async {
            ticks.next().await;
            Ok(None)
        };
        match race(async { connection.next().await.map(Some) }, tick).await? {
            Some(Some(Event::Request(request))) => {
                next = answer(clock.now(), connection.protocol_mut(), &request)?;
            }
            Some(Some(_)) => next = None,
            Some(None) => return Ok(()),
            None => next = next.map(|number| send(clock.now(), connection.protocol_mut(), number)),
        }
    }
}

/// Begins the stream that is asked for and returns its first number, or says that there is none.
fn answer(now: Instant, session: &mut Session, request: &Request) -> Result<Option<u64>, AnswerError> {
    if request.head.method != Method::GET || request.head.parse_target().map_or("", |target| target.path()) != "/sse" {
        return session.reply(now, Reply::new(404)).map(|()| None);
    }
    session.start_stream(now, StreamHead::default())?;
    let mut retry = Vec::new();
    sse::encode_retry(Duration::from_millis(50), &mut retry);
    // The stream has just begun, and there is room for so little.
    let _ = session.send(now, &retry);
    let last = request.head.fields.get_str("last-event-id").and_then(|id| id.parse().ok());
    Ok(Some(last.unwrap_or(0) + 1))
}

/// Sends a number, unless the reader is so slow that too much waits already; then it is the next one's turn again.
fn send(now: Instant, session: &mut Session, number: u64) -> u64 {
    let text = number.to_string();
    let Ok(id) = EventId::new(&text) else { return number };
    match session.send_message(now, &Message::new(&text).with_id(id)) {
        Ok(()) => number + 1,
        Err(_) => number,
    }
}
