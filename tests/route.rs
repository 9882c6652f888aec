//! Streams of one reader on both runtimes, with real sockets: written to from anywhere, field by field.

#[allow(dead_code, reason = "shared with other targets")]
#[path = "support/hosted.rs"]
mod hosted;
#[allow(dead_code, reason = "shared with other targets")]
#[path = "support/lines.rs"]
mod lines;
#[allow(dead_code, unused_imports, reason = "shared with other targets")]
#[path = "support/on_smol.rs"]
mod on_smol;
#[allow(dead_code, unused_imports, reason = "shared with other targets")]
#[path = "support/on_tokio.rs"]
mod on_tokio;

macro_rules! suite {
    ($name:ident, $runtime:ident) => {
        mod $name {
            use std::convert::Infallible;
            use std::net::{SocketAddr, TcpListener};
            use std::thread;
            use std::time::{Duration, Instant};

            use futures_lite::future::{poll_once, yield_now};
            use smol::channel::Receiver;
            use tidewire_core::channels::Endpoint;
            use tidewire_core::server::{CloseReason, Heartbeat, KeepAlive, When};
            use tidewire_core::sse::{EventName, EventWriter, NameError};
            use tidewire_std::{Clock, EventServer, EventServerConfig, Route, RouteEnd, RouteError};
            use tidewire_tests::reading::{BodyEnd, Reading};

            use crate::hosted::Hosted;
            use crate::$runtime::{on_std, run, serve};

            fn serve_on(listener: TcpListener, server: EventServer, stopping: Receiver<()>) {
                run(async move { serve(on_std(listener), server, stopping.recv()).await });
            }

            /// Serves the route at `/`, with no heartbeat but its own.
            fn host(route: &Route) -> Hosted {
                host_with(route, |_| {})
            }

            fn host_with(route: &Route, configure: impl FnOnce(&mut EventServerConfig)) -> Hosted {
                let mut config = EventServerConfig::default();
                config.channels.heartbeat = None;
                config.session.heartbeat = None;
                configure(&mut config);
                let server = EventServer::new(config);
                server.route_at("/", Endpoint::default(), route.clone()).expect("a path");
                Hosted::start(serve_on, &server)
            }

            fn get(address: SocketAddr) -> Reading {
                Reading::get(address, "/", "")
            }

            fn data(text: &str) -> impl FnOnce(&mut EventWriter<'_>) -> Result<(), Infallible> {
                move |event| {
                    event.data(text);
                    Ok(())
                }
            }

            #[test]
            fn fields_comments_and_lines_come_in_the_order_of_the_calls() {
                let route = Route::new();
                let hosted = host(&route);
                let mut reader = get(hosted.address);
                assert_eq!(reader.field("content-type"), Some("text/event-stream"));
                let published = run(route.publish_event(|event| {
                    event.data("one\r\ntwo");
                    event.comment("between");
                    event.id("7")?;
                    event.event("greeting")?;
                    event.data("three");
                    Ok::<(), NameError>(())
                }));
                assert_eq!(published, Ok(()));
                let expected = "data: one\ndata: two\n:between\nid: 7\nevent: greeting\ndata: three\n\n";
                assert_eq!(reader.until("\n\n"), expected);
            }

            #[test]
            fn who_publishes_before_there_is_a_reader_waits_for_it() {
                let route = Route::new();
                let hosted = host(&route);
                let publisher = route.clone();
                let publishing = thread::spawn(move || publisher.publish_event_blocking(data("early")));
                run(async {
                    let mut waiting = Box::pin(route.publish_event(data("also early")));
                    assert!(poll_once(&mut waiting).await.is_none());
                    assert_eq!(route.try_publish_event(data("too early")), Err(RouteError::NoReader));
                    assert!(!publishing.is_finished() && !route.is_served());

                    let mut reader = Reading::get(hosted.address, "/", "Last-Event-ID: 41\r\n");
                    assert_eq!(waiting.await, Ok(()));
                    assert_eq!(publishing.join().expect("ends"), Ok(()));
                    let both = [reader.until("\n\n"), reader.until("\n\n")];
                    assert!(both.contains(&"data: early\n\n".to_owned()), "{both:?}");
                    assert!(both.contains(&"data: also early\n\n".to_owned()), "{both:?}");
                    assert_eq!(route.last_event_id().as_deref(), Some("41"));
                });
            }

            #[test]
            fn a_closure_that_fails_writes_nothing() {
                let route = Route::new();
                let hosted = host(&route);
                let mut reader = get(hosted.address);
                let forged = |event: &mut EventWriter<'_>| {
                    event.data("half of it");
                    event.id("7\ndata: forged")
                };
                let Err(RouteError::Write(refused)) = run(route.publish_event(forged)) else { panic!("it is written") };
                assert_eq!(refused.character(), Some('\n'));
                assert!(matches!(route.try_publish_event(forged), Err(RouteError::Write(_))));
                assert_eq!(run(route.publish_event(data("whole"))), Ok(()));
                assert_eq!(reader.until("\n\n"), "data: whole\n\n");
            }

            #[test]
            fn after_close_there_is_a_typed_error_and_closing_again_does_nothing() {
                let route = Route::new();
                let hosted = host(&route);
                let reader = get(hosted.address);
                run(route.served()).expect("is served");
                for number in ["1", "2", "3"] {
                    route.try_publish_event(data(number)).expect("is accepted");
                }
                route.close();
                let over = Err(RouteError::Over(RouteEnd::Closed));
                assert_eq!(run(route.publish_event(data("late"))), over);
                assert_eq!(route.try_publish_event(data("late")), over);
                route.close();
                // What was accepted before is written.
                assert_eq!(reader.text(), "data: 1\n\ndata: 2\n\ndata: 3\n\n");
                assert_eq!(run(route.ended()), RouteEnd::Closed);
                route.close();
                assert_eq!(route.end(), Some(RouteEnd::Closed));
                assert_eq!(Reading::get(hosted.address, "/", "").head.status, 410);
            }

            #[test]
            fn what_was_accepted_before_a_close_is_written_and_only_then_it_is_over() {
                let route = Route::new();
                let hosted = host(&route);
                let reader = get(hosted.address);
                run(async {
                    route.served().await.expect("is served");
                    let text = "x".repeat(64 << 10);
                    // Until the buffers of both sockets are full, and ours.
                    let (mut accepted, mut last) = (0, Instant::now());
                    while last.elapsed() < Duration::from_millis(100) {
                        if route.try_publish_event(data(&text)).is_ok() {
                            (accepted, last) = (accepted + 1, Instant::now());
                        }
                        yield_now().await;
                    }
                    let mut flushed = Box::pin(route.flushed());
                    assert!(poll_once(&mut flushed).await.is_none());
                    route.close();
                    assert!(poll_once(&mut flushed).await.is_none());
                    assert_eq!(route.end(), None);
                    let reading = thread::spawn(move || reader.text().len());
                    assert_eq!(flushed.await, Ok(()));
                    assert!(reading.join().expect("ends") >= accepted * text.len());
                });
            }

            #[test]
            fn closing_before_there_is_a_reader_wakes_who_waits() {
                let route = Route::new();
                run(async {
                    let mut waiting = Box::pin(route.publish_event(data("never")));
                    assert!(poll_once(&mut waiting).await.is_none());
                    route.close();
                    assert_eq!(waiting.await, Err(RouteError::Over(RouteEnd::Closed)));
                    assert_eq!(route.served().await, Err(RouteEnd::Closed));
                });
            }

            #[test]
            fn when_the_last_handle_goes_the_stream_ends() {
                let route = Route::new();
                let server = EventServer::default();
                let handle = route.clone();
                let begun = std::sync::Mutex::new(None);
                let begun: &'static _ = Box::leak(Box::new(begun));
                let kept = move |route: Route, _: &_| *begun.lock().expect("not poisoned") = Some(route);
                server.routes_at("/", Endpoint::default(), kept).expect("a path");
                drop((route, handle));
                let hosted = Hosted::start(serve_on, &server);
                let reader = get(hosted.address);
                let route = begun.lock().expect("not poisoned").take().expect("it has begun");
                let other = route.clone();
                drop(route);
                run(other.publish_event(data("one more"))).expect("is written");
                drop(other);
                assert_eq!(reader.text(), "data: one more\n\n");
            }

            #[test]
            fn a_reader_that_goes_is_noticed() {
                let route = Route::new();
                let hosted = host(&route);
                let reader = get(hosted.address);
                run(route.publish_event(data("seen"))).expect("is written");
                reader.leave();
                let gone = RouteEnd::Gone(CloseReason::Peer);
                assert_eq!(run(route.ended()), gone);
                assert_eq!(run(route.publish_event(data("late"))), Err(RouteError::Over(gone)));
                assert_eq!(get(hosted.address).head.status, 410);
            }

            #[test]
            fn a_reader_that_does_not_read_fills_its_stream_and_is_noticed() {
                let route = Route::new();
                let hosted = host_with(&route, |config| config.session.stall_timeout = Duration::from_millis(100));
                let reader = get(hosted.address);
                run(route.served()).expect("is served");
                let text = "x".repeat(64 << 10);
                let mut full = false;
                let end = loop {
                    match route.try_publish_event(data(&text)) {
                        Ok(()) => {}
                        Err(RouteError::Full) => full = true,
                        Err(RouteError::Over(end)) => break end,
                        Err(error) => panic!("{error}"),
                    }
                    thread::yield_now();
                };
                assert!(full);
                assert_eq!(end, RouteEnd::Gone(CloseReason::Stalled));
                // What the kernel took on both sides, and no more: the rest never came.
                assert_eq!(reader.rest().1, BodyEnd::Cut);
            }

            #[test]
            fn one_reader_is_all_there_is() {
                let route = Route::new();
                let hosted = host(&route);
                // None of these is one.
                assert_eq!(Reading::send(hosted.address, "HEAD", "/", "").head.status, 200);
                let refused = Reading::send(hosted.address, "POST", "/", "Content-Length: 0\r\n");
                assert_eq!((refused.head.status, refused.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
                assert!(!route.is_served());

                let mut reader = get(hosted.address);
                assert_eq!(get(hosted.address).head.status, 409);
                run(route.publish_event(data("still there"))).expect("is written");
                assert_eq!(reader.until("\n\n"), "data: still there\n\n");
            }

            #[test]
            fn giving_up_a_wait_leaves_what_was_not_accepted_unwritten() {
                let route = Route::new();
                let hosted = host(&route);
                run(async {
                    let mut waiting = Box::pin(route.publish_event(data("given up")));
                    assert!(poll_once(&mut waiting).await.is_none());
                    drop(waiting);
                    let mut reader = get(hosted.address);
                    route.publish_event(data("kept")).await.expect("is written");
                    assert_eq!(reader.until("\n\n"), "data: kept\n\n");
                });
            }

            #[test]
            fn events_of_many_tasks_stay_whole_and_in_order() {
                let route = Route::new();
                let hosted = host(&route);
                let mut reader = get(hosted.address);
                let threads: Vec<_> = (0..4)
                    .map(|thread| {
                        let route = route.clone();
                        thread::spawn(move || {
                            for number in 0..100 {
                                let written = route.publish_event_blocking(|event| {
                                    event.event(&thread.to_string())?;
                                    yield_here();
                                    event.data(&number.to_string());
                                    Ok::<(), NameError>(())
                                });
                                written.expect("is written");
                            }
                        })
                    })
                    .collect();
                let mut next = [0; 4];
                for _ in 0..400 {
                    let event = reader.until("\n\n");
                    let (name, data) = event.trim_end().split_once("\ndata: ").expect("an event");
                    let thread: usize = name.strip_prefix("event: ").expect("a name").parse().expect("a number");
                    assert_eq!(data, next[thread].to_string(), "{event}");
                    next[thread] += 1;
                }
                threads.into_iter().for_each(|thread| thread.join().expect("ends"));
            }

            fn yield_here() {
                thread::yield_now();
            }

            #[test]
            fn each_reader_may_have_a_stream_of_its_own() {
                let server = EventServer::default();
                let begin = |route: Route, request: &tidewire_core::server::Request| {
                    let target = request.head.target.clone();
                    thread::spawn(move || route.publish_event_blocking(data(&target)));
                };
                server.routes_at("/{name}", Endpoint::default(), begin).expect("a path");
                let hosted = Hosted::start(serve_on, &server);
                for path in ["/one", "/other"] {
                    // The only handle goes when it has published.
                    assert_eq!(Reading::get(hosted.address, path, "").text(), format!("data: {path}\n\n"));
                }
                assert_eq!(Reading::get(hosted.address, "/one/other", "").head.status, 404);
            }

            #[test]
            fn the_heartbeat_is_changed_and_stopped_on_the_way() {
                let route = Route::new();
                let every = Duration::from_millis(20);
                let event = KeepAlive::Event(EventName::new("beat").expect("a name"));
                // Before there is a reader, too.
                route.set_heartbeat(Some(Heartbeat::new(every)));
                let hosted = host(&route);
                let mut reader = get(hosted.address);
                assert_eq!(reader.until("\n\n"), ":\n\n");
                let mut heartbeat = Heartbeat::new(every);
                for (form, expected) in [(KeepAlive::Newline, "\n\n\n\n"), (event, "event: beat\ndata: \n\n")] {
                    heartbeat.form = form;
                    heartbeat.when = When::Always;
                    route.set_heartbeat(Some(heartbeat.clone()));
                    assert!(reader.until(expected).ends_with(expected));
                }
                route.set_heartbeat(None);
                run(route.publish_event(data("the last"))).expect("is written");
                reader.until("the last\n\n");
                assert!(reader.is_silent());
            }

            #[test]
            fn a_thump_comes_at_once_and_then_as_often_as_it_says() {
                let route = Route::new();
                let clock = Clock::start();
                let hosted = host(&route);
                let mut reader = get(hosted.address);
                let begun = Instant::now();
                route.set_heartbeat(Some(Heartbeat::thump(Duration::from_millis(50), clock.unix())));
                for _ in 0..3 {
                    let beat = reader.until("\n\n");
                    let lines: Vec<&str> = beat.lines().collect();
                    let [this, next, ""] = lines[..] else { panic!("{beat:?}") };
                    assert!(this.starts_with(": heartbeat thump! at unix-time "), "{beat:?}");
                    assert!(next.starts_with(":   next should be at unix-time "), "{beat:?}");
                }
                assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
            }

            #[test]
            fn a_shutdown_writes_what_was_accepted_and_says_goodbye() {
                let route = Route::new();
                let mut hosted = host_with(&route, |config| {
                    config.channels.last_event = Some("event: bye\ndata: \n\n".into());
                });
                let mut reader = get(hosted.address);
                run(async {
                    route.served().await.expect("is served");
                    route.try_publish_event(data("accepted")).expect("is accepted");
                    hosted.stop();
                    assert_eq!(route.ended().await, RouteEnd::Gone(CloseReason::Shutdown));
                    yield_now().await;
                });
                let over = RouteError::Over(RouteEnd::Gone(CloseReason::Shutdown));
                assert_eq!(route.try_publish_event(data("late")), Err(over));
                assert_eq!(reader.until("\n\n"), "data: accepted\n\n");
                let rest = reader.text();
                assert!(rest.starts_with("retry: ") && rest.ends_with("event: bye\ndata: \n\n"), "{rest:?}");
                hosted.ended();
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);
