//! Event streams as bodies of anybody's answers, asked for as a stack asks: without one, with the timers of both runtimes.

#[path = "support/bodies.rs"]
mod bodies;

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bodies::{Follower, beside, follow, get, on_smol, on_tokio, server};
use futures_lite::future::{yield_now, zip};
use http::{Method, Request, StatusCode};
use http_body::Body as _;
use tidewire_core::channels::{ChannelConfig, Config, Endpoint};
use tidewire_core::log::{LagPolicy, OnLag};
use tidewire_core::server::{self as core_server, CloseReason, Heartbeat, StreamHead};
use tidewire_core::sse::{EventId, EventName, Message, NameError};
use tidewire_http::{
    BodyError, EventBody, EventServer, EventServerConfig, Events, Route, RouteEnd, RouteError, SmolTimer, Timer,
    TokioTimer,
};
use tidewire_std::Memory;

macro_rules! suite {
    ($($test:ident)*) => {
        mod tokio {
            $(#[test]
            fn $test() {
                super::on_tokio(super::$test::<super::TokioTimer>());
            })*
        }
        mod smol {
            $(#[test]
            fn $test() {
                super::on_smol(super::$test::<super::SmolTimer>());
            })*
        }
    };
}

suite! {
    what_is_published_is_in_the_body
    a_burst_is_one_frame
    a_reader_resumes_after_its_id_by_field_or_query
    silence_brings_heartbeats
    the_longest_time_ends_the_body_in_order
    shutdown_says_the_last_word_and_ends_the_body
    what_is_left_after_the_deadline_is_cut_off
    what_is_too_old_is_forgotten_while_it_runs
    a_stream_of_ones_own_is_written_in_order_and_ended
    a_stream_of_ones_own_ends_with_its_server
    who_writes_waits_for_room
    who_writes_sees_the_reader_go
    a_heartbeat_is_changed_while_the_stream_runs
}

async fn what_is_published_is_in_the_body<S: Timer + Default + Send + 'static>() {
    let events = server::<S>(Config::default());
    let mut follower = follow(&events, get("/news"));
    let message = Message::new("1").with_event(EventName::new("tick").unwrap());
    events.server().publisher().publish(["news"], &message).unwrap();
    let text = follower.until("data: 1\n\n").await;
    assert!(text.starts_with(":heartbeat_ms=15000\nretry: 1000\n"), "{text}");
    assert!(text.contains("event: tick\ndata: 1\n\n") && text.contains("\nid: "), "{text}");
}

async fn a_burst_is_one_frame<S: Timer + Default + Send + 'static>() {
    let events = server::<S>(Config::default());
    let mut follower = follow(&events, get("/news"));
    follower.opening().await;
    for number in 0..100 {
        publish(&events, &number.to_string());
    }
    let frame = follower.frame().await.unwrap().unwrap();
    let text = std::str::from_utf8(&frame).unwrap();
    assert_eq!(text.matches("\n\n").count(), 100, "{text}");
}

async fn a_reader_resumes_after_its_id_by_field_or_query<S: Timer + Default + Send + 'static>() {
    let events = server::<S>(Config::default());
    let ids: Vec<String> = (0..3).map(|number| publish(&events, &number.to_string())).collect();
    let by_field = Request::get("/news").header("last-event-id", &ids[0]).body(()).unwrap();
    for request in [by_field, get(&format!("/news?last_event_id={}", ids[0]))] {
        let mut follower = follow(&events, request);
        let text = follower.until("data: 2\n\n").await;
        assert!(!text.contains("data: 0") && text.contains("data: 1") && !text.contains("gap"), "{text}");
    }
    let mut follower = follow(&events, get("/news?last_event_id=none"));
    let text = follower.until("event: gap\n").await;
    assert!(text.contains("malformed"), "{text}");
}

async fn silence_brings_heartbeats<S: Timer + Default + Send + 'static>() {
    let mut config = Config::default();
    config.heartbeat = Some(Heartbeat::new(Duration::from_millis(5)));
    let mut follower = follow(&server::<S>(config), get("/news"));
    follower.until(":\n\n:\n\n").await;
}

async fn the_longest_time_ends_the_body_in_order<S: Timer + Default + Send + 'static>() {
    let mut config = Config::default();
    config.max_time = Some(Duration::from_millis(20));
    let events = server::<S>(config);
    let mut follower = follow(&events, get("/news"));
    let running = events.clone().run(pending::<()>());
    let text = beside(running, async { follower.end().await.unwrap().to_owned() }).await;
    // Its own time to come back, besides that of the opening.
    assert_eq!(text.matches("retry: ").count(), 2, "{text}");
    assert_eq!(readers(&events), 0);
}

async fn shutdown_says_the_last_word_and_ends_the_body<S: Timer + Default + Send + 'static>() {
    let mut config = Config::default();
    config.last_event = Some("event: bye\ndata\n\n".into());
    let events = server::<S>(config);
    let mut follower = follow(&events, get("/news"));
    follower.opening().await;
    publish(&events, "before");
    let running = events.clone().run(async {});
    let reading = async {
        let text = follower.end().await.unwrap().to_owned();
        assert!(follower.response.body().is_end_stream());
        drop(follower);
        text
    };
    let ((), text) = zip(running, reading).await;
    let (before, last) = text.split_once("data: before\n\n").unwrap();
    assert!(before.contains("retry: 1000\n"), "{text}");
    assert!(last.contains("event: bye\ndata\n\n") && last.contains("retry: "), "{text}");
    let refused = events.respond(&get("/news"), &["news"]);
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
}

async fn what_is_left_after_the_deadline_is_cut_off<S: Timer + Default + Send + 'static>() {
    let mut config = EventServerConfig::default();
    config.drain = Duration::from_millis(5);
    let events = Events::with::<S>(EventServer::new(config), Endpoint::default());
    let mut follower = follow(&events, get("/news"));
    follower.opening().await;
    // It is not asked for anything while the server waits.
    events.clone().run(async {}).await;
    assert_eq!(follower.end().await.unwrap_err(), BodyError::ServerOver);
}

async fn what_is_too_old_is_forgotten_while_it_runs<S: Timer + Default + Send + 'static>() {
    let mut config = Config::default();
    config.log.max_age = Some(Duration::from_millis(10));
    let events = server::<S>(config);
    let first = publish(&events, "1");
    publish(&events, "2");
    let forgotten = async {
        while events.server().broadcaster().with(|channels, _| channels.log().stats().publications) > 0 {
            yield_now().await;
        }
    };
    beside(events.clone().run(pending::<()>()), forgotten).await;
    let request = get(&format!("/news?last_event_id={first}"));
    assert!(follow(&events, request).until("event: gap\n").await.contains("evicted"));
}

async fn a_stream_of_ones_own_is_written_in_order_and_ended<S: Timer + Default + Send + 'static>() {
    let (route, mut follower) = pair::<S>();
    assert_eq!(follower.response.headers()["content-type"], "text/event-stream");
    assert_eq!(follower.response.headers()["x-accel-buffering"], "no");
    let writing = async move {
        route.publish(&Message::new("1")).await.unwrap();
        route
            .publish_event(|event| {
                event.comment("c");
                event.data("2");
                event.id("x")
            })
            .await
            .unwrap();
    };
    let ((), text) = zip(writing, async { follower.end().await.unwrap().to_owned() }).await;
    assert_eq!(text, "data: 1\n\n:c\ndata: 2\nid: x\n\n");
    assert!(follower.response.body().is_end_stream());
}

async fn who_writes_waits_for_room<S: Timer + Default + Send + 'static>() {
    let (route, mut follower) = pair::<S>();
    let mut accepted = 0;
    let full = loop {
        match route.try_publish_event(|event| {
            event.data(&"x".repeat(1000));
            Ok::<_, NameError>(())
        }) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, RouteError::Full);
    assert!((60..80).contains(&accepted), "{accepted}");
    let writing = async move {
        for _ in 0..50 {
            route.publish(&Message::new("y")).await.unwrap();
        }
    };
    let ((), text) = zip(writing, async { follower.end().await.unwrap().to_owned() }).await;
    assert_eq!((text.matches("data: x").count(), text.matches("data: y").count()), (accepted, 50));
}

async fn who_writes_sees_the_reader_go<S: Timer + Default + Send + 'static>() {
    let (route, follower) = pair::<S>();
    let (end, ()) = zip(route.ended(), async { drop(follower) }).await;
    assert_eq!(end, RouteEnd::Gone(CloseReason::Peer));
    assert_eq!(route.publish(&Message::new("1")).await, Err(RouteError::Over(end)));
}

async fn a_heartbeat_is_changed_while_the_stream_runs<S: Timer + Default + Send + 'static>() {
    let (route, mut follower) = pair::<S>();
    assert!(follower.look().is_pending());
    let change = async { route.set_heartbeat(Some(Heartbeat::new(Duration::from_millis(2)))) };
    zip(follower.until(":\n\n:\n\n"), change).await;
    route.set_heartbeat(None);
    drop(route);
    assert!(follower.end().await.is_ok());
}

async fn a_stream_of_ones_own_ends_with_its_server<S: Timer + Default + Send + 'static>() {
    let mut config = Config::default();
    config.last_event = Some("event: bye\ndata\n\n".into());
    let events = server::<S>(config);
    let mut route = None;
    let mut follower = Follower::new(events.respond_with(None, &get("/own"), |begun| route = Some(begun)));
    let route = route.expect("it began");
    route
        .try_publish_event(|event| {
            event.data("1");
            Ok::<_, NameError>(())
        })
        .unwrap();
    follower.until("data: 1\n\n").await;
    let reading = async {
        let text = follower.end().await.unwrap().to_owned();
        drop(follower);
        text
    };
    let ((), text) = zip(events.clone().run(async {}), reading).await;
    assert!(text.contains("event: bye\n") && text.contains("retry: "), "{text}");
    assert_eq!(route.end(), Some(RouteEnd::Gone(CloseReason::Shutdown)));
    // And one that is no request for a stream begins none.
    let refused = events.respond_with(None, &Request::delete("/own").body(()).unwrap(), |_| panic!("begins"));
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn what_is_no_request_for_a_stream_is_answered_by_the_core() {
    let events = server::<SmolTimer>(Config::default());
    let answer = |method: Method, accept: &str| {
        let request = Request::builder().method(method).uri("/news").header("accept", accept).body(()).unwrap();
        events.respond(&request, &["news"])
    };
    let refused = answer(Method::DELETE, "*/*");
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(refused.headers()["allow"], "GET, HEAD, OPTIONS");
    let head = answer(Method::HEAD, "*/*");
    assert_eq!(
        (head.status(), &head.headers()["content-type"]),
        (StatusCode::OK, &"text/event-stream".parse().unwrap())
    );
    assert!(head.body().is_end_stream() && !head.body().is_streaming());
    assert_eq!(answer(Method::GET, "application/json").status(), StatusCode::NOT_ACCEPTABLE);
    assert_eq!(answer(Method::OPTIONS, "*/*").status(), StatusCode::NO_CONTENT);
    assert_eq!(events.server().broadcaster().connections(), 0);
}

#[test]
fn sizes_and_ends_are_told_before_they_are_asked_for() {
    let events = server::<SmolTimer>(Config::default());
    let refused = events.respond(&Request::delete("/news").body(()).unwrap(), &["news"]);
    let length = refused.body().size_hint().exact().unwrap();
    let mut follower = Follower::new(refused);
    match follower.look() {
        Poll::Ready(Some(Ok(frame))) => assert_eq!(frame.len() as u64, length),
        other => assert_eq!((other.is_ready(), length), (true, 0)),
    }
    assert!(follower.response.body().is_end_stream());
    assert_eq!(follower.response.body().size_hint().exact(), Some(0));
    let streaming = follow(&events, get("/news"));
    assert_eq!(streaming.response.body().size_hint().exact(), None);
    assert!(!streaming.response.body().is_end_stream() && streaming.response.body().is_streaming());
}

#[test]
fn dropping_a_body_leaves_at_once() {
    let events = server::<SmolTimer>(Config::default());
    let mut first = follow(&events, get("/news"));
    let second = follow(&events, get("/news"));
    assert!(first.look().is_ready());
    assert_eq!((readers(&events), events.server().broadcaster().connections()), (2, 2));
    drop(first);
    assert_eq!((readers(&events), events.server().broadcaster().connections()), (1, 1));
    drop(second);
    assert_eq!((readers(&events), events.server().broadcaster().connections()), (0, 0));
}

#[test]
fn a_stream_that_is_aborted_is_cut_off() {
    let (route, mut follower) = pair::<SmolTimer>();
    route
        .try_publish_event(|event| {
            event.data("1");
            Ok::<_, NameError>(())
        })
        .unwrap();
    route.abort();
    assert!(matches!(follower.look(), Poll::Ready(Some(Err(BodyError::Aborted)))));
    assert_eq!(route.end(), Some(RouteEnd::Aborted));
}

fn pair<S: Timer + Default + Send + 'static>() -> (Route, Follower) {
    let (route, response) = EventBody::pair_with(core_server::Config::default(), StreamHead::default(), S::default());
    (route, Follower::new(response))
}

#[test]
fn one_reader_too_many_is_told_to_come_back() {
    let mut config = Config::default();
    config.max_connections_per_ip = 1;
    let events = server::<SmolTimer>(config);
    let peer = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
    let first = events.respond_to(peer(1), &get("/news"), &["news"]);
    assert!(first.body().is_streaming());
    let refused = events.respond_to(peer(1), &get("/news"), &["news"]);
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let page = Request::get("/news").header("host", "localhost").header("sec-fetch-mode", "cors").body(()).unwrap();
    let told = events.respond_to(peer(1), &page, &["news"]);
    assert_eq!((told.status(), told.body().is_streaming()), (StatusCode::OK, false));
    assert!(events.respond_to(peer(2), &get("/news"), &["news"]).body().is_streaming());
    drop(first);
    assert!(events.respond_to(peer(1), &get("/news"), &["news"]).body().is_streaming());
}

#[test]
fn what_a_reader_is_not_asked_for_waits_in_the_log_until_its_policy_says_otherwise() {
    for (then, left) in [(OnLag::Gap, &["3", "4"][..]), (OnLag::Latest, &["4"])] {
        let mut follower = behind(then);
        let Poll::Ready(Some(Ok(_))) = follower.look() else { panic!("its opening") };
        let mut text = String::new();
        while let Poll::Ready(Some(Ok(frame))) = follower.look() {
            text.push_str(std::str::from_utf8(&frame).unwrap());
        }
        let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert!(data[0].contains("\"reason\":\"lag\""), "{then:?}: {text}");
        assert_eq!(&data[1..], left, "{then:?}");
    }
    let mut follower = behind(OnLag::End);
    let Poll::Ready(Some(Ok(_))) = follower.look() else { panic!("its opening") };
    let cut = follower.look();
    assert!(matches!(cut, Poll::Ready(Some(Err(BodyError::Cut(CloseReason::Lagging))))), "{cut:?}");
}

/// A body that was asked for nothing while five were published, of which it may be two behind.
fn behind(then: OnLag) -> Follower {
    let mut config = Config::default();
    config.channel.topic.lag = LagPolicy::new(2, then);
    let events = server::<SmolTimer>(config);
    let follower = follow(&events, get("/news"));
    for number in 0..5 {
        publish(&events, &number.to_string());
    }
    follower
}

#[test]
fn the_endpoint_decides_on_pages_and_codings() {
    let mut endpoint = Endpoint::default();
    endpoint.gzip = true;
    endpoint.access.origins.push("https://example.org".into());
    let events = Events::with::<SmolTimer>(EventServer::default(), endpoint);
    let request = |origin: &str, coding: &str| {
        let request = Request::get("/news").header("host", "localhost").header("origin", origin);
        events.respond(&request.header("accept-encoding", coding).body(()).unwrap(), &["news"])
    };
    let allowed = request("https://example.org", "gzip");
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://example.org");
    assert_eq!(allowed.headers()["content-encoding"], "gzip");
    let vary: Vec<_> = allowed.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(vary.join(",").contains("accept-encoding") && vary.join(",").contains("origin"), "{vary:?}");
    let mut follower = Follower::new(allowed);
    let Poll::Ready(Some(Ok(opening))) = follower.look() else { panic!("an opening") };
    assert_eq!(opening.get(..2), Some(&b"\x1f\x8b"[..]));
    assert!(!request("https://example.org", "identity").headers().contains_key("content-encoding"));
    assert_eq!(request("https://example.com", "gzip").status(), StatusCode::FORBIDDEN);
}

#[test]
fn a_repository_gives_what_the_log_has_no_more() {
    let events = server::<SmolTimer>(Config::default());
    let memory = Arc::new(Memory::default());
    events.server().register_with("news", ChannelConfig::default(), Arc::clone(&memory)).unwrap();
    for id in ["a", "b", "c"] {
        memory.add("news", &Message::new(id).with_id(EventId::new(id).unwrap())).unwrap();
    }
    let request = Request::get("/news").header("host", "localhost").header("last-event-id", "a").body(()).unwrap();
    let mut follower = follow(&events, request);
    let mut text = String::new();
    while let Poll::Ready(Some(Ok(frame))) = follower.look() {
        text.push_str(std::str::from_utf8(&frame).unwrap());
    }
    assert!(text.contains("id: b\n") && text.ends_with("id: c\ndata: c\n\n") && !text.contains("data: a"), "{text}");
}

#[test]
fn a_body_alone_is_a_response_of_axum() {
    use axum::response::IntoResponse;
    let events = server::<SmolTimer>(Config::default());
    let response = events.respond(&get("/news"), &["news"]).into_body().into_response();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let refused = EventBody::from(String::from("no")).into_response();
    assert!(!refused.headers().contains_key("content-type"));
}

fn readers(events: &Events) -> usize {
    events.server().broadcaster().with(|channels, _| channels.stats().readers)
}

fn publish(events: &Events, text: &str) -> String {
    events.server().publisher().publish(["news"], &Message::new(text)).expect("publishes").to_string()
}
