//! Whatever happens to the WebSocket client in whatever order: the driver in `support/ws_client.rs` holds it to the contract, and a naive
//! model says what it tells, how long it waits and where it ends.

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tidewire_core::client::{ConnectError, State, WebSocketEvent};
use tidewire_core::ws::Message;
use tidewire_tests::client::response;
use tidewire_tests::fuzz_ws_client;
use tidewire_tests::ws_client::{BINARY, Client, PONG, TEXT, config, said};

/// Steps as `support/fuzz_ws_client.rs` reads them, the likely ones more often.
fn steps() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        10 => "a",
        8 => "g",
        1 => "G[a-c]",
        1 => "H(200 OK|204 No|302 Found|500 Oops|503 Busy|100 Continue|101 Switching)",
        1 => "R(/[a-z]|http://[ab].test/|wss://a.test/)?",
        1 => "d(Location: (/x|http://b.test/|ftp:x)?|Content-Length: [0-9]|Retry-After: [0-9]{1,3}|)",
        5 => "[mbPO][ -~]{0,12}",
        2 => "F[0-z][ -~]{0,6}",
        1 => "[rm]([ -~]|é){0,12}",
        2 => "C[a-z]",
        1 => "D[ -~]{0,4}",
        3 => "[sSp][ -~]{0,12}",
        3 => "t[ -~]{1,4}",
        2 => "f[a-z]",
        1 => "[uU][a-z]{0,5}",
        3 => "[eExXw]",
        2 => "[qQTN]",
        1 => "(k|K[a-z]{0,3})",
    ];
    vec(step, 0..60).prop_map(|steps| steps.join("\n"))
}

/// What becomes of an attempt.
#[derive(Clone, Debug)]
enum Outcome {
    Refused,
    Status(u16),
    /// It opens; these come and go; then it ends so.
    Opens(Vec<Exchange>, Ending),
}

#[derive(Clone, Debug)]
enum Exchange {
    Text(String),
    Binary(u8),
    /// The client sends.
    Send(String),
    /// The server sends something that is no message, after so many seconds.
    Pong(u64),
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Close(u16),
    Eof,
    Reset,
    /// A frame that there is none of.
    Fault,
    /// The application sends so many messages that nobody reads; then the connection breaks.
    Unread(usize),
    /// The application closes, and the server answers.
    Closed,
}

fn outcomes() -> impl Strategy<Value = Vec<Outcome>> {
    let exchange = prop_oneof![
        "[a-z]{0,5}".prop_map(Exchange::Text),
        any::<u8>().prop_map(Exchange::Binary),
        "[a-z]{0,200}".prop_map(Exchange::Send),
        (0_u64..25).prop_map(Exchange::Pong),
    ];
    let ending = prop_oneof![
        6 => select(vec![1001, 1005, 1011, 1012, 1013, 1014]).prop_map(Ending::Close),
        1 => select(vec![1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 4000, 4999]).prop_map(Ending::Close),
        2 => Just(Ending::Eof),
        2 => Just(Ending::Reset),
        2 => Just(Ending::Fault),
        2 => (1_usize..5).prop_map(Ending::Unread),
        1 => Just(Ending::Closed),
    ];
    let outcome = prop_oneof![
        2 => Just(Outcome::Refused),
        2 => select(vec![408, 429, 500, 502, 503, 504]).prop_map(Outcome::Status),
        1 => select(vec![200, 204, 400, 401, 404, 501]).prop_map(Outcome::Status),
        10 => (vec(exchange, 0..5), ending).prop_map(|(exchanges, ending)| Outcome::Opens(exchanges, ending)),
    ];
    vec(outcome, 0..12)
}

/// The client as its documentation tells of it, in as few lines as it takes.
#[derive(Default)]
struct Model {
    failures: u32,
    openings: u32,
    told: Vec<String>,
    is_over: bool,
}

impl Model {
    /// Notes the end of an attempt or connection.
    fn lose(&mut self, healthy: bool, unsent: usize) {
        if healthy {
            self.failures = 0;
        }
        let delay = 2_u64.pow(self.failures.min(10)).min(30);
        self.failures += 1;
        self.told.push(format!("lost, {unsent} unsent, {delay} s"));
    }

    fn end(&mut self, complete: bool, unsent: usize) {
        self.is_over = true;
        self.told.push(format!("over, complete {complete}, {unsent} unsent"));
    }

    fn play(&mut self, outcome: &Outcome) {
        let (exchanges, ending) = match outcome {
            Outcome::Refused => return self.lose(false, 0),
            Outcome::Status(408 | 429 | 500 | 502 | 503 | 504) => return self.lose(false, 0),
            Outcome::Status(_) => return self.end(false, 0),
            Outcome::Opens(exchanges, ending) => (exchanges, *ending),
        };
        self.told.push(format!("open {}", self.openings));
        self.openings += 1;
        let (mut messages, mut seconds) = (0, 0);
        for exchange in exchanges {
            match exchange {
                Exchange::Text(text) => self.told.push(format!("text {text}")),
                Exchange::Binary(byte) => self.told.push(format!("binary {byte}")),
                Exchange::Send(_) => continue,
                Exchange::Pong(time) => {
                    seconds += time;
                    continue;
                }
            }
            messages += 1;
        }
        let healthy = messages > 0 || seconds >= 60;
        match ending {
            Ending::Close(1012 | 1013) | Ending::Fault => self.lose(false, 0),
            Ending::Close(1001 | 1005 | 1011 | 1014) | Ending::Eof | Ending::Reset => self.lose(healthy, 0),
            Ending::Unread(count) => self.lose(healthy, count),
            Ending::Close(code) => self.end(code == 1000, 0),
            Ending::Closed => self.end(true, 0),
        }
    }
}

/// Lets the same happen to the machine; returns what it sent.
fn play(client: &mut Client, outcome: &Outcome) -> Vec<String> {
    client.await_connect();
    let (exchanges, ending) = match outcome {
        Outcome::Refused => {
            client.refuse(ConnectError::Refused);
            return Vec::new();
        }
        Outcome::Status(status) => {
            client.accept();
            // A 204 has no body, and says so.
            let answer = if *status == 204 {
                "HTTP/1.1 204 No\r\n\r\n".into()
            } else {
                response(&format!("{status} X"), "", "y")
            };
            client.receive(answer);
            return Vec::new();
        }
        Outcome::Opens(exchanges, ending) => (exchanges, *ending),
    };
    client.accept();
    client.agree("");
    for exchange in exchanges {
        match exchange {
            Exchange::Text(text) => client.receive_frame(TEXT, text.as_bytes()),
            Exchange::Binary(byte) => client.receive_frame(BINARY, &[*byte]),
            Exchange::Send(text) => client.send(text),
            Exchange::Pong(time) => {
                client.advance(Duration::from_secs(*time));
                client.receive_frame(PONG, b"");
            }
        }
    }
    let said = client.seen().iter().filter(|frame| frame.opcode < 8).map(said).collect();
    match ending {
        Ending::Close(1005) => client.receive_frame(8, b""),
        Ending::Close(code) => client.receive_frame(8, &u16::to_be_bytes(code)),
        Ending::Eof | Ending::Reset => {}
        Ending::Fault => client.receive_frame(5, b""),
        Ending::Unread(count) => {
            client.writes = false;
            (0..count).for_each(|_| client.send("unread"));
        }
        Ending::Closed => {
            client.close();
            client.receive_frame(8, &u16::to_be_bytes(1000));
        }
    }
    match ending {
        Ending::Reset | Ending::Unread(_) => client.reset(),
        _ => client.eof(),
    }
    said
}

/// Returns what the model tells of too.
fn told(event: WebSocketEvent) -> Option<String> {
    Some(match event {
        WebSocketEvent::Opened(opened) => format!("open {}", opened.reconnections),
        WebSocketEvent::Message(Message::Text(text)) => format!("text {text}"),
        WebSocketEvent::Message(Message::Binary(bytes)) => format!("binary {}", bytes[0]),
        WebSocketEvent::Disconnected { unsent, retry_in, .. } => {
            format!("lost, {unsent} unsent, {} s", retry_in.as_secs_f64())
        }
        WebSocketEvent::Closed { reason, unsent } => {
            format!("over, complete {}, {unsent} unsent", reason.is_complete())
        }
        _ => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_steps_never_break_the_contract(cuts in "[@A-_]{0,5}", letters in "[xntsdrmvwihojzaycpfl]{0,5}", steps in steps()) {
        fuzz_ws_client::machine(format!("{cuts}\n{letters}\n{steps}").as_bytes());
    }

    #[test]
    fn what_is_told_is_what_the_model_tells(outcomes in outcomes()) {
        let mut model = Model::default();
        let mut client = Client::new(config());
        for outcome in &outcomes {
            let said = play(&mut client, outcome);
            model.play(outcome);
            if let Outcome::Opens(exchanges, _) = outcome {
                let sent = exchanges.iter().filter_map(|exchange| match exchange {
                    Exchange::Send(text) => Some(format!("text {text:?}")),
                    _ => None,
                });
                prop_assert_eq!(said, sent.collect::<Vec<_>>());
            }
            let found: Vec<String> = client.events.drain(..).filter_map(told).collect();
            prop_assert_eq!(&found, &model.told, "{:?}", outcome);
            model.told.clear();
            if model.is_over {
                prop_assert_eq!(client.machine.state(), State::Closed);
                break;
            }
        }
    }
}
