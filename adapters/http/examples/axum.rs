//! `http-axum PORT`: event streams in an application of axum, over HTTP/1.1 and HTTP/2.
//!
//! - `GET /news` follows a channel, resuming after `Last-Event-ID`; `POST /publish` publishes the body to it.
//! - `POST /answer` answers the body word by word, as a language model would, with a stream of its own.
//!
//! Ctrl-C or SIGTERM tells all readers when to come back, and ends when they are gone.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::routing::{any, post};
use tidewire_core::sse::{Message, NameError};
use tidewire_http::{EventBody, EventServer, EventServerConfig, Events, Route, RouteError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("usage: http-axum PORT")?.parse()?;
    let mut config = EventServerConfig::default();
    config.drain = Duration::from_secs(2);
    config.channels.last_event = Some("event: bye\ndata: back in a moment\n\n".into());
    let events = Events::new(EventServer::new(config));

    let app = Router::new()
        // Any method: what else there is than GET is decided with the rest.
        .route("/news", any(news))
        .route("/publish", post(publish))
        .route("/answer", post(answer))
        .with_state(events.clone());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let over = Arc::new(Notify::new());
    let told = Arc::clone(&over);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let ending = async move {
        let stop = async {
            tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () }
        };
        events.run(stop).await;
        told.notify_one();
    };
    // axum waits for its last connection. One that takes nothing at all would hold it for ever.
    let late = async {
        over.notified().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    tokio::select! {
        result = axum::serve(listener, app).with_graceful_shutdown(ending) => result?,
        () = late => {}
    }
    Ok(())
}

async fn news(State(events): State<Events>, request: Request) -> Response<EventBody> {
    events.respond(&request, &["news"])
}

async fn publish(State(events): State<Events>, text: String) -> Result<String, (StatusCode, String)> {
    let published = events.server().publisher().publish(["news"], &Message::new(text));
    published.map(|id| format!("{id}\n")).map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")))
}

async fn answer(question: String) -> Response<EventBody> {
    let (route, response) = EventBody::pair();
    tokio::spawn(async move {
        // The reader has gone: so has the work.
        tokio::select! {
            result = think(&route, &question) => if result.is_err() { route.abort() },
            _ = route.ended() => {}
        }
    });
    response
}

async fn think(route: &Route, question: &str) -> Result<(), RouteError<NameError>> {
    for word in question.split_whitespace() {
        route.publish(&Message::new(word)).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    route.publish(&Message::new("[DONE]")).await
}
