//! `next_message` and `next_json` of every client: messages and the end, and nothing in between.

use std::future::Future;
use std::sync::LazyLock;
use std::thread::{self, JoinHandle};

use tidewire_core::client::{CloseReason, Config, ContentType, Marks, Reason};
use tidewire_core::http::Url;
use tidewire_tests::scripted::{Call, Scripted};
use tokio::runtime::Runtime;

macro_rules! suite {
    ($name:ident, $source:expr, $wait:path) => {
        mod $name {
            use serde_json::{Value, json};
            use tidewire_core::client::{CloseReason, Event, NextError, Reason};
            use $wait as wait;

            use crate::{chat, follow, lenient, or_answer, reply, script, served, stream, unfinished};

            /// What one line of a test expects of `next_json`.
            macro_rules! expect_json {
                ($next:expr, $expected:pat) => {
                    let found: Result<Option<Value>, NextError> = wait($next);
                    assert!(matches!(&found, $expected), "{found:?}");
                };
            }

            fn data(found: Result<Option<tidewire_core::sse::Message>, CloseReason>) -> Result<Option<String>, CloseReason> {
                found.map(|message| message.map(|message| message.data().to_owned()))
            }

            #[test]
            fn messages_come_and_after_the_end_none() {
                let (url, server) = served([stream(": hi\n\nretry: 5\ndata: a\n\nid: 1\ndata:\n\ndata: [DONE]\n\n")]);
                let mut source = $source(chat(url));
                assert_eq!(data(wait(source.next_message())), Ok(Some("a".into())));
                assert_eq!(data(wait(source.next_message())), Ok(Some(String::new())));
                assert_eq!(data(wait(source.next_message())), Ok(None));
                assert_eq!(data(wait(source.next_message())), Ok(None));
                server.join().expect("no other request");
            }

            #[test]
            fn json_without_data_is_passed_over() {
                let (url, server) = served([stream("data:\n\ndata: 1\n\nid: 1\ndata: \n\ndata: [2]\n\ndata: [DONE]\n\n")]);
                let mut source = $source(chat(url));
                assert_eq!(wait(source.next_json()).expect("it is a number"), Some(1));
                assert_eq!(wait(source.next_json()).expect("it is a list"), Some([2]));
                expect_json!(source.next_json(), Ok(None));
                expect_json!(source.next_json(), Ok(None));
                server.join().expect("no other request");
            }

            #[test]
            fn json_of_another_type_is_an_error_and_it_goes_on() {
                let (url, server) = served([stream("data: {\n\ndata: \"one\"\n\ndata: 2\n\ndata: [DONE]\n\n")]);
                let mut source = $source(chat(url));
                for came in ["{", "\"one\""] {
                    match wait(source.next_json::<u8>()) {
                        Err(NextError::Json { event, .. }) => {
                            assert!(matches!(*event, Event::Message(message) if message.data() == came));
                        }
                        other => panic!("{other:?}"),
                    }
                }
                assert_eq!(wait(source.next_json::<u8>()).expect("it is a number"), Some(2));
                assert_eq!(wait(source.next_json::<u8>()).expect("it is complete"), None);
                server.join().expect("no other request");
            }

            #[test]
            fn end_without_its_mark_is_an_error_and_stays_one_and_the_post_is_not_repeated() {
                for body in ["data: 1\n\n", "data: 1\n\ndata: [DONE]", "data: 1\n\ndata: [DONE]\n"] {
                    let (url, server) = served([stream(body)]);
                    let mut source = $source(chat(url));
                    expect_json!(source.next_json(), Ok(Some(_)));
                    let ended = data(wait(source.next_message()));
                    assert_eq!(ended, Err(unfinished(body != "data: 1\n\n")));
                    assert_eq!(data(wait(source.next_message())), ended);
                    expect_json!(source.next_json(), Err(NextError::Closed(CloseReason::NotResent { .. })));
                    expect_json!(source.next_json(), Err(NextError::Closed(CloseReason::NotResent { .. })));
                    server.join().expect("no other request");
                }
            }

            #[test]
            fn error_in_the_stream_is_one() {
                let (url, server) = served([stream("data: 1\n\nevent: error\ndata: {\"error\":\"busy\"}\n\ndata: [DONE]\n\n")]);
                let mut source = $source(chat(url));
                expect_json!(source.next_json(), Ok(Some(_)));
                match wait(source.next_json::<Value>()) {
                    Err(NextError::Closed(reason)) => match reason.reason() {
                        Some(Reason::ErrorEvent(message)) => assert_eq!(message.data(), "{\"error\":\"busy\"}"),
                        other => panic!("{other:?}"),
                    },
                    other => panic!("{other:?}"),
                }
                server.join().expect("no other request");
            }

            #[test]
            fn refusal_is_an_error_with_its_body() {
                let (url, server) = served([reply("401 Unauthorized", "", "{\"error\":\"who?\"}")]);
                let mut source = $source(chat(url));
                for _ in 0..2 {
                    let refused = wait(source.next_message()).expect_err("it is refused");
                    let refusal = refused.refusal().expect("there was an answer");
                    assert_eq!((refusal.head.status, refusal.text()), (401, Some("{\"error\":\"who?\"}")));
                }
                server.join().expect("no other request");
            }

            #[test]
            fn answer_in_one_piece_is_a_message() {
                for as_json in [false, true] {
                    let (url, server) = served([reply("200 OK", "Content-Type: application/json\r\n", "{\"a\":1}")]);
                    let mut source = $source(or_answer(url));
                    if as_json {
                        assert_eq!(wait(source.next_json()).expect("it is JSON"), Some(json!({ "a": 1 })));
                    } else {
                        assert_eq!(data(wait(source.next_message())), Ok(Some("{\"a\":1}".into())));
                    }
                    assert_eq!(data(wait(source.next_message())), Ok(None));
                    expect_json!(source.next_json(), Ok(None));
                    server.join().expect("no other request");
                }
            }

            #[test]
            fn answer_of_another_type_is_an_error_once() {
                let (url, server) = served([reply("200 OK", "Content-Type: application/json\r\n", "")]);
                let mut source = $source(or_answer(url));
                expect_json!(source.next_json(), Err(NextError::Json { .. }));
                expect_json!(source.next_json(), Ok(None));
                server.join().expect("no other request");
            }

            #[test]
            fn reconnection_in_between_is_not_seen() {
                let (url, server) = served([
                    stream("id: 7\nretry: 1\ndata: 1\n\ndata: cut sh"),
                    script(|call| {
                        assert_eq!(call.field("last-event-id"), Some("7"));
                        call.stream("data: 2\n\n");
                    }),
                    reply("204 No Content", "", ""),
                ]);
                let mut source = $source(follow(url));
                assert_eq!(data(wait(source.next_message())), Ok(Some("1".into())));
                assert_eq!(wait(source.next_json()).expect("it is a number"), Some(2));
                // "a client can be told to stop reconnecting using the HTTP 204 No Content response code."
                assert_eq!(data(wait(source.next_message())), Ok(None));
                server.join().expect("no other request");
            }

            #[test]
            fn closing_is_an_end_and_no_error() {
                let (url, server) = served([script(|mut call| {
                    call.open("");
                    call.send("data: 1\n\n");
                    call.end();
                })]);
                let mut source = $source(follow(url));
                expect_json!(source.next_json(), Ok(Some(_)));
                source.handle().close();
                expect_json!(source.next_json(), Ok(None));
                assert_eq!(data(wait(source.next_message())), Ok(None));
                server.join().expect("no other request");
            }

            #[test]
            fn missing_content_type_is_taken_where_it_is_configured() {
                let body = "data: 1\n\ndata: [DONE]\n\n";
                let (url, server) = served([reply("200 OK", "", body)]);
                let refused = wait($source(chat(url)).next_message()).expect_err("it is no stream");
                assert!(matches!(refused, CloseReason::ContentType(_)), "{refused}");
                server.join().expect("no other request");

                let (url, server) = served([reply("200 OK", "", body)]);
                let mut source = $source(lenient(url));
                expect_json!(source.next_json(), Ok(Some(_)));
                expect_json!(source.next_json(), Ok(None));
                server.join().expect("no other request");
            }
        }
    };
}

/// What only those can show whose wait can be given up.
macro_rules! waits {
    ($name:ident, $source:expr, $wait:path) => {
        mod $name {
            use futures_lite::future::{poll_once, yield_now};
            use $wait as wait;

            use crate::{chat, script, served, stream};

            #[test]
            fn wait_given_up_anywhere_loses_nothing() {
                let (url, server) = served([script(|mut call| {
                    call.open("");
                    for number in 0..100 {
                        format!("data: {number}\n\n").as_bytes().chunks(1).for_each(|byte| call.send(byte));
                    }
                    call.send("data: [DONE]\n\n");
                    call.finish();
                })]);
                let mut source = $source(chat(url));
                let numbers = wait(async {
                    let mut numbers = Vec::new();
                    loop {
                        // One kind of wait after the other, each given up when there is nothing yet.
                        if let Some(found) = poll_once(source.next_json::<u32>()).await {
                            let Some(number) = found.expect("numbers, and an end") else { return numbers };
                            numbers.push(number);
                        }
                        if let Some(found) = poll_once(source.next_message()).await {
                            let Some(message) = found.expect("numbers, and an end") else { return numbers };
                            numbers.push(message.data().parse().expect("a number"));
                        }
                        yield_now().await;
                    }
                });
                assert!(numbers.iter().copied().eq(0..100), "{numbers:?}");
                server.join().expect("no other request");
            }

            #[test]
            fn messages_follow_after_waiting_for_the_stream_to_open() {
                let (url, server) = served([stream("data: 1\n\ndata: [DONE]\n\n")]);
                let mut source = $source(chat(url));
                wait(source.opened()).expect("it opens");
                assert_eq!(wait(source.next_json()).expect("it is a number"), Some(1));
                assert_eq!(wait(source.next_json::<u8>()).expect("it is complete"), None);
                server.join().expect("no other request");
            }
        }
    };
}

suite!(on_tokio, tidewire_tokio::EventSource::new, crate::in_tokio);
suite!(on_smol, tidewire_smol::EventSource::new, smol::block_on);
suite!(on_std, tidewire_std::EventSource::new, std::convert::identity);
suite!(over_reqwest, crate::over_reqwest, crate::in_tokio);
waits!(waits_on_tokio, tidewire_tokio::EventSource::new, crate::in_tokio);
waits!(waits_on_smol, tidewire_smol::EventSource::new, smol::block_on);
waits!(waits_over_reqwest, crate::over_reqwest, crate::in_tokio);

fn in_tokio<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    RUNTIME.block_on(future)
}

fn over_reqwest(config: Config) -> tidewire_http::EventSource<reqwest::Client, tidewire_http::TokioTimer> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
    tidewire_http::EventSource::new(client.expect("a client"), config)
}

/// What a request is answered with.
type Answer = Box<dyn FnOnce(Call) + Send>;

fn script(answer: impl FnOnce(Call) + Send + 'static) -> Answer {
    Box::new(answer)
}

fn stream(body: &'static str) -> Answer {
    script(move |call| call.stream(body))
}

fn reply(status: &'static str, fields: &'static str, body: &'static str) -> Answer {
    script(move |call| call.reply(status, fields, body))
}

/// Answers one request after another; joining asserts that no other came.
fn served<const N: usize>(answers: [Answer; N]) -> (Url, JoinHandle<()>) {
    let server = Scripted::start();
    let url = server.url().parse().expect("a URL");
    let script = thread::spawn(move || {
        for answer in answers {
            answer(server.accept());
        }
        server.expect_no_other();
    });
    (url, script)
}

/// A POST whose stream has a marked end.
fn chat(url: Url) -> Config {
    let mut config = Config::llm(url, "{}");
    config.marks = Marks::none().error_event("error").end_data("[DONE]");
    config
}

/// The same, which may be answered in one piece.
fn or_answer(url: Url) -> Config {
    let mut config = chat(url);
    config.max_answer = Some(100);
    config
}

/// The same, from a server that names no content type.
fn lenient(url: Url) -> Config {
    let mut config = chat(url);
    config.content_type = ContentType::Lenient;
    config
}

/// A GET of an endless stream.
fn follow(url: Url) -> Config {
    Config::new(url)
}

fn unfinished(mid_event: bool) -> CloseReason {
    let method = tidewire_core::http::Method::POST;
    CloseReason::NotResent { method, reason: Box::new(Reason::Unfinished { mid_event }) }
}
