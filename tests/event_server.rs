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
            use std::thread;

            use smol::channel::Receiver;
            use tidewire_core::channels::Endpoint;
            use tidewire_core::sse::{EventName, Message};
            use tidewire_std::{EventServer, EventServerConfig};
            use tidewire_tests::reading::Reading;

            use crate::hosted::Hosted;
            use crate::$runtime::{on_std, run, serve};

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

            #[test]
            fn two_clients_both_get_the_event() {
                let server = news(|_| {});
                let hosted = host(&server);
                let mut readers = [(); 2].map(|()| Reading::get(hosted.address, "/news", ""));
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
                let mut reader = Reading::get(hosted.address, "/news", "");
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
                let publisher = server.publisher();
                for number in 0..1000 {
                    publisher.comment(["news"], &number.to_string()).expect("is accepted");
                }
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);
