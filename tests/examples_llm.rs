//! The examples for APIs of language models and for MCP, run against servers that say what the documentation of those APIs
//! shows, and what is known to come besides.

#[allow(dead_code, reason = "shared with another target")]
#[path = "support/examples.rs"]
mod examples;
#[path = "support/running.rs"]
mod running;

macro_rules! suite {
    ($runtime:ident) => {
        mod $runtime {
            use std::time::{Duration, Instant};

            use serde_json::{Value, json};
            use tidewire_tests::coding::gzip;
            use tidewire_tests::scripted::{Call, Scripted};

            use crate::running::{Ended, Running};
            use crate::{ANTHROPIC, ANTHROPIC_TOOL, OPENAI, OPENAI_TOOL, event};

            fn openai(server: &Scripted) -> Running {
                let url = format!("{}/v1", server.url());
                Running::start(stringify!($runtime), "openai", &[("OPENAI_API_KEY", "sk-1")], &["Hello!", &url, "gpt-x"])
            }

            fn anthropic(server: &Scripted) -> Running {
                let key = [("ANTHROPIC_API_KEY", "sk-ant-1")];
                Running::start(stringify!($runtime), "anthropic", &key, &["Hello!", &server.url(), "claude-x"])
            }

            /// Runs the chat of OpenAI against answers, one a connection, and no more.
            fn chat(answers: &[&dyn Fn(Call)]) -> Ended {
                against(openai, answers)
            }

            fn against(start: fn(&Scripted) -> Running, answers: &[&dyn Fn(Call)]) -> Ended {
                let server = Scripted::start();
                let program = start(&server);
                answers.iter().for_each(|answer| answer(server.accept()));
                let ended = program.end();
                server.expect_no_other();
                ended
            }

            // OpenAI.

            #[test]
            fn openai_asks_as_documented() {
                let server = Scripted::start();
                let program = openai(&server);
                let call = server.accept();
                assert_eq!(call.line(), "POST /v1/chat/completions HTTP/1.1");
                assert_eq!(call.field("authorization"), Some("Bearer sk-1"));
                assert_eq!(call.field("content-type"), Some("application/json"));
                assert_eq!(call.field("accept"), Some("text/event-stream"));
                let expected = json!({
                    "model": "gpt-x",
                    "messages": [{ "role": "user", "content": "Hello!" }],
                    "stream": true,
                    "stream_options": { "include_usage": true },
                });
                assert_eq!(call.json(), expected);
                call.stream(OPENAI);
                assert!(program.end().success);
            }

            #[test]
            fn openai_answer_is_printed_with_its_usage() {
                let ended = chat(&[&|call| call.stream(OPENAI)]);
                assert_eq!((ended.success, &*ended.out, &*ended.errors), (true, "Hello\n", "19 tokens in, 10 out\n"));
            }

            #[test]
            fn openai_pieces_are_printed_as_they_come() {
                let server = Scripted::start();
                let mut program = openai(&server);
                let mut call = server.accept();
                call.open("");
                for (piece, shown) in [("Hel", "Hel"), ("lo", "Hello"), (", you", "Hello, you")] {
                    call.send(format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": piece } }] })));
                    program.shows(shown);
                }
                call.send("data: [DONE]\n\n");
                call.finish();
                assert!(program.end().success);
            }

            #[test]
            fn openai_calls_of_tools_are_printed_piece_by_piece() {
                let ended = chat(&[&|call| call.stream(OPENAI_TOOL)]);
                assert_eq!((ended.success, &*ended.out), (true, "\ncall get_current_weather {\"location\":\"Oslo\"}\n"));
            }

            #[test]
            fn openai_answer_that_was_cut_short_says_why() {
                let body = "data: {\"choices\":[{\"delta\":{\"content\":\"and so\"},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";
                let ended = chat(&[&|call| call.stream(body)]);
                assert_eq!((ended.success, &*ended.out), (true, "and so\n[length]\n"));
            }

            #[test]
            fn openai_stream_may_have_any_line_ends_and_be_cut_anywhere() {
                for body in [OPENAI.replace('\n', "\r\n"), OPENAI.replace('\n', "\r"), format!("\u{feff}{OPENAI}")] {
                    let ended = chat(&[&|mut call: Call| {
                        call.open("");
                        // In the middle of a letter and of a line end, too.
                        body.as_bytes().chunks(1).for_each(|byte| call.send(byte));
                        call.finish();
                    }]);
                    assert_eq!((ended.success, &*ended.out), (true, "Hello\n"), "{}", ended.errors);
                }
            }

            #[test]
            fn openai_letters_that_are_cut_between_chunks_are_whole() {
                let body = OPENAI.replace("Hello", "Привет 🌊");
                let ended = chat(&[&|mut call: Call| {
                    call.open("");
                    body.as_bytes().chunks(1).for_each(|byte| call.send(byte));
                    call.finish();
                }]);
                assert_eq!((ended.success, &*ended.out), (true, "Привет 🌊\n"));
            }

            #[test]
            fn openai_comments_and_messages_without_data_are_passed_over() {
                let body = format!(": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata:\n\ndata: \n\n{OPENAI}");
                let body = body.replace("data: [DONE]", ": OPENROUTER PROCESSING\n\ndata: [DONE]");
                let ended = chat(&[&|call| call.stream(&body)]);
                assert_eq!((ended.success, &*ended.out), (true, "Hello\n"), "{}", ended.errors);
            }

            #[test]
            fn openai_stream_may_be_compressed() {
                let ended = chat(&[&|mut call: Call| {
                    assert!(call.field("accept-encoding").is_some_and(|codings| codings.contains("gzip")));
                    call.open("Content-Encoding: gzip\r\n");
                    gzip(OPENAI.as_bytes()).chunks(7).for_each(|piece| call.send(piece));
                    call.finish();
                }]);
                assert_eq!((ended.success, &*ended.out), (true, "Hello\n"), "{}", ended.errors);
            }

            #[test]
            fn openai_wrong_key_is_told_in_the_words_of_the_api() {
                let body = json!({ "error": {
                    "message": "Incorrect API key provided: sk-1. You can find your API key at https://platform.openai.com/account/api-keys.",
                    "type": "invalid_request_error", "param": null, "code": "invalid_api_key",
                } });
                let body = serde_json::to_string_pretty(&body).expect("JSON");
                let ended = chat(&[&|call| call.reply("401 Unauthorized", "Content-Type: application/json\r\n", &body)]);
                assert!(!ended.success);
                assert!(ended.errors.starts_with("refused (401): Incorrect API key provided: sk-1. You"), "{}", ended.errors);
            }

            #[test]
            fn openai_error_may_be_text_alone_or_no_json_at_all() {
                for (body, told) in [
                    (r#"{"error":"model 'gpt-x' not found"}"#, "refused (404): model 'gpt-x' not found\n"),
                    ("<html>Not here</html>", "Not here</html>\n"),
                    ("", "refused (404): 404 Not Found from http://"),
                ] {
                    let ended = chat(&[&|call| call.reply("404 Not Found", "", body)]);
                    assert!(!ended.success && ended.errors.contains(told), "{}", ended.errors);
                }
            }

            #[test]
            fn openai_is_asked_again_after_as_long_as_it_says() {
                let server = Scripted::start();
                let program = openai(&server);
                let asked = Instant::now();
                server.accept().reply("429 Too Many Requests", "Retry-After: 1\r\n", RATE_LIMITED);
                let again = server.accept();
                assert!(asked.elapsed() >= Duration::from_secs(1));
                again.stream(OPENAI);
                let ended = program.end();
                assert_eq!((ended.success, &*ended.out), (true, "Hello\n"));
                assert!(ended.errors.starts_with("429 Too Many Requests from http://"), "{}", ended.errors);
                assert!(ended.errors.contains("; asking again in 1."), "{}", ended.errors);
            }

            #[test]
            fn openai_is_asked_three_times() {
                let busy = |call: Call| call.reply("429 Too Many Requests", "", RATE_LIMITED);
                let ended = chat(&[&busy, &busy, &busy]);
                assert!(!ended.success);
                let last = ended.errors.lines().last();
                assert_eq!(last, Some("refused (429): Rate limit reached for gpt-x"), "{}", ended.errors);
                assert_eq!(ended.errors.lines().count(), 3, "{}", ended.errors);
            }

            #[test]
            fn openai_error_in_the_stream_is_one() {
                for error in [
                    json!({ "error": { "message": "The server had an error", "type": "server_error" } }),
                    // So do gateways before others' models.
                    json!({
                        "error": { "code": 502, "message": "The server had an error" },
                        "choices": [{ "index": 0, "delta": { "content": "" }, "finish_reason": "error" }],
                    }),
                ] {
                    let body = OPENAI.replace("data: [DONE]", &format!("data: {error}\n\ndata: [DONE]"));
                    let ended = chat(&[&|call| call.stream(&body)]);
                    assert_eq!((ended.success, &*ended.out), (false, "Hello\n"));
                    assert!(ended.errors.ends_with("broke off: The server had an error\n"), "{}", ended.errors);
                }
            }

            #[test]
            fn openai_stream_without_its_end_is_a_failure_and_is_not_asked_for_again() {
                let whole = OPENAI.strip_suffix("data: [DONE]\n\n").expect("it ends so");
                // Without the blank line it is no event.
                for body in [whole.to_owned(), format!("{whole}data: [DONE]"), format!("{whole}data: [DONE]\n")] {
                    let ended = chat(&[&|call| call.stream(&body)]);
                    assert_eq!((ended.success, &*ended.out), (false, "Hello\n"));
                    let told = "no complete answer: the server ended the stream before it was complete";
                    assert!(ended.errors.contains(told), "{}", ended.errors);
                    assert!(ended.errors.contains("the POST request is not sent again"), "{}", ended.errors);
                }
            }

            #[test]
            fn openai_stream_that_is_cut_is_a_failure_and_is_not_asked_for_again() {
                let ended = chat(&[&|mut call: Call| {
                    call.open("");
                    call.send(&OPENAI[..OPENAI.len() / 2]);
                    call.end();
                }]);
                assert!(!ended.success);
                assert!(ended.errors.contains("no complete answer: the stream broke off"), "{}", ended.errors);
                // Nor is one that never was answered: the server may have got it.
                let ended = chat(&[&|call| call.end()]);
                assert!(!ended.success);
                assert!(ended.errors.contains("before it answered"), "{}", ended.errors);
            }

            #[test]
            fn openai_answer_that_is_no_stream_is_a_failure() {
                for (fields, told) in
                    [("", "has no content-type"), ("Content-Type: text/html\r\n", "is `text/html`, not `text/event-stream`")]
                {
                    let ended = chat(&[&|call| call.reply("200 OK", fields, OPENAI)]);
                    assert_eq!((ended.success, &*ended.out), (false, ""));
                    assert!(ended.errors.contains(told), "{}", ended.errors);
                }
            }

            #[test]
            fn openai_chunk_that_is_no_json_is_a_failure() {
                let ended = chat(&[&|call| call.stream("data: {\"choices\":[\n\ndata: [DONE]\n\n")]);
                assert!(!ended.success && ended.errors.contains("is not what was expected"), "{}", ended.errors);
            }

            // Anthropic.

            #[test]
            fn anthropic_asks_as_documented() {
                let server = Scripted::start();
                let program = anthropic(&server);
                let call = server.accept();
                assert_eq!(call.line(), "POST /v1/messages HTTP/1.1");
                assert_eq!(call.field("x-api-key"), Some("sk-ant-1"));
                assert_eq!(call.field("anthropic-version"), Some("2023-06-01"));
                assert_eq!(call.field("content-type"), Some("application/json"));
                let expected = json!({
                    "model": "claude-x",
                    "max_tokens": 1024,
                    "messages": [{ "role": "user", "content": "Hello!" }],
                    "stream": true,
                });
                assert_eq!(call.json(), expected);
                call.stream(ANTHROPIC);
                assert!(program.end().success);
            }

            #[test]
            fn anthropic_answer_is_printed_with_its_usage_and_unknown_events_are_not() {
                let ended = against(anthropic, &[&|call| call.stream(ANTHROPIC)]);
                assert_eq!((ended.success, &*ended.out, &*ended.errors), (true, "Hello!\n", "25 tokens in, 15 out\n"));
            }

            #[test]
            fn anthropic_pieces_are_printed_as_they_come() {
                let server = Scripted::start();
                let mut program = anthropic(&server);
                let mut call = server.accept();
                call.open("");
                for (piece, shown) in [("Hel", "Hel"), ("lo", "Hello")] {
                    let delta = json!({ "type": "content_block_delta", "index": 0,
                        "delta": { "type": "text_delta", "text": piece } });
                    call.send(event("content_block_delta", &delta));
                    program.shows(shown);
                }
                call.send(event("message_stop", &json!({ "type": "message_stop" })));
                // The last event is the end, whether or not the server ends the connection.
                let ended = program.end();
                assert_eq!((ended.success, &*ended.out), (true, "Hello"));
            }

            #[test]
            fn anthropic_calls_of_tools_are_printed_piece_by_piece() {
                let ended = against(anthropic, &[&|call| call.stream(ANTHROPIC_TOOL)]);
                assert_eq!((ended.success, &*ended.out), (true, "Okay\ncall get_weather {\"location\": \"Oslo\"}\n"));
            }

            #[test]
            fn anthropic_errors_are_told_in_the_words_of_the_api() {
                let body = failed("authentication_error", "invalid x-api-key").to_string();
                let ended = against(anthropic, &[&|call| call.reply("401 Unauthorized", "", &body)]);
                assert!(!ended.success);
                assert_eq!(ended.errors, "refused (401): authentication_error: invalid x-api-key\n");
            }

            #[test]
            fn anthropic_is_asked_again_when_it_is_overloaded() {
                let body = failed("overloaded_error", "Overloaded").to_string();
                let overloaded = |call: Call| call.reply("529 ", "Content-Type: application/json\r\n", &body);
                let ended = against(anthropic, &[&overloaded, &overloaded, &|call| call.stream(ANTHROPIC)]);
                assert_eq!((ended.success, &*ended.out), (true, "Hello!\n"));
                assert_eq!(ended.errors.matches("asking again in").count(), 2, "{}", ended.errors);

                let ended = against(anthropic, &[&overloaded, &overloaded, &overloaded]);
                let last = ended.errors.lines().last();
                assert_eq!((ended.success, last), (false, Some("refused (529): overloaded_error: Overloaded")));
            }

            #[test]
            fn anthropic_error_in_the_stream_is_one() {
                let (start, _) = ANTHROPIC.split_once("event: message_delta").expect("it has one");
                let body = start.to_owned() + &event("error", &failed("overloaded_error", "Overloaded"));
                let ended = against(anthropic, &[&|call| call.stream(&body)]);
                assert_eq!((ended.success, &*ended.out), (false, "Hello!"));
                assert_eq!(ended.errors, "\nbroke off: overloaded_error: Overloaded\n");
            }

            #[test]
            fn anthropic_stream_without_message_stop_is_a_failure_and_is_not_asked_for_again() {
                let (start, _) = ANTHROPIC.split_once("event: message_stop").expect("it has one");
                let ended = against(anthropic, &[&|call| call.stream(start)]);
                assert_eq!((ended.success, &*ended.out), (false, "Hello!\n"));
                assert!(ended.errors.contains("no complete answer: the server ended the stream"), "{}", ended.errors);
            }

            fn failed(kind: &str, message: &str) -> Value {
                json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_1" })
            }

            const RATE_LIMITED: &str =
                r#"{"error":{"message":"Rate limit reached for gpt-x","type":"requests","code":"rate_limit_exceeded"}}"#;

            // MCP.

            fn mcp(server: &Scripted, flags: &[&str]) -> Running {
                let url = format!("{}/mcp", server.url());
                let arguments = [flags, &[&*url, "weather", r#"{"city":"Oslo"}"#]].concat();
                Running::start(stringify!($runtime), "mcp", &[("MCP_TOKEN", "t")], &arguments)
            }

            /// Answers what comes before the call of the tool.
            fn greet(server: &Scripted) {
                let hello = server.accept();
                assert_eq!(hello.line(), "POST /mcp HTTP/1.1");
                assert_eq!(hello.field("accept"), Some("application/json, text/event-stream"));
                assert_eq!((hello.field("mcp-protocol-version"), hello.field("mcp-session-id")), (None, None));
                assert_eq!(hello.json()["method"], "initialize");
                assert_eq!(hello.json()["params"]["protocolVersion"], "2025-11-25");
                hello.reply("200 OK", "Content-Type: application/json\r\nMcp-Session-Id: 1868a90c\r\n", &greeting("2025-11-25"));
                let initialized = server.accept();
                assert_eq!(initialized.json(), json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
                expect_session(&initialized, "2025-11-25");
                initialized.reply("202 Accepted", "", "");
            }

            fn greeting(version: &str) -> String {
                let server = json!({ "name": "ExampleServer", "version": "1.0.0" });
                let result = json!({ "protocolVersion": version, "capabilities": { "tools": {} }, "serverInfo": server });
                json!({ "jsonrpc": "2.0", "id": 1, "result": result }).to_string()
            }

            fn expect_session(call: &Call, version: &str) {
                assert_eq!(call.field("mcp-session-id"), Some("1868a90c"));
                assert_eq!(call.field("mcp-protocol-version"), Some(version));
                assert_eq!(call.field("authorization"), Some("Bearer t"));
            }

            fn result(id: u64) -> String {
                let content = json!([{ "type": "text", "text": "Rain, 7 °C" }]);
                json!({ "jsonrpc": "2.0", "id": id, "result": { "content": content, "isError": false } }).to_string()
            }

            fn progress(done: u64) -> String {
                let params = json!({ "progressToken": 1, "progress": done, "total": 2, "message": "looking out" });
                format!("data: {}\n\n", json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params }))
            }

            #[test]
            fn mcp_tool_is_called_in_a_session() {
                let server = Scripted::start();
                let program = mcp(&server, &[]);
                greet(&server);
                let call = server.accept();
                expect_session(&call, "2025-11-25");
                let expected = json!({
                    "jsonrpc": "2.0", "id": 2, "method": "tools/call",
                    "params": { "name": "weather", "arguments": { "city": "Oslo" }, "_meta": { "progressToken": 1 } },
                });
                assert_eq!(call.json(), expected);
                call.stream(format!("{}{}data: {}\n\n", progress(1), progress(2), result(2)));
                let ended = program.end();
                server.expect_no_other();
                assert_eq!((ended.success, &*ended.out), (true, "Rain, 7 °C\n"));
                assert_eq!(ended.errors, "1/2 looking out\n2/2 looking out\n");
            }

            #[test]
            fn mcp_result_may_be_json_and_greeting_a_stream() {
                let server = Scripted::start();
                let program = mcp(&server, &[]);
                let mut hello = server.accept();
                hello.open("MCP-Session-Id: 1868a90c\r\n");
                // An older version is what they agree on, and is named from then on.
                hello.send(format!("id: 0\ndata:\n\nid: 1\ndata: {}\n\n", greeting("2025-06-18")));
                hello.finish();
                let initialized = server.accept();
                expect_session(&initialized, "2025-06-18");
                initialized.reply("202 Accepted", "", "");
                let call = server.accept();
                expect_session(&call, "2025-06-18");
                call.reply("200 OK", "Content-Type: application/json\r\n", &result(2));
                let ended = program.end();
                assert_eq!((ended.success, &*ended.out, &*ended.errors), (true, "Rain, 7 °C\n", ""));
            }

            #[test]
            fn mcp_stream_that_ends_early_goes_on_by_get() {
                let server = Scripted::start();
                let program = mcp(&server, &[]);
                greet(&server);
                // It may end the connection as soon as it has sent an id.
                server.accept().stream("id: 7\nretry: 10\ndata:\n\n");
                let resumed = server.accept();
                assert_eq!(resumed.line(), "GET /mcp HTTP/1.1");
                assert_eq!((resumed.field("last-event-id"), &*resumed.body), (Some("7"), ""));
                expect_session(&resumed, "2025-11-25");
                resumed.stream(format!("id: 8\n{}id: 9\ndata:\n\n", progress(1)));
                let resumed = server.accept();
                assert_eq!((resumed.line(), resumed.field("last-event-id")), ("GET /mcp HTTP/1.1", Some("9")));
                resumed.stream(format!("data: {}\n\n", result(2)));
                let ended = program.end();
                server.expect_no_other();
                assert_eq!((ended.success, &*ended.out, &*ended.errors), (true, "Rain, 7 °C\n", "1/2 looking out\n"));
            }

            #[test]
            fn mcp_call_is_not_repeated_where_there_was_no_id() {
                let server = Scripted::start();
                let program = mcp(&server, &[]);
                greet(&server);
                server.accept().stream(progress(1));
                let ended = program.end();
                server.expect_no_other();
                assert_eq!((ended.success, &*ended.out), (false, ""));
                assert!(ended.errors.contains("no result: the server ended the stream before it was complete"), "{}", ended.errors);
            }

            #[test]
            fn mcp_errors_are_told_in_the_words_of_the_server() {
                let error = |id| json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32602, "message": "Unknown tool: weather" } });
                let server = Scripted::start();
                let program = mcp(&server, &[]);
                greet(&server);
                server.accept().stream(format!("data: {}\n\n", error(Some(2))));
                assert_eq!(program.end().errors, "Unknown tool: weather (-32602)\n");

                let program = mcp(&server, &["--2026-07-28"]);
                server.accept().reply("400 Bad Request", "Content-Type: application/json\r\n", &error(None).to_string());
                let ended = program.end();
                assert_eq!((ended.success, &*ended.errors), (false, "refused (400): Unknown tool: weather (-32602)\n"));

                // A tool that fails is no error of the protocol.
                let program = mcp(&server, &["--2026-07-28"]);
                let failed = result(1).replace("false", "true").replace("Rain, 7 °C", "no such city");
                server.accept().stream(format!("data: {failed}\n\n"));
                let ended = program.end();
                assert_eq!((ended.success, &*ended.out, &*ended.errors), (false, "no such city\n", "weather failed\n"));
            }

            #[test]
            fn mcp_tool_is_called_without_a_session() {
                for as_stream in [false, true] {
                    let server = Scripted::start();
                    let program = mcp(&server, &["--2026-07-28"]);
                    let call = server.accept();
                    assert_eq!(call.line(), "POST /mcp HTTP/1.1");
                    let fields = ["mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id"].map(|name| call.field(name));
                    assert_eq!(fields, [Some("2026-07-28"), Some("tools/call"), Some("weather"), None]);
                    let params = &call.json()["params"];
                    assert_eq!((&params["name"], &params["arguments"]), (&json!("weather"), &json!({ "city": "Oslo" })));
                    assert_eq!(params["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
                    assert_eq!(params["_meta"]["io.modelcontextprotocol/clientCapabilities"], json!({}));
                    if as_stream {
                        call.stream(format!(": alive\n\n{}data: {}\n\n", progress(1), result(1)));
                    } else {
                        call.reply("200 OK", "Content-Type: application/json\r\n", &result(1));
                    }
                    let ended = program.end();
                    server.expect_no_other();
                    assert_eq!((ended.success, &*ended.out), (true, "Rain, 7 °C\n"), "{}", ended.errors);
                    assert_eq!(ended.errors, if as_stream { "1/2 looking out\n" } else { "" });
                }
            }

            #[test]
            fn mcp_stream_without_a_session_is_not_resumed() {
                let server = Scripted::start();
                let program = mcp(&server, &["--2026-07-28"]);
                server.accept().stream(format!("id: 7\n{}", progress(1)));
                let ended = program.end();
                server.expect_no_other();
                assert!(!ended.success && ended.errors.contains("reconnecting is off"), "{}", ended.errors);
            }

            #[test]
            fn without_arguments_they_say_how_they_are_used() {
                for name in ["openai", "anthropic", "mcp"] {
                    let ended = Running::start(stringify!($runtime), name, &[], &[]).end();
                    assert!(!ended.success);
                    let usage = format!("usage: {}-{name} ", stringify!($runtime));
                    assert!(ended.errors.starts_with(&usage), "{}", ended.errors);
                }
            }
        }
    };
}

suite!(tokio);
suite!(smol);

/// The examples are the same for all runtimes but where they say so.
#[test]
fn examples_are_alike() {
    for name in ["openai", "anthropic", "mcp"] {
        let [tokio, smol] = ["tokio", "smol"].map(|runtime| {
            let path = format!("{}/../adapters/{runtime}/examples/{name}.rs", env!("CARGO_MANIFEST_DIR"));
            let source = std::fs::read_to_string(path).expect("it is there");
            source.split_once("\n// From here on").expect("the mark").1.to_owned()
        });
        assert_eq!(tokio, smol);
    }
}

fn event(event_type: &str, data: &serde_json::Value) -> String {
    format!("event: {event_type}\ndata: {data}\n\n")
}

/// From the reference of the API, with the chunk for the usage that is asked for.
const OPENAI: &str = r#"data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}

data: [DONE]

"#;

/// A call of a tool: its name, then its arguments piece by piece.
const OPENAI_TOOL: &str = r#"data: {"id":"chatcmpl-123","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get_current_weather","arguments":""}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"location\""}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":\"Oslo\"}"}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: [DONE]

"#;

/// From the documentation of the API, with an event, a block and a delta of types that nobody knows yet.
const ANTHROPIC: &str = r#"event: message_start
data: {"type": "message_start", "message": {"id": "msg_1nZdL29xx5MUA1yADyhTEsnR8uuvGzszyS", "type": "message", "role": "assistant", "content": [], "model": "claude-x", "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 25, "output_tokens": 1}}}

event: content_block_start
data: {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}

event: news
data: {"type": "news", "delta": {"type": "text_delta", "text": "not this"}}

event: content_block_start
data: {"type": "content_block_start", "index": 1, "content_block": {"type": "dream"}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 1, "delta": {"type": "dream_delta", "text": "nor this"}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "!"}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 0}

event: message_delta
data: {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence":null}, "usage": {"output_tokens": 15}}

event: message_stop
data: {"type": "message_stop"}

"#;

/// Text, then a call of a tool.
const ANTHROPIC_TOOL: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_014p7gG3wDgGV9EUtLvnow3U","type":"message","role":"assistant","model":"claude-x","stop_sequence":null,"usage":{"input_tokens":472,"output_tokens":2},"content":[],"stop_reason":null}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Okay"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01T1x1fJ34qAmk2tNTrN7Up6","name":"get_weather","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"location\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":" \"Oslo\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89}}

event: message_stop
data: {"type":"message_stop"}

"#;
