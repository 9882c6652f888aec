//! Messages that end a stream, tell of an error, or are left out.

use core::time::Duration;

use tidewire_core::client::{CloseReason, Config, Event, Mark, Marks, Reason, Resend, State};
use tidewire_core::sse::{EventName, Message, MessageRef};
use tidewire_tests::client::{Client, UNTIL_CLOSE, config, config_post};

/// A client whose stream with these marks is open.
fn open(marks: Marks) -> Client {
    Client::open(marked(config(), marks))
}

fn marked(mut config: Config, marks: Marks) -> Config {
    config.marks = marks;
    config
}

fn of(marks: &Marks, event_type: &str, data: &str) -> Mark {
    let message = Message::new(data).with_event(EventName::new(event_type).expect("a good type"));
    marks.of(message.as_ref())
}

#[test]
fn without_marks_everything_is_a_message() {
    let marks = Marks::none();
    for (event_type, data) in [("message", "[DONE]"), ("error", r#"{"error": {}}"#), ("ping", "")] {
        assert_eq!(of(&marks, event_type, data), Mark::Message);
    }
    assert!(!marks.must_end() && !Marks::default().must_end());
    let mut client = open(marks);
    client.receive("data: [DONE]\n\n");
    client.eof();
    assert_eq!(client.lost(), Reason::Ended { mid_event: false });
}

#[test]
fn end_is_not_delivered_and_closes() {
    let mut client = open(Marks::none().end_data("[DONE]"));
    client.receive("data: 1\n\ndata:  [DONE] \n\ndata: 2\n\n");
    assert_eq!(client.lines(), [r#"message "1" id """#, "closed (the stream is complete)"]);
    assert_eq!((client.machine.state(), client.connected), (State::Closed, false));
}

#[test]
fn last_is_delivered_and_closes() {
    let mut client = open(Marks::none().last_event("message_stop"));
    client.receive("event: message_stop\nid: 9\ndata: {}\n\ndata: 2\n\n");
    assert_eq!(client.lines(), [r#"message_stop "{}" id "9""#, "closed (the stream is complete)"]);
    assert!(!client.connected);
}

#[test]
fn end_may_be_an_event_type() {
    let mut client = open(Marks::none().end_event("done"));
    client.receive("event: done\ndata: x\n\n");
    assert_eq!(client.ended(), CloseReason::Complete);
}

#[test]
fn stream_that_ends_without_its_end_is_unfinished() {
    for (rest, mid_event) in [("", false), ("data: half", true)] {
        let mut client = open(Marks::none().end_data("[DONE]"));
        client.receive(format!("data: 1\n\n{rest}"));
        client.eof();
        let reason = client.lost();
        assert_eq!(reason, Reason::Unfinished { mid_event });
        assert!(reason.to_string().contains("before it was complete"));
    }
}

#[test]
fn stream_with_marks_that_may_just_end_just_ends() {
    let mut client = open(Marks::none().end_data("[DONE]").may_just_end());
    client.receive("data: 1\n\n");
    client.eof();
    assert_eq!(client.lost(), Reason::Ended { mid_event: false });
    assert!(!Marks::none().error_event("error").skip_event("ping").must_end());
}

#[test]
fn unfinished_post_is_over_and_says_why() {
    let mut client = Client::open(marked(config_post("{}"), Marks::none().end_data("[DONE]")));
    client.receive("data: 1\n\n");
    client.eof();
    let CloseReason::NotResent { reason, .. } = client.ended() else { panic!() };
    assert_eq!(*reason, Reason::Unfinished { mid_event: false });
}

#[test]
fn error_event_ends_the_attempt_and_is_told_whole() {
    let mut client = open(Marks::none().error_event("error"));
    client.receive("data: 1\n\nevent: error\ndata: {\"type\": \"overloaded_error\"}\n\ndata: 2\n\n");
    assert!(!client.connected);
    let [Event::Message(_), Event::Disconnected { reason, .. }] = client.events.as_slice() else {
        panic!("{:?}", client.events)
    };
    let Reason::ErrorEvent(message) = reason else { panic!("{reason}") };
    assert_eq!((message.event_type(), message.data()), ("error", r#"{"type": "overloaded_error"}"#));
    assert_eq!(reason.to_string(), r#"the stream tells of an error: {"type": "overloaded_error"}"#);
}

#[test]
fn stream_that_only_tells_errors_is_asked_ever_more_seldom() {
    let mut client = open(Marks::none().error_event("error"));
    for seconds in [1, 2, 4, 8] {
        client.receive("data: 1\n\nevent: error\ndata: overloaded\n\n");
        let Some(Event::Disconnected { retry_in, .. }) = client.events.last() else { panic!() };
        assert_eq!(*retry_in, Duration::from_secs(seconds));
        client.reconnect();
        client.receive(UNTIL_CLOSE);
    }
}

#[test]
fn unfinished_stream_is_progress_only_if_it_can_be_resumed() {
    for (id, seconds) in [("id: 1\n", [1, 1, 1]), ("", [1, 2, 4])] {
        let mut config = marked(config_post("{}"), Marks::none().end_data("[DONE]"));
        config.resend = Resend::Always;
        let mut client = Client::open(config);
        for seconds in seconds {
            client.receive(format!("{id}data: 1\n\n"));
            client.eof();
            let Some(Event::Disconnected { retry_in, .. }) = client.events.last() else { panic!() };
            assert_eq!(*retry_in, Duration::from_secs(seconds), "{id:?}");
            client.reconnect();
            client.receive(UNTIL_CLOSE);
        }
    }
}

#[test]
fn answer_that_is_cut_off_again_and_again_reaches_the_cap() {
    let mut config = marked(config_post("{}"), Marks::none().end_data("[DONE]"));
    (config.resend, config.max_failures) = (Resend::Always, Some(3));
    let mut client = Client::open(config);
    for _ in 0..2 {
        client.receive("data: 1\n\n");
        client.reset();
        client.reconnect();
        client.receive(UNTIL_CLOSE);
    }
    client.receive("data: 1\n\n");
    client.eof();
    assert!(matches!(client.ended(), CloseReason::GaveUp { failures: 3, .. }));
}

#[test]
fn skipped_message_is_not_delivered_but_its_id_counts() {
    let mut client = open(Marks::none().skip_event("ping").skip_empty());
    client.receive("event: ping\ndata: {}\n\nid: 7\ndata:\n\ndata: 1\n\n");
    assert_eq!(client.lines(), [r#"message "1" id "7""#]);
    client.receive("id: 8\ndata: \n\n");
    assert_eq!((client.lines().len(), client.machine.last_event_id()), (0, "8"));
}

#[test]
fn chunk_of_skipped_messages_is_read_to_its_end() {
    let mut client = open(Marks::none().skip_event("ping"));
    client.receive("event: ping\ndata\n\n".repeat(1000) + "data: x\n\n");
    assert_eq!(client.lines(), [r#"message "x" id """#]);
}

#[test]
fn first_rule_that_knows_a_message_decides() {
    let marks = Marks::none().skip_event("a").last_event("a").end_data("b").error_event("c");
    assert_eq!(of(&marks, "a", "b"), Mark::Skip);
    assert_eq!(of(&marks, "c", "b"), Mark::End);
    assert_eq!(of(&marks, "c", "x"), Mark::Error);
    assert_eq!(of(&marks, "x", "x"), Mark::Message);
}

#[test]
fn rule_of_the_caller_is_asked_like_any_other() {
    let rule = |message: MessageRef<'_>| if message.data().len() > 3 { Mark::Last } else { Mark::Message };
    let mut client = open(Marks::none().with(rule));
    client.receive("data: 123\n\ndata: 1234\n\n");
    assert_eq!(client.lines().len(), 3);
    assert!(Marks::none().with(rule).must_end() && !Marks::none().with(rule).may_just_end().must_end());
    assert!(!format!("{:?}", Marks::none().with(rule)).is_empty());
}

#[test]
fn json_with_an_error_is_one() {
    let marks = Marks::none().error_json();
    for (data, is_error) in [
        (r#"{"error": {"message": "boom", "code": 500}}"#, true),
        (r#"{"id": "x", "choices": [], "error": "boom"}"#, true),
        (" {\"error\": false}\n", true),
        (r#"{"error": null, "choices": []}"#, false),
        (r#"{"choices": [{"error": "inside"}]}"#, false),
        (r#"{"text": "error"}"#, false),
        (r#"["error"]"#, false),
        (r#"{"error": 1"#, false),
        (r#""error""#, false),
        ("", false),
    ] {
        assert_eq!(of(&marks, "message", data), if is_error { Mark::Error } else { Mark::Message }, "{data}");
    }
}

#[test]
fn openai_chat_ends_with_done() {
    let marks = Marks::openai();
    let chunk = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"an error"},"finish_reason":null}]}"#;
    assert_eq!(of(&marks, "message", chunk), Mark::Message);
    assert_eq!(of(&marks, "message", "[DONE]"), Mark::End);
    let error = r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#;
    assert_eq!(of(&marks, "message", error), Mark::Error);
    assert_eq!(of(&marks, "error", "{}"), Mark::Error);
    assert!(marks.must_end());
}

#[test]
fn openai_responses_end_with_a_last_event() {
    let marks = Marks::openai_responses();
    for (event_type, mark) in [
        ("response.created", Mark::Message),
        ("response.output_text.delta", Mark::Message),
        ("response.completed", Mark::Last),
        ("response.incomplete", Mark::Last),
        ("response.failed", Mark::Error),
        ("error", Mark::Error),
        ("keepalive", Mark::Message),
    ] {
        assert_eq!(of(&marks, event_type, "{}"), mark, "{event_type}");
    }
}

#[test]
fn anthropic_message_runs_from_start_to_stop() {
    let mut client = open(Marks::anthropic());
    client.receive(concat!(
        "event: message_start\ndata: {\"type\":\"message_start\"}\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n",
        "event: an_event_of_next_year\ndata: {}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ));
    let lines = client.lines();
    let types = lines.iter().map(|line| line.split(' ').next().unwrap_or_default());
    let expected = ["message_start", "content_block_delta", "an_event_of_next_year", "message_stop", "closed"];
    assert!(types.eq(expected), "{lines:?}");
}

#[test]
fn anthropic_error_is_a_reason() {
    let mut client = Client::open(marked(config_post("{}"), Marks::anthropic()));
    client.receive("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n");
    let CloseReason::NotResent { reason, .. } = client.ended() else { panic!() };
    assert!(matches!(&*reason, Reason::ErrorEvent(message) if message.data().contains("overloaded_error")));
}

#[test]
fn stream_cut_anywhere_ends_alike() {
    let stream = "event: ping\ndata\n\ndata: 1\n\n: c\nevent: stop\ndata: 2\n\ndata: 3\n\n";
    let marks = || Marks::none().skip_event("ping").last_event("stop");
    let mut client = open(marks());
    client.receive(stream);
    let expected = client.lines();
    assert_eq!(expected.len(), 4, "{expected:?}");
    for cut in 1..stream.len() {
        let mut client = open(marks());
        client.receive(&stream[..cut]);
        client.receive(&stream[cut..]);
        assert_eq!(client.lines(), expected, "cut at {cut}");
    }
}
