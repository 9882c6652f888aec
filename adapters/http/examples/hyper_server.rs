//! `http-hyper-server PORT [MILLIS]`: event streams over hyper alone, HTTP/1.1 and HTTP/2 on one port.
//!
//! A client has so many milliseconds for the head of a request, 10000 unless told. `GET /NAME` follows the channel of that name, `POST /NAME` publishes the body to it. Ctrl-C or SIGTERM tells all readers when to
//! come back, and ends when they are gone.

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer as HyperTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tidewire_core::sse::Message;
use tidewire_http::{EventBody, EventServer, EventServerConfig, Events};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("usage: http-hyper-server PORT")?.parse()?;
    let mut config = EventServerConfig::default();
    config.drain = Duration::from_secs(2);
    config.channels.last_event = Some("event: bye\ndata: back in a moment\n\n".into());
    let events = Events::new(EventServer::new(config));

    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let server = server(std::env::args().nth(2).map_or(Ok(10_000), |millis| millis.parse())?);
    let graceful = GracefulShutdown::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = async {
        tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () }
    };
    let mut running = pin!(events.clone().run(stop));
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = &mut running => break,
        };
        let events = events.clone();
        let service = service_fn(move |request| {
            let events = events.clone();
            async move { Ok::<_, Infallible>(handle(&events, peer.ip(), request).await) }
        });
        let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("{peer}: {error}");
            }
        });
    }
    // One that takes nothing at all would hold us for ever.
    let _ = tokio::time::timeout(Duration::from_secs(1), graceful.shutdown()).await;
    Ok(())
}

fn server(head_millis: u64) -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    // Without its timer hyper waits for a head for ever, whatever its timeout. What it buffers for a slow reader is no lag that
    // could be seen.
    server
        .http1()
        .timer(HyperTimer::new())
        .header_read_timeout(Duration::from_millis(head_millis))
        .max_buf_size(64 << 10);
    server.http2().timer(HyperTimer::new()).keep_alive_interval(Duration::from_secs(20)).max_send_buf_size(64 << 10);
    server
}

async fn handle(events: &Events, peer: std::net::IpAddr, request: Request<Incoming>) -> Response<EventBody> {
    let channel = request.uri().path().trim_start_matches('/').to_owned();
    if request.method() != Method::POST {
        return events.respond_to(Some(peer), &request, &[&channel]);
    }
    let body = match Limited::new(request.into_body(), 64 << 10).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return answer(400, &error.to_string()),
    };
    let message = Message::new(String::from_utf8_lossy(&body).into_owned());
    match events.server().publisher().publish([&*channel], &message) {
        Ok(id) => answer(200, &id.to_string()),
        Err(error) => answer(503, &error.to_string()),
    }
}

fn answer(status: u16, text: &str) -> Response<EventBody> {
    let mut response = Response::new(EventBody::from(format!("{text}\n")));
    *response.status_mut() = status.try_into().unwrap_or_default();
    response
}
