//! The numbered cases of the Autobahn test suite about compression, families 12 and 13: messages of all sizes go forth and back, with all
//! parameters, on both ends, from the opening handshake on. The other end compresses and decompresses by itself, and holds every distance
//! against the window that was agreed on.

use tidewire_core::http::{Method, RequestHead, ResponseHead};
use tidewire_core::ws::deflate::{self, Context};
use tidewire_core::ws::{Agreed, Config, Offer, Role, Upgrade};
use tidewire_core::{Random, SplitMix64};
use tidewire_tests::naive_deflate::{Deflate, Inflate};
use tidewire_tests::vectors_ws::{Compressed, compressed};
use tidewire_tests::ws_data;
use tidewire_tests::ws_echo::{Echo, fragments};

#[test]
fn family_12_1_json() {
    check("12-compression.txt", "12.1.");
}

#[test]
fn family_12_2_picture() {
    check("12-compression.txt", "12.2.");
}

#[test]
fn family_12_3_prose() {
    check("12-compression.txt", "12.3.");
}

#[test]
fn family_12_4_html() {
    check("12-compression.txt", "12.4.");
}

#[test]
fn family_12_5_document() {
    check("12-compression.txt", "12.5.");
}

#[test]
fn family_13_1_no_parameters() {
    check("13-parameters.txt", "13.1.");
}

#[test]
fn family_13_2_no_takeover() {
    check("13-parameters.txt", "13.2.");
}

#[test]
fn family_13_3_the_smallest_window() {
    check("13-parameters.txt", "13.3.");
}

#[test]
fn family_13_4_the_largest_window() {
    check("13-parameters.txt", "13.4.");
}

#[test]
fn family_13_5_the_smallest_window_and_no_takeover() {
    check("13-parameters.txt", "13.5.");
}

#[test]
fn family_13_6_the_largest_window_and_no_takeover() {
    check("13-parameters.txt", "13.6.");
}

#[test]
fn family_13_7_several_offers() {
    check("13-parameters.txt", "13.7.");
}

/// Runs the 18 rows of a group on both ends; of the four with 128 KiB in frames two on each. Which of the ways to cut is the first goes
/// round, for some rows have one message.
fn check(file: &str, group: &str) {
    let rows: Vec<Compressed> = compressed(file).into_iter().filter(|row| row.number.starts_with(group)).collect();
    assert_eq!(rows.len(), 18, "{group}");
    let data = ws_data::of(&rows[0].data);
    for (number, row) in rows.iter().enumerate() {
        for (turn, role) in [Role::Server, Role::Client].into_iter().enumerate() {
            let is_long = row.fragment > 0 && row.len > 1 << 16;
            if !is_long || number % 2 == turn {
                check_row(row, role, &data, number / 2 + turn);
            }
        }
    }
}

/// Sends the next part of `data` again and again, as soon as the one before came back.
fn check_row(row: &Compressed, role: Role, data: &[u8], first_way: usize) {
    let Compressed { number, data: kind, len, fragment, accept, .. } = row;
    let name = format!("{number} as a {role:?}");
    let config = config(!accept.contains("no-takeover"));
    let (agreed, params) = if role == Role::Server { be_asked(row, &config) } else { ask(row, &config) };
    let (ours, theirs) =
        if role == Role::Server { (params.server, params.client) } else { (params.client, params.server) };
    let mut deflate = Deflate::new(theirs.1, theirs.0);
    let mut inflate = Inflate::new(ours.1, ours.0);
    let mut end = Echo::agreed(role, config, &agreed);
    let opcode = if matches!(&kind[..], "json" | "html") { 1 } else { 2 };
    let mut random = SplitMix64::new(*len as u64);

    let mut parts = data.chunks_exact(*len).cycle();
    let mut bytes_back = 0;
    for round in 0..count(row) {
        let message = parts.next().expect("data without end");
        let payload = deflate.message(message);
        let each = if *fragment == 0 { usize::MAX } else { *fragment };
        let mut stream = Vec::new();
        for frame in fragments(opcode, &payload, each, RSV1) {
            end.peer.write(&frame, &mut stream);
        }
        let mut left = &stream[..];
        while !left.is_empty() {
            assert!(end.frames.is_empty(), "{name}: an answer before the message was whole");
            let next = match (first_way + round) % 3 {
                0 => usize::MAX,
                1 => 1 + random.next_u64() as usize % (1 + len / 4),
                _ => len.div_ceil(2048),
            };
            let (piece, rest) = left.split_at(next.min(left.len()));
            end.feed(piece);
            left = rest;
        }
        let frames = std::mem::take(&mut end.frames);
        assert_eq!(frames.len(), 1, "{name}, {round}");
        let back = &frames[0];
        assert_eq!((back.fin, back.opcode), (true, opcode), "{name}, {round}");
        bytes_back += back.payload.len();
        // A message may go as it is (RFC 7692 §6).
        let back = match back.rsv {
            RSV1 => inflate.message(&back.payload),
            0 => back.payload.clone(),
            bits => panic!("{name}, {round}: reserved bits {bits}"),
        };
        assert!(back == message, "{name}, {round}: other octets came back");
        end.events.clear();
    }
    if kind == "json" && (*len >= 1024 || ours.0) {
        assert!(bytes_back * 10 < count(row) * len * 9, "{name}: {bytes_back} octets, which is hardly compressed");
    }
    end.close();
    end.finish(&name, false);
}

/// The cases have 1,000 messages each. Here they are as many as are 40 KiB, so that a window is filled and slides, and at least two; of
/// the longest in frames, which are much longer than a window, one.
fn count(row: &Compressed) -> usize {
    let least = if row.fragment > 0 && row.len > 1 << 16 { 1 } else { 2 };
    (40_960 / row.len).clamp(least, 1000)
}

/// Whether context is taken over, and the bits of the window, of each end.
struct Params {
    server: (bool, u8),
    client: (bool, u8),
}

/// A server of ours is offered what the row says.
fn be_asked(row: &Compressed, config: &Config) -> (Agreed, Params) {
    let request = request(&row.offer);
    let upgrade = Upgrade::of(&request).expect("a request for a WebSocket");
    let accepted = upgrade.accept(None, config).expect("no subprotocol");
    let agreed = accepted.agreed().clone();
    let answer = extensions(&accepted.into_head());

    // The offer that was taken is the first, with all that it asks for.
    let first = row.offer.split(',').next().unwrap_or_default();
    for asked in ["server_no_context_takeover", "server_max_window_bits=8", "server_max_window_bits=15"] {
        if first.contains(asked) {
            assert!(answer.contains(asked), "{}: {asked} in {answer}", row.number);
        }
    }
    (agreed, params(&answer))
}

/// A client of ours is answered as the row says.
fn ask(row: &Compressed, config: &Config) -> (Agreed, Params) {
    let no_protocols: [&str; 0] = [];
    let offer = Offer::new(no_protocols, config, &mut SplitMix64::new(3)).expect("an offer");
    let mut request = RequestHead::new(Method::GET, "/");
    request.fields.set("host", "localhost").expect("a field");
    offer.set_fields(&mut request.fields);
    let offered = String::from_utf8(request.fields.get("sec-websocket-extensions").expect("an offer").to_vec());
    let offered = offered.expect("text");

    let answers = row.accept.split(", ").map(|accept| {
        let mut answer = String::from("permessage-deflate");
        // What a client offers for the server to do is done.
        for asked in ["server_no_context_takeover", "server_max_window_bits"] {
            assert!(!asked.ends_with("bits") || !offered.contains(asked), "a smaller window: {offered}");
            if offered.contains(asked) {
                answer += &format!("; {asked}");
            }
        }
        for wanted in accept.split(' ').filter(|wanted| *wanted != "any") {
            let (param, value) = match wanted {
                "no-takeover" => ("client_no_context_takeover", String::new()),
                bits => ("client_max_window_bits", format!("={bits}")),
            };
            // Only what the client offers is asked for.
            if !offered.contains(param) {
                return None;
            }
            answer += &format!("; {param}{value}");
        }
        Some(answer)
    });
    let answer = answers.flatten().next().unwrap_or_else(|| panic!("{}: {offered} allows nothing", row.number));

    let mut head =
        Upgrade::of(&request).expect("a request").accept(None, &Config::default()).expect("no subprotocol").into_head();
    head.fields.set("sec-websocket-extensions", &answer).expect("a field");
    let agreed = offer.check(&head).expect("an answer to the offer");
    let mut params = params(&answer);
    // What a client offers to do it does, even if the server does not ask for it.
    params.client.0 &= !offered.contains("client_no_context_takeover");
    (agreed, params)
}

fn request(offer: &str) -> RequestHead {
    let mut request = RequestHead::new(Method::GET, "/");
    for (name, value) in [
        ("host", "localhost"),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-extensions", offer),
    ] {
        request.fields.set(name, value).expect("a field");
    }
    request
}

fn extensions(head: &ResponseHead) -> String {
    let field = head.fields.get("sec-websocket-extensions").expect("compression is agreed on");
    String::from_utf8(field.to_vec()).expect("text")
}

/// Reads what an answer agrees to.
fn params(answer: &str) -> Params {
    let mut words = answer.split(';').map(str::trim);
    assert_eq!(words.next(), Some("permessage-deflate"));
    let mut params = Params { server: (true, 15), client: (true, 15) };
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "server_no_context_takeover" => params.server.0 = false,
            "client_no_context_takeover" => params.client.0 = false,
            "server_max_window_bits" => params.server.1 = value.parse().expect("bits"),
            "client_max_window_bits" => params.client.1 = value.parse().expect("bits"),
            other => panic!("{other}"),
        }
    }
    params
}

/// Compresses everything, as far as it is agreed on.
fn config(takeover: bool) -> Config {
    let mut config = Config::default();
    let mut deflate = deflate::Config::default();
    let context = if takeover { Context::SHARED } else { Context::ALONE };
    (deflate.send, deflate.receive) = (context, Context::SHARED);
    deflate.min_len = 0;
    config.deflate = Some(deflate);
    config
}

const RSV1: u8 = 4;
