//! axum with `tokio::sync::broadcast`, as its documentation has it.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use futures_core::Stream;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::BroadcastStream;

use super::Place;

#[derive(Clone)]
struct App {
    messages: broadcast::Sender<(u64, Arc<str>)>,
    next: Arc<AtomicU64>,
}

/// Serves until the process is killed.
///
/// # Errors
///
/// When it cannot listen.
pub fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Place { address: listener.local_addr()?, events: "/events".into(), publish: Ok("/publish".into()) }.print();
        let (messages, _) = broadcast::channel(4096);
        let app = Router::new()
            .route("/events", get(events))
            .route("/publish", post(publish))
            .with_state(App { messages, next: Arc::default() });
        // Without it the kernel holds back what comes while the last was not acknowledged.
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        tokio::spawn(async move { axum::serve(listener, app).await }).await.map_err(io::Error::other)?
    })
}

async fn events(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let messages = BroadcastStream::new(app.messages.subscribe());
    let events = messages.filter_map(|message| {
        let (id, data) = message.ok()?;
        Some(Ok(Event::default().id(id.to_string()).data(&data)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn publish(State(app): State<App>, data: String) {
    let id = app.next.fetch_add(1, Ordering::Relaxed);
    // Nobody reads: no fault.
    let _ = app.messages.send((id, data.into()));
}
