//! The library's server on both runtimes, with real sockets: streams of channels at paths of the application's own.

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
            use std::net::TcpListener;
            use std::process::{Command, Stdio};
            use std::sync::Arc;
            use std::thread;
            use std::time::{Duration, Instant};

            use futures_lite::future::{pending, poll_once};
            use smol::channel::Receiver;
            use tidewire_core::channels::{Batch, ChannelConfig, Endpoint, Load, PublishError, Replay, Unregister};
            use tidewire_core::client;
            use tidewire_core::log::{LagPolicy, OnLag};
            use tidewire_core::server::{Heartbeat, KeepAlive, Reply};
            use tidewire_core::sse::{EventId, EventName, Message};
            use tidewire_std::{Blocking, EventServer, EventServerConfig, Loading, Memory, Repository, Response, tls};
            use tidewire_tests::authority::Authority;
            use tidewire_tests::reading::{BodyEnd, Reading};

            use crate::hosted::Hosted;
            use crate::$runtime::{Connector, EventSource, on_std, run, serve, serve_connection, serve_tls, spawn};

            fn serve_on(listener: TcpListener, server: EventServer, stopping: Receiver<()>) {
                run(async move { serve(on_std(listener), server, stopping.recv()).await });
            }

            fn host(server: &EventServer) -> Hosted {
                Hosted::start(serve_on, server)
            }

            /// A server of the channel `news` at `/news`, and nothing to come that was not published.
            fn news(configure: impl FnOnce(&mut EventServerConfig)) -> EventServer {
                let mut config = EventServerConfig::default();
                config.channels.retry = None;
                config.channels.heartbeat = None;
                configure(&mut config);
                let server = EventServer::new(config);
                server.channels_at("/news", ["news"], Endpoint::default()).expect("a path");
                server
            }

            /// Begins to read a stream, behind what it opens with.
            fn opened(hosted: &Hosted, path: &str, lines: &str) -> Reading {
                let mut reader = Reading::get(hosted.address, path, lines);
                reader.until("\n\n");
                reader
            }

            fn replay_all() -> ChannelConfig {
                let mut config = ChannelConfig::default();
                config.replay = Replay::All;
                config
            }

            /// Returns the data of the events in a text, a line each.
            fn data(text: &str) -> Vec<&str> {
                text.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
            }

            /// Returns how many streams of channels there are.
            fn readers(server: &EventServer) -> usize {
                server.broadcaster().with(|channels, _| channels.stats().readers)
            }

            /// Waits until something is so.
            fn soon(so: impl Fn() -> bool) {
                let begun = Instant::now();
                while !so() {
                    assert!(begun.elapsed() < crate::lines::PATIENCE, "it never is");
                    thread::yield_now();
                }
            }

            #[test]
            fn two_clients_both_get_the_event() {
                let server = news(|_| {});
                let hosted = host(&server);
                let mut readers = [(); 2].map(|()| opened(&hosted, "/news", ""));
                let message = Message::new("my-event").with_event(EventName::new("greeting").expect("a name"));
                let id = server.publisher().publish(["news"], &message).expect("is accepted");
                for reader in &mut readers {
                    let expected = format!("id: {id}\nevent: greeting\ndata: my-event\n\n");
                    let text = reader.until("data: my-event\n\n");
                    assert!(text.ends_with(&expected), "{text}");
                }
            }

            #[test]
            fn a_comment_and_the_data_behind_it_stay_in_their_order() {
                let server = news(|_| {});
                let hosted = host(&server);
                let mut reader = opened(&hosted, "/news", "");
                let publisher = server.publisher();
                // From threads of their own.
                let commenting = publisher.clone();
                thread::spawn(move || commenting.comment(["news"], "my comment"))
                    .join()
                    .expect("ends")
                    .expect("is accepted");
                let id = thread::spawn(move || publisher.publish(["news"], "my-event")).join().expect("ends");
                let id = id.expect("is accepted");
                let text = reader.until("event\n\n");
                assert!(text.ends_with(&format!(":my comment\nid: {id}\ndata: my-event\n\n")), "{text}");
            }

            #[test]
            fn a_thousand_comments_do_not_wait_for_readers() {
                let server = news(|_| {});
                let hosted = host(&server);
                let mut reader = opened(&hosted, "/news", "");
                let publisher = server.publisher();
                for number in 0..1000 {
                    publisher.comment(["news"], &number.to_string()).expect("is accepted");
                }
                // Nor is any lost to one that reads later.
                let comments = reader.until(":999\n");
                let expected: String = (0..1000).map(|number| format!(":{number}\n")).collect();
                assert_eq!(comments, expected);
            }

            #[test]
            fn who_reads_two_channels_is_given_what_is_in_both_once() {
                let server = news(|_| {});
                server.channels_at("/both", ["news", "weather"], Endpoint::default()).expect("a path");
                let hosted = host(&server);
                let mut readers =
                    [Reading::get(hosted.address, "/news", ""), Reading::get(hosted.address, "/both", "")];
                let publisher = server.publisher();
                publisher.publish(["news", "weather"], "both").expect("is accepted");
                publisher.publish(["weather"], "weather").expect("is accepted");
                publisher.publish(["news"], "news").expect("is accepted");
                let [one, both] = &mut readers;
                assert_eq!(data(&one.until("news\n\n")), ["both", "news"]);
                assert_eq!(data(&both.until("news\n\n")), ["both", "weather", "news"]);
            }

            // Acknowledgement.

            #[test]
            fn a_message_is_delivered_when_it_is_written_to_every_reader() {
                let server = news(|_| {});
                let hosted = host(&server);
                let publisher = server.publisher();
                let nobody = publisher.deliver(["news"], "nobody is there").expect("is accepted").wait();
                assert_eq!((nobody.written, nobody.missed, nobody.left), (0, 0, 0));

                let mut all = [(); 3].map(|()| opened(&hosted, "/news", ""));
                let delivery = publisher.deliver(["news"], "hello").expect("is accepted");
                let id = delivery.id();
                let written = run(delivery);
                assert_eq!((written.written, written.missed, written.left), (3, 0, 0));
                for reader in &mut all {
                    assert_eq!(reader.until("\n\n"), format!("id: {id}\ndata: hello\n\n"));
                }
            }

            #[test]
            fn who_does_not_read_keeps_a_message_from_being_delivered_until_it_leaves() {
                let server = news(|_| {});
                let hosted = host(&server);
                let publisher = server.publisher();
                let reader = opened(&hosted, "/news", "");
                // Far more than the buffers of both sockets hold.
                let text = "x".repeat(64 << 10);
                for _ in 0..400 {
                    publisher.publish(["news"], &text).expect("is accepted");
                }
                let deliver = || publisher.deliver(["news"], "stuck").expect("is accepted");
                assert_eq!(deliver().wait_for(Duration::from_millis(100)), None);
                run(async {
                    // A wait that is given up changes nothing.
                    assert!(poll_once(deliver()).await.is_none());
                    let mut stuck = deliver();
                    assert!(poll_once(&mut stuck).await.is_none());
                    reader.leave();
                    let written = stuck.await;
                    assert_eq!((written.written, written.left), (0, 1));
                });
            }

            #[test]
            fn giving_up_a_delivery_changes_nothing_of_the_message() {
                let server = news(|_| {});
                let hosted = host(&server);
                let mut reader = opened(&hosted, "/news", "");
                drop(server.publisher().deliver(["news"], "hello").expect("is accepted"));
                assert_eq!(data(&reader.until("\n\n")), ["hello"]);
            }

            // Replay.

            #[test]
            fn without_an_id_nothing_is_replayed() {
                let server = news(|_| {});
                let hosted = host(&server);
                let publisher = server.publisher();
                publisher.publish(["news"], "before").expect("is accepted");
                let mut reader = Reading::get(hosted.address, "/news", "");
                publisher.publish(["news"], "after").expect("is accepted");
                assert_eq!(data(&reader.until("after\n\n")), ["after"]);
            }

            #[test]
            fn all_is_replayed_where_the_channel_says_so() {
                let server = news(|_| {});
                server.register("news", replay_all()).expect("there is room");
                let hosted = host(&server);
                let publisher = server.publisher();
                let id = publisher.publish(["news"], "1").expect("is accepted");
                publisher.publish(["news"], "2").expect("is accepted");
                let mut all = Reading::get(hosted.address, "/news", "");
                let mut from = Reading::get(hosted.address, "/news", &format!("Last-Event-ID: {id}\r\n"));
                publisher.publish(["news"], "3").expect("is accepted");
                assert_eq!(data(&all.until("3\n\n")), ["1", "2", "3"]);
                assert_eq!(data(&from.until("3\n\n")), ["2", "3"]);
            }

            #[test]
            fn replay_goes_on_after_the_id_that_was_seen_by_field_or_query() {
                let server = news(|_| {});
                let hosted = host(&server);
                let publisher = server.publisher();
                let ids = ["1", "2", "3"].map(|text| publisher.publish(["news"], text).expect("is accepted"));
                let by_field = Reading::get(hosted.address, "/news", &format!("Last-Event-ID: {}\r\n", ids[0]));
                let by_query = Reading::get(hosted.address, &format!("/news?last_event_id={}", ids[0]), "");
                for mut reader in [by_field, by_query] {
                    assert_eq!(data(&reader.until("3\n\n")), ["2", "3"]);
                }
            }

            #[test]
            fn what_is_published_during_a_long_replay_comes_behind_it() {
                let server = news(|_| {});
                server.register("news", replay_all()).expect("there is room");
                let hosted = host(&server);
                let publisher = server.publisher();
                for number in 0..5000 {
                    publisher.publish(["news"], &number.to_string()).expect("is accepted");
                }
                let mut reader = Reading::get(hosted.address, "/news", "");
                for number in 5000..6000 {
                    publisher.publish(["news"], &number.to_string()).expect("is accepted");
                }
                let expected: Vec<String> = (0..6000).map(|number| number.to_string()).collect();
                assert_eq!(data(&reader.until("5999\n\n")), expected);
            }

            // Repositories.

            /// Numbers from 1 to `last`, stored under their own names.
            struct Numbers {
                last: usize,
            }

            impl Repository for Numbers {
                fn following<'a>(&'a self, load: &'a Load) -> Loading<'a> {
                    Loading::ready(numbers(self.last, load))
                }
            }

            fn numbers(last: usize, load: &Load) -> Result<Batch, tidewire_std::RepositoryError> {
                let after: usize = load.after.as_deref().unwrap_or("0").parse()?;
                let mut batch = Batch::default();
                for number in (after + 1..=last).take(load.max_publications) {
                    batch.push(&numbered(number))?;
                }
                batch.more = after + batch.publications.len() < last;
                Ok(batch)
            }

            fn numbered(number: usize) -> Message {
                let id = EventId::new(number.to_string()).expect("an id");
                Message::new(number.to_string()).with_id(id)
            }

            fn texts(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
                numbers.into_iter().map(|number| number.to_string()).collect()
            }

            #[test]
            fn a_repository_replays_five_thousand_in_batches_and_hands_over_to_live() {
                let server = news(|_| {});
                server.register_with("news", replay_all(), Numbers { last: 5000 }).expect("there is room");
                let hosted = host(&server);
                let mut all = Reading::get(hosted.address, "/news", "");
                let mut from = Reading::get(hosted.address, "/news", "Last-Event-ID: 4990\r\n");
                assert_eq!(data(&all.until("data: 5000\n\n")), texts(1..=5000));
                assert_eq!(data(&from.until("data: 5000\n\n")), texts(4991..=5000));
                server.publisher().publish(["news"], &numbered(5001)).expect("is accepted");
                for reader in [&mut all, &mut from] {
                    assert_eq!(reader.until("\n\n"), "id: 5001\ndata: 5001\n\n");
                }
            }

            #[test]
            fn a_repository_that_blocks_has_threads_of_its_own() {
                let server = news(|_| {});
                let main = thread::current().id();
                let blocking = Blocking::new(2, move |load| {
                    assert_ne!(thread::current().id(), main);
                    thread::yield_now();
                    numbers(300, load)
                });
                server.register_with("news", replay_all(), blocking).expect("there is room");
                let hosted = host(&server);
                let readers: Vec<_> = (0..8).map(|_| Reading::get(hosted.address, "/news", "")).collect();
                for mut reader in readers {
                    assert_eq!(data(&reader.until("data: 300\n\n")), texts(1..=300));
                }
            }

            #[test]
            fn a_repository_that_fails_panics_or_hangs_is_a_gap_and_then_live() {
                struct Hanging;

                impl Repository for Hanging {
                    fn following<'a>(&'a self, _: &'a Load) -> Loading<'a> {
                        Loading::new(pending())
                    }
                }

                let server = news(|config| config.channels.load_timeout = Duration::from_millis(50));
                let failing = |_: &Load| -> Result<Batch, tidewire_std::RepositoryError> { Err("out of order".into()) };
                let panicking = |_: &Load| -> Result<Batch, tidewire_std::RepositoryError> { panic!("on purpose") };
                server.register_with("failing", replay_all(), Blocking::new(1, failing)).expect("there is room");
                server.register_with("panicking", replay_all(), Blocking::new(1, panicking)).expect("there is room");
                server.register_with("hanging", replay_all(), Hanging).expect("there is room");
                server.channels_at("/{name}", ["{name}"], Endpoint::default()).expect("a path");
                let hosted = host(&server);
                for name in ["failing", "panicking", "hanging"] {
                    let mut reader = Reading::get(hosted.address, &format!("/{name}"), "Last-Event-ID: 7\r\n");
                    let gap = reader.until("}\n\n");
                    assert!(gap.contains("event: gap\n") && gap.contains(r#""reason":"unavailable""#), "{name}: {gap}");
                    server.publisher().publish([name], &numbered(8)).expect("is accepted");
                    assert_eq!(data(&reader.until("8\n\n")), ["8"], "{name}");
                }
            }

            #[test]
            fn a_restarted_server_resumes_from_its_store_and_says_gap_without_one() {
                let memory = Arc::new(Memory::default());
                let seen = {
                    let server = news(|_| {});
                    server
                        .register_with("stored", ChannelConfig::default(), Arc::clone(&memory))
                        .expect("there is room");
                    for number in 1..=3 {
                        memory.add("stored", &numbered(number)).expect("is stored");
                        server.publisher().publish(["stored"], &numbered(number)).expect("is accepted");
                    }
                    server.publisher().publish(["news"], "before").expect("is accepted")
                };
                // Another epoch, the same store.
                let server = news(|_| {});
                server.register_with("stored", ChannelConfig::default(), Arc::clone(&memory)).expect("there is room");
                server.channels_at("/stored", ["stored"], Endpoint::default()).expect("a path");
                let hosted = host(&server);
                let mut stored = Reading::get(hosted.address, "/stored", "Last-Event-ID: 1\r\n");
                assert_eq!(data(&stored.until("data: 3\n\n")), ["2", "3"]);
                let mut lost = Reading::get(hosted.address, "/news", &format!("Last-Event-ID: {seen}\r\n"));
                let gap = lost.until("}\n\n");
                assert!(gap.contains("event: gap\n") && gap.contains(r#""reason":"epoch""#), "{gap}");
            }

            // Unregistering.

            #[test]
            fn readers_of_an_unregistered_channel_end_or_stay_in_silence() {
                for (what, ends) in [(Unregister::EndReaders, true), (Unregister::KeepReaders, false)] {
                    let server = news(|_| {});
                    server.register("news", ChannelConfig::default()).expect("there is room");
                    let hosted = host(&server);
                    let mut reader = Reading::get(hosted.address, "/news", "");
                    server.publisher().publish(["news"], "1").expect("is accepted");
                    assert!(server.unregister("news", what));
                    server.register("news", ChannelConfig::default()).expect("there is room");
                    server.publisher().publish(["news"], "2").expect("is accepted");
                    if ends {
                        assert_eq!(data(&reader.text()), ["1"]);
                    } else {
                        assert_eq!(data(&reader.until("1\n\n")), ["1"]);
                        assert!(reader.is_silent());
                    }
                }
            }

            #[test]
            fn what_is_not_registered_is_not_there_unless_on_demand() {
                let server = news(|config| config.channels.on_demand = false);
                let hosted = host(&server);
                assert_eq!(Reading::get(hosted.address, "/news", "").head.status, 404);
                assert_eq!(server.publisher().publish(["news"], "x"), Err(PublishError::UnknownChannel));
                server.register("news", ChannelConfig::default()).expect("there is room");
                assert_eq!(Reading::get(hosted.address, "/news", "").head.status, 200);
                server.publisher().publish(["news"], "x").expect("is accepted");
            }

            // The longest time.

            #[test]
            fn a_stream_ends_at_its_longest_time_and_not_before() {
                let server = news(|config| {
                    config.channels.max_time = Some(Duration::from_millis(200));
                    config.channels.max_time_jitter = 0;
                });
                let hosted = host(&server);
                let begun = Instant::now();
                let text = Reading::get(hosted.address, "/news", "").text();
                assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
                assert!(text.contains("\n\nretry: "), "{text:?}");
            }

            #[test]
            fn a_stream_ends_at_its_longest_time_in_the_middle_of_a_replay() {
                let server = news(|config| config.channels.max_time = Some(Duration::from_millis(200)));
                server.register_with("news", replay_all(), Numbers { last: usize::MAX }).expect("there is room");
                let hosted = host(&server);
                let begun = Instant::now();
                let text = Reading::get(hosted.address, "/news", "").text();
                assert!(begun.elapsed() >= Duration::from_millis(180), "{:?}", begun.elapsed());
                let numbers = data(&text);
                assert!(!numbers.is_empty());
                assert_eq!(numbers, texts(1..=numbers.len()));
            }

            #[test]
            fn a_server_that_goes_on_after_its_earlier_life_resumes_and_a_new_one_says_gap() {
                let before = news(|_| {});
                let id = before.publisher().publish(["news"], "before").expect("is accepted");
                let head = before.broadcaster().with(|channels, _| channels.log().head());
                for (after, has_gap) in [(Some(head), false), (None, true)] {
                    let server = news(|config| config.channels.after = after);
                    let hosted = host(&server);
                    let mut reader = Reading::get(hosted.address, "/news", &format!("Last-Event-ID: {id}\r\n"));
                    server.publisher().publish(["news"], "after").expect("is accepted");
                    let text = reader.until("data: after\n\n");
                    assert_eq!(text.contains("event: gap\n"), has_gap, "{text}");
                    assert_eq!(text.contains(r#""reason":"epoch""#), has_gap, "{text}");
                }
            }

            // Heartbeats.

            #[test]
            fn the_heartbeat_of_one_reader_is_changed_and_stopped_on_the_way() {
                let server = news(|_| {});
                let hosted = host(&server);
                let mut changed = opened(&hosted, "/news", "");
                let reader = server.broadcaster().with(|channels, _| channels.readers().next()).expect("it is open");
                let set = |heartbeat| server.broadcaster().with(|all, _| all.set_heartbeat(reader, heartbeat));
                let mut other = opened(&hosted, "/news", "");
                let mut heartbeat = Heartbeat::new(Duration::from_millis(20));
                heartbeat.form = KeepAlive::Event(EventName::new("beat").expect("a name"));
                assert!(set(Some(heartbeat)));
                for _ in 0..2 {
                    changed.until("event: beat\ndata: \n\n");
                }
                assert!(set(None));
                server.publisher().publish(["news"], "the last").expect("is accepted");
                changed.until("the last\n\n");
                assert!(changed.is_silent());
                assert!(!other.until("the last\n\n").contains("beat"));
                changed.leave();
                soon(|| readers(&server) == 1);
                assert!(!set(None), "it is not there any longer");
            }

            // Readers that go, and that are slow.

            #[test]
            fn a_reader_that_goes_leaves_its_place() {
                let server = news(|_| {});
                let hosted = host(&server);
                let mut reader = Reading::get(hosted.address, "/news", "");
                server.publisher().publish(["news"], "seen").expect("is accepted");
                reader.until("seen\n\n");
                assert_eq!(server.connections(), 1);
                reader.leave();
                soon(|| server.connections() == 0);
            }

            #[test]
            fn a_reader_that_is_too_far_behind_is_given_what_is_on_its_way_and_ended() {
                let server = news(|_| {});
                let mut channel = ChannelConfig::default();
                channel.topic.lag = LagPolicy::new(128, OnLag::End);
                server.register("news", channel).expect("there is room");
                let hosted = host(&server);
                let reader = Reading::get(hosted.address, "/news", "");
                let text = "x".repeat(64 << 10);
                // Far more than the buffers of both sockets hold.
                for number in 0..1000 {
                    server.publisher().publish(["news"], &format!("{number} {text}")).expect("is accepted");
                }
                soon(|| server.connections() == 0);
                let (bytes, end) = reader.rest();
                assert_eq!(end, BodyEnd::Cut);
                let text = String::from_utf8_lossy(&bytes);
                let numbers =
                    text.lines().filter_map(|line| line.strip_prefix("data: ")?.split_once(' ')).map(|(n, _)| n);
                assert!(numbers.enumerate().all(|(at, number)| at.to_string() == number));
            }

            /// The kernel would keep what it has taken for it, for minutes.
            #[test]
            fn a_reader_that_is_ended_for_being_behind_is_reset() {
                use std::io::{ErrorKind, Read, Write, copy, sink};
                let server = news(|_| {});
                let mut channel = ChannelConfig::default();
                channel.topic.lag = LagPolicy::new(128, OnLag::End);
                server.register("news", channel).expect("there is room");
                let hosted = host(&server);
                let mut socket = std::net::TcpStream::connect(hosted.address).expect("connects");
                socket.set_read_timeout(Some(Duration::from_secs(30))).expect("sets it");
                socket.write_all(b"GET /news HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
                socket.read_exact(&mut [0; 12]).expect("it answers");
                let text = "x".repeat(64 << 10);
                for _ in 0..1000 {
                    server.publisher().publish(["news"], &text).expect("is accepted");
                }
                soon(|| server.connections() == 0);
                let end = copy(&mut socket, &mut sink()).map_err(|error| error.kind());
                assert_eq!(end, Err(ErrorKind::ConnectionReset));
            }

            #[test]
            fn a_burst_of_changes_is_held_back_and_the_last_one_counts() {
                let server = news(|_| {});
                let mut channel = ChannelConfig::default();
                channel.debounce = Some(Duration::from_millis(100));
                server.register("news", channel).expect("there is room");
                let hosted = host(&server);
                let mut reader = Reading::get(hosted.address, "/news", "");
                let begun = Instant::now();
                for text in ["1", "2", "3"] {
                    server.publisher().publish(["news"], text).expect("is accepted");
                }
                assert_eq!(data(&reader.until("3\n\n")), ["3"]);
                assert!(begun.elapsed() >= Duration::from_millis(50), "{:?}", begun.elapsed());
            }

            // What is no stream.

            #[test]
            fn each_request_that_is_none_for_a_stream_has_its_answer() {
                let server = news(|_| {});
                server.reply_at("/health", |_| Reply::new(204)).expect("a path");
                let hosted = host(&server);
                let ask = |method: &str, path: &str, lines: &str| Reading::send(hosted.address, method, path, lines);
                assert_eq!(ask("GET", "/elsewhere", "").head.status, 404);
                assert_eq!(ask("GET", "/health", "").head.status, 204);
                let head = ask("HEAD", "/news", "");
                assert_eq!((head.head.status, head.field("content-type")), (200, Some("text/event-stream")));
                assert_eq!(head.text(), "");
                let refused = ask("DELETE", "/news", "");
                assert_eq!((refused.head.status, refused.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
                assert_eq!(ask("OPTIONS", "/news", "").head.status, 204);
                assert_eq!(ask("GET", "/news", "Accept: application/json\r\n").head.status, 406);
                assert_eq!(ask("GET", "/news", "Accept: text/*;q=0.1\r\n").head.status, 200);
                server.fallback(|_| Reply::new(418).into());
                assert_eq!(ask("GET", "/elsewhere", "").head.status, 418);
            }

            #[test]
            fn pages_of_listed_origins_may_read() {
                let server = EventServer::default();
                let mut endpoint = Endpoint::default();
                endpoint.access.origins = vec!["https://app.example".into()];
                server.channels_at("/news", ["news"], endpoint).expect("a path");
                let hosted = host(&server);
                let allowed = Reading::get(hosted.address, "/news", "Origin: https://app.example\r\n");
                assert_eq!(allowed.field("access-control-allow-origin"), Some("https://app.example"));
                assert!(allowed.head.fields.has_token("vary", "origin"));
                assert_eq!(Reading::get(hosted.address, "/news", "Origin: https://evil.example\r\n").head.status, 403);
                let lines = "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n\
                             Access-Control-Request-Headers: last-event-id\r\n";
                let preflight = Reading::send(hosted.address, "OPTIONS", "/news", lines);
                assert_eq!(preflight.head.status, 204);
                assert!(preflight.head.fields.has_token("access-control-allow-headers", "last-event-id"));
            }

            #[test]
            fn the_application_decides_who_reads_what() {
                let server = EventServer::default();
                let inbox = |request: &tidewire_core::server::Request, names: &tidewire_core::http::PathNames<'_>| {
                    match request.head.fields.get_str("x-user") {
                        Some(user) if names.get("user") == Some(user) => Response::channels([format!("inbox:{user}")]),
                        _ => Reply::new(401).into(),
                    }
                };
                server.handle_at("/inbox/{user}", inbox).expect("a path");
                let hosted = host(&server);
                assert_eq!(Reading::get(hosted.address, "/inbox/ann", "X-User: bob\r\n").head.status, 401);
                let mut ann = Reading::get(hosted.address, "/inbox/ann", "X-User: ann\r\n");
                server.publisher().publish(["inbox:bob"], "for bob").expect("is accepted");
                server.publisher().publish(["inbox:ann"], "for ann").expect("is accepted");
                assert_eq!(data(&ann.until("ann\n\n")), ["for ann"]);
            }

            #[test]
            fn one_reader_too_many_is_told_when_to_come_back() {
                let server = news(|_| {});
                let mut channel = ChannelConfig::default();
                channel.max_readers = 1;
                server.register("news", channel).expect("there is room");
                let hosted = host(&server);
                let _first = Reading::get(hosted.address, "/news", "");
                let busy = Reading::get(hosted.address, "/news", "");
                assert_eq!(busy.head.status, 503);
                let after: u64 = busy.field("retry-after").expect("it says").parse().expect("a number");
                assert!(after >= 5, "{after}");
                // A browser stops for good at any other status.
                let browser = Reading::get(hosted.address, "/news", "Sec-Fetch-Mode: cors\r\n");
                assert_eq!(browser.head.status, 200);
                assert!(browser.text().starts_with("retry: "));
            }

            // Compression.

            #[test]
            fn curl_reads_a_compressed_stream_as_it_comes() {
                let server = EventServer::default();
                let mut endpoint = Endpoint::default();
                endpoint.gzip = true;
                server.channels_at("/news", ["news"], endpoint).expect("a path");
                let hosted = host(&server);
                let coded = Reading::get(hosted.address, "/news", "Accept-Encoding: br, gzip;q=0.5\r\n");
                assert_eq!(coded.field("content-encoding"), Some("gzip"));
                assert!(coded.head.fields.has_token("vary", "accept-encoding"));
                let plain = Reading::get(hosted.address, "/news", "Accept-Encoding: gzip;q=0\r\n");
                assert_eq!(plain.field("content-encoding"), None);
                coded.leave();
                plain.leave();
                soon(|| server.connections() == 0);

                let url = format!("http://{}/news", hosted.address);
                let mut curl = Command::new("curl")
                    .args(["--silent", "--no-buffer", "--compressed", "--max-time", "20", &url])
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("curl is there");
                soon(|| readers(&server) == 1);
                let mut lines = crate::lines_of(curl.stdout.take().expect("is piped"));
                for text in ["first", "second"] {
                    // The next one is not published before this one was read.
                    server.publisher().publish(["news"], text).expect("is accepted");
                    assert!(lines.any(|line| line == format!("data: {text}")), "{text}");
                }
                hosted.ended();
                // The stream has its proper end.
                assert!(lines.all(|line| !line.starts_with("data: ")));
                assert!(curl.wait().expect("ends").success());
            }

            // The end.

            #[test]
            fn a_graceful_end_gives_each_reader_the_rest_a_last_event_and_a_time_to_come_back() {
                let server = news(|config| {
                    config.channels.last_event = Some("event: bye\ndata: \n\n".into());
                });
                let mut hosted = host(&server);
                let readers: Vec<_> = (0..10).map(|_| Reading::get(hosted.address, "/news", "")).collect();
                server.publisher().publish(["news"], "the last").expect("is accepted");
                hosted.stop();
                for reader in readers {
                    let text = reader.text();
                    assert_eq!(data(&text), ["the last", ""]);
                    assert!(text.contains("event: bye\n") && text.contains("retry: "), "{text:?}");
                }
                hosted.ended();
                assert_eq!(server.publisher().publish(["news"], "late"), Err(PublishError::Closed));
                assert_eq!(server.publisher().comment(["news"], "late"), Err(PublishError::Closed));
                assert_eq!(server.connections(), 0);
            }

            #[test]
            fn who_does_not_go_is_dropped_when_the_time_is_over() {
                let server = news(|config| config.drain = Duration::from_millis(100));
                let mut hosted = host(&server);
                let reader = Reading::get(hosted.address, "/news", "");
                let text = "x".repeat(64 << 10);
                for _ in 0..100 {
                    server.publisher().publish(["news"], &text).expect("is accepted");
                }
                let begun = Instant::now();
                hosted.stop();
                hosted.ended();
                assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
                assert_eq!(reader.rest().1, BodyEnd::Cut);
            }

            // Other carriers.

            #[test]
            fn one_connection_is_served_alike() {
                let server = news(|_| {});
                let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
                let address = listener.local_addr().expect("bound");
                let reading = thread::spawn(move || Reading::get(address, "/news", "").until("hello\n\n"));
                run(async {
                    let (socket, _) = on_std(listener).accept().await.expect("accepts");
                    let serving = server.clone();
                    spawn(async move { serve_connection(&serving, socket).await.expect("no error") });
                    soon(|| readers(&server) == 1);
                    server.publisher().publish(["news"], "hello").expect("is accepted");
                    assert_eq!(data(&reading.join().expect("ends")), ["hello"]);
                });
            }

            #[test]
            fn over_tls_it_is_served_alike() {
                let authority = Authority::new();
                let issued = authority.issue(&["localhost"]);
                let tls = tls::Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("chain and key");
                let trusted = tls::Client::only_roots_pem(authority.pem().as_bytes()).expect("an authority");
                let server = news(|_| {});
                let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
                let port = listener.local_addr().expect("bound").port();
                run(async {
                    spawn(serve_tls(on_std(listener), tls, server.clone(), pending::<()>()));
                    let url = format!("https://localhost:{port}/news").parse().expect("a URL");
                    let connector = Connector::new().with_tls(trusted);
                    let mut source = EventSource::with_connector(client::Config::new(url), connector);
                    source.opened().await.expect("opens");
                    server.publisher().publish(["news"], "hello").expect("is accepted");
                    let message = source.next_message().await.expect("goes on").expect("a message");
                    assert_eq!(message.data(), "hello");
                });
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);

/// Returns the lines that a child prints, as they come.
fn lines_of(out: impl std::io::Read) -> impl Iterator<Item = String> {
    use std::io::BufRead;
    std::io::BufReader::new(out).lines().map_while(Result::ok)
}
