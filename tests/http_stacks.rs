//! The client over reqwest, hyper with its pool, and hyper on smol, HTTP/1.1 and HTTP/2, against a real server.

#[path = "support/http_clients.rs"]
mod http_clients;
#[path = "support/http_server.rs"]
mod http_server;

use std::time::Duration;

use futures_lite::future::zip;
use futures_lite::stream::StreamExt;
use http_clients::{HyperHttp1, HyperHttp2, ReqwestHttp1, ReqwestHttp2, SmolHttp1, SmolHttp2, Stack};
use http_server::{Call, Server};
use tidewire_core::client::{CloseReason, Config, Event, Reason, Restart, RetryStatus};
use tidewire_core::http::{Method, Url};
use tidewire_core::sse;
use tidewire_http::{EventReader, EventSource, ReadError, events};

macro_rules! suite {
    ($tests:tt: $($name:ident = $stack:ident),*) => { $(suite!(@one $name, $stack, $tests);)* };
    (@one $name:ident, $stack:ident, [$($test:ident)*]) => {
        mod $name {
            use super::{$stack, Stack as _};

            $(#[test]
            fn $test() {
                $stack::run(super::$test::<$stack>());
            })*
        }
    };
}

suite! {
    [
        stream_is_followed_and_resumed_after_a_clean_end_and_after_a_cut
        redirect_to_another_origin_is_followed_without_credentials
        refusals_are_told_with_what_they_say
        status_that_is_retried_leads_to_the_next_attempt
        post_is_sent_whole_and_not_again
        dropping_the_source_is_seen_by_the_server
        dropping_a_source_that_waits_for_its_response_is_seen_by_the_server
        handle_restarts_and_closes_and_the_server_sees_it
        nobody_listening_is_no_connection
        many_events_come_through_whole
    ]:
    reqwest_http1 = ReqwestHttp1, reqwest_http2 = ReqwestHttp2, hyper_http1 = HyperHttp1, hyper_http2 = HyperHttp2,
    smol_http1 = SmolHttp1, smol_http2 = SmolHttp2
}

suite! {
    [two_streams_share_a_connection]: reqwest_shared = ReqwestHttp2, hyper_shared = HyperHttp2
}

async fn stream_is_followed_and_resumed_after_a_clean_end_and_after_a_cut<S: Stack>() {
    let server = Server::start();
    let mut config = config(server.url("/events?room=1"));
    config.fields.append("X-Twice", "one").unwrap();
    config.fields.append("X-Twice", "two").unwrap();
    let mut source = source::<S>(config);

    let call = with(&mut source, server.call()).await;
    assert_eq!((call.head.version, call.head.uri.path_and_query().unwrap().as_str()), (S::VERSION, "/events?room=1"));
    assert_eq!((call.field("accept"), call.field("last-event-id")), (Some("text/event-stream"), None));
    assert_eq!(call.head.headers.get_all("x-twice").iter().collect::<Vec<_>>(), ["one", "two"]);
    let stream = call.begin(200, &[("content-type", "text/event-stream"), ("x-answer", "a"), ("x-answer", "b")]).await;
    let Some(Event::Opened { head, .. }) = source.next().await else { panic!() };
    assert_eq!(head.fields.get_all("x-answer").collect::<Vec<_>>(), [b"a", b"b"]);
    stream.send("retry: 1\nid: 1\ndata: a\n\nid: 2\nda").await;
    assert_eq!(data(&mut source).await, "a");
    stream.send("ta: b\n\nid: 3\ndata: cut sh").await;
    assert_eq!(data(&mut source).await, "b");
    stream.end().await;
    assert_eq!(lost(&mut source).await, Reason::Ended { mid_event: true });

    let call = with(&mut source, server.call()).await;
    assert_eq!(call.field("last-event-id"), Some("2"));
    let stream = call.stream().await;
    stream.send("id: 3\ndata: c\n\n").await;
    assert_eq!(data(&mut source).await, "c");
    stream.cut().await;
    let reason = lost(&mut source).await;
    assert!(matches!(&reason, Reason::Stack { sent: true, .. }), "{reason:?}");
    assert!(source.stack_error().is_some());

    let call = with(&mut source, server.call()).await;
    assert_eq!(call.field("last-event-id"), Some("3"));
    call.respond(204, &[], "").await;
    assert_eq!(closed(&mut source).await, CloseReason::NoContent);
}

async fn redirect_to_another_origin_is_followed_without_credentials<S: Stack>() {
    let (server, other) = (Server::start(), Server::start());
    let mut config = config(server.url("/events"));
    config.fields.append("Authorization", "Bearer secret").unwrap();
    config.fields.append("Cookie", "a=1").unwrap();
    let mut source = source::<S>(config);

    let call = with(&mut source, server.call()).await;
    call.respond(308, &[("location", "/here")], "moved").await;
    let call = with(&mut source, server.call()).await;
    assert_eq!((call.head.uri.path(), call.field("authorization")), ("/here", Some("Bearer secret")));
    call.respond(302, &[("location", &other.url("/there").to_string())], "moved").await;
    let call = with(&mut source, other.call()).await;
    assert_eq!((call.field("authorization"), call.field("cookie")), (None, None));
    let _stream = call.stream().await;
    let Some(Event::Opened { url, .. }) = source.next().await else { panic!() };
    assert_eq!(*url, other.url("/there"));
}

async fn refusals_are_told_with_what_they_say<S: Stack>() {
    let server = Server::start();
    for (status, content_type) in [(404, "text/plain"), (200, "text/html"), (401, "text/event-stream")] {
        let mut source = source::<S>(config(server.url("/")));
        let call = with(&mut source, server.call()).await;
        call.respond(status, &[("content-type", content_type)], "what you wanted to know").await;
        let (CloseReason::Status(refusal) | CloseReason::ContentType(refusal)) = closed(&mut source).await else {
            panic!()
        };
        assert_eq!((refusal.head.status, refusal.text()), (status, Some("what you wanted to know")));
    }
}

async fn status_that_is_retried_leads_to_the_next_attempt<S: Stack>() {
    let server = Server::start();
    let mut config = config(server.url("/"));
    config.retry_status = RetryStatus::TRANSIENT;
    let mut source = source::<S>(config);
    let call = with(&mut source, server.call()).await;
    call.respond(503, &[("retry-after", "0")], "busy").await;
    let Reason::Status(refusal) = lost(&mut source).await else { panic!() };
    assert_eq!((refusal.head.fields.get_str("retry-after"), refusal.text()), (Some("0"), Some("busy")));
    let call = with(&mut source, server.call()).await;
    let _stream = call.stream().await;
    assert!(matches!(source.next().await, Some(Event::Opened { .. })));
}

async fn post_is_sent_whole_and_not_again<S: Stack>() {
    let server = Server::start();
    let mut config = config(server.url("/completions"));
    config.method = Method::POST;
    config.fields.append("Content-Type", "application/json").unwrap();
    let prompt = format!("{{\"prompt\": \"{}\"}}", "why ".repeat(50_000));
    config.body = Some(prompt.clone().into());
    let mut source = source::<S>(config);

    let call = with(&mut source, server.call()).await;
    assert_eq!((&call.head.method, call.field("content-type")), (&http::Method::POST, Some("application/json")));
    assert_eq!(call.body, prompt);
    let stream = call.stream().await;
    stream.send("data: because\n\n").await;
    assert!(matches!(source.next().await, Some(Event::Opened { .. })));
    assert_eq!(data(&mut source).await, "because");
    stream.cut().await;
    assert!(matches!(closed(&mut source).await, CloseReason::NotResent { method, .. } if method == Method::POST));
    assert!(!server.has_call());
}

async fn dropping_the_source_is_seen_by_the_server<S: Stack>() {
    let server = Server::start();
    let (source, stream) = opened::<S>(&server).await;
    stream.send(": there\n").await;
    drop(source);
    stream.gone().await;
}

async fn dropping_a_source_that_waits_for_its_response_is_seen_by_the_server<S: Stack>() {
    let server = Server::start();
    let mut source = source::<S>(config(server.url("/")));
    let call = with(&mut source, server.call()).await;
    drop(source);
    call.gone().await;
}

async fn handle_restarts_and_closes_and_the_server_sees_it<S: Stack>() {
    let server = Server::start();
    let (mut source, stream) = opened::<S>(&server).await;
    let handle = source.handle();
    handle.restart(Restart::AtOnce);
    assert_eq!(lost(&mut source).await, Reason::Restart);
    stream.gone().await;
    let call = with(&mut source, server.call()).await;
    let stream = call.stream().await;
    assert!(matches!(source.next().await, Some(Event::Opened { .. })));
    let (end, ()) = zip(source.next(), async { handle.close() }).await;
    assert_eq!(end, Some(Event::Closed(CloseReason::Requested)));
    stream.gone().await;
    assert_eq!(source.next().await, None);
}

async fn nobody_listening_is_no_connection<S: Stack>() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config = config(Url::parse(&format!("http://{free}/?token=secret")).unwrap());
    config.max_failures = Some(2);
    // A pool knows that nothing was sent, so that even a POST is sent again; a closure does not.
    if S::POOLS {
        config.method = Method::POST;
    }
    let mut source = source::<S>(config);
    let reason = lost(&mut source).await;
    assert!(
        matches!(&reason, Reason::Stack { sent, error } if *sent != S::POOLS && error.contains("refused")),
        "{reason:?}"
    );
    assert!(!reason.to_string().contains("secret"), "{reason}");
    assert!(matches!(closed(&mut source).await, CloseReason::GaveUp { failures: 2, .. }));
}

async fn many_events_come_through_whole<S: Stack>() {
    let server = Server::start();
    let (mut source, stream) = opened::<S>(&server).await;
    let long = "x".repeat(300_000);
    let sending = async {
        for number in 0..200 {
            stream.send(&format!("data: {number} ☃{}\n\n", if number == 100 { &long } else { "" })).await;
        }
        stream.end().await;
    };
    let reading = async {
        for number in 0..200 {
            let data = data(&mut source).await;
            assert!(data.starts_with(&format!("{number} ☃")), "{number}");
            assert!(data.len() < 20 || data.ends_with(&long));
        }
        lost(&mut source).await
    };
    assert_eq!(zip(sending, reading).await.1, Reason::Ended { mid_event: false });
}

async fn two_streams_share_a_connection<S: Stack>() {
    let server = Server::start();
    let transport = S::transport();
    let open = || EventSource::with_timer(transport.clone(), config(server.url("/")), S::Timer::default());
    let (mut one, mut other) = (open(), open());
    let first = with(&mut one, server.call()).await.stream().await;
    one.opened().await.unwrap();
    let second = with(&mut other, server.call()).await.stream().await;
    other.opened().await.unwrap();
    assert_eq!(server.connections(), 1);

    // One of them ends; the connection goes on.
    drop(one);
    first.gone().await;
    second.send("data: still here\n\n").await;
    assert!(matches!(other.next().await, Some(Event::Opened { .. })));
    assert_eq!(data(&mut other).await, "still here");
}

#[test]
fn response_of_reqwest_is_read_without_reconnecting() {
    ReqwestHttp2::run(async {
        let server = Server::start();
        let request = ReqwestHttp2::transport().get(server.url("/").to_string()).send();
        let serving = async { server.call().await.stream().await };
        let (response, stream) = zip(request, serving).await;
        let mut reader = events(response.unwrap()).unwrap();
        stream.send("id: 1\ndata: a\n\n").await;
        assert!(matches!(reader.next().await, Ok(Some(sse::Event::Message(message))) if message.data() == "a"));
        stream.cut().await;
        let error = reader.next().await.unwrap_err();
        assert!(matches!(&error, ReadError::Body(error) if error.is_body() || error.is_decode()), "{error:?}");
        assert_eq!(reader.last_event_id(), "1");

        let request = ReqwestHttp2::transport().get(server.url("/").to_string()).send();
        let (response, ()) = zip(request, async { server.call().await.respond(429, &[], "later").await }).await;
        let refused = events(response.unwrap()).unwrap_err();
        assert_eq!(reqwest::Response::from(refused.response).text().await.unwrap(), "later");
    });
}

#[test]
fn body_of_hyper_is_a_stream_of_results() {
    HyperHttp1::run(async {
        let server = Server::start();
        let request = http::Request::get(server.url("/").to_string()).body(http_body_util::Full::default()).unwrap();
        let serving = async { server.call().await.respond(200, &[], "data: 1\n\ndata: 2\n\ndata: 3").await };
        let (response, ()) = zip(HyperHttp1::transport().request(request), serving).await;
        let told: Vec<_> = EventReader::new(response.unwrap().into_body()).collect().await;
        assert!(matches!(&told[..], [Ok(_), Ok(_), Err(ReadError::MidEvent)]), "{told:?}");
    });
}

fn source<S: Stack>(config: Config) -> EventSource<S::Transport, S::Timer> {
    EventSource::with_timer(S::transport(), config, S::Timer::default())
}

/// The delays of tests.
fn config(url: Url) -> Config {
    let mut config = Config::new(url);
    config.backoff.base = Duration::from_millis(1);
    config
}

/// A source whose stream is open, and the server's end of it.
async fn opened<S: Stack>(server: &Server) -> (EventSource<S::Transport, S::Timer>, http_server::Stream) {
    let mut source = source::<S>(config(server.url("/")));
    let call = with(&mut source, server.call()).await;
    let stream = call.stream().await;
    assert!(matches!(source.next().await, Some(Event::Opened { .. })));
    (source, stream)
}

/// Awaits `other` while the source moves, which has nothing to tell.
async fn with<T: tidewire_http::Transport, R: tidewire_http::Timer>(
    source: &mut EventSource<T, R>,
    call: impl Future<Output = Call>,
) -> Call {
    let moving = async { panic!("{:?}", source.next().await) };
    futures_lite::future::or(call, moving).await
}

async fn data<T: tidewire_http::Transport, R: tidewire_http::Timer>(source: &mut EventSource<T, R>) -> String {
    loop {
        match source.next().await {
            Some(Event::Message(message)) => return message.data().to_owned(),
            Some(Event::Opened { .. } | Event::Retry(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn lost<T: tidewire_http::Transport, R: tidewire_http::Timer>(source: &mut EventSource<T, R>) -> Reason {
    match source.next().await {
        Some(Event::Disconnected { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

async fn closed<T: tidewire_http::Transport, R: tidewire_http::Timer>(source: &mut EventSource<T, R>) -> CloseReason {
    match source.next().await {
        Some(Event::Closed(reason)) => reason,
        other => panic!("{other:?}"),
    }
}
