//! Reading and writing heads: cuts, limits, round trips.

use proptest::prelude::*;
use tidewire_core::http::{Fields, HeadError, HeadLimits, HeadReader, Method, RequestHead, ResponseHead, Version};
use tidewire_tests::fuzz_http::{Heads, pieces, read_heads};
use tidewire_tests::vectors_http::{Case, cases, escape};

const REQUESTS: &str = include_str!("vectors/http/requests.txt");
const RESPONSES: &str = include_str!("vectors/http/responses.txt");

#[test]
fn cutting_a_vector_anywhere_changes_nothing() {
    for Case { title, input, .. } in cases(REQUESTS) {
        assert_cuts_change_nothing::<RequestHead>(&title, &input);
    }
    for Case { title, input, .. } in cases(RESPONSES) {
        assert_cuts_change_nothing::<ResponseHead>(&title, &input);
    }
}

fn assert_cuts_change_nothing<H: tidewire_core::http::Head + PartialEq + std::fmt::Debug>(title: &str, input: &[u8]) {
    let limits = HeadLimits::default();
    let whole = read_heads::<H>(limits, &[input]);
    assert_eq!(whole, read_heads(limits, &pieces(input, &[1])), "{title}: byte by byte");
    for at in 0..=input.len() {
        let (head, tail) = input.split_at(at);
        assert_eq!(whole, read_heads(limits, &[head, tail]), "{title}: cut at {at}");
    }
}

#[test]
fn a_head_tells_how_many_bytes_of_the_last_input_are_its() {
    let mut reader = HeadReader::<RequestHead>::new(HeadLimits::default());
    assert_eq!(reader.feed(b"GET / HTTP/1.1\r\nHost: a\r\n"), Ok(None));
    assert_eq!(reader.partial(), b"GET / HTTP/1.1\r\nHost: a\r\n");
    let (head, consumed) = reader.feed(b"\r\nbody").unwrap().unwrap();
    assert_eq!((head.fields.get_str("host"), consumed), (Some("a"), 2));
    assert!(reader.is_empty());
}

#[test]
fn a_reader_reads_one_head_after_the_other() {
    let input = b"GET /1 HTTP/1.1\r\nA: 1\r\n\r\n\r\nGET /2 HTTP/1.1\r\nA: 2\r\n\r\nGET /3";
    let read = read_heads::<RequestHead>(HeadLimits::default(), &[input]);
    let targets: Vec<&str> = read.heads.iter().map(|head| &*head.target).collect();
    assert_eq!(targets, ["/1", "/2"]);
    assert_eq!((&read.partial[..], read.error), (&b"GET /3"[..], None));
}

#[test]
fn an_ignored_empty_line_is_not_the_begin_of_a_request() {
    let mut reader = HeadReader::<RequestHead>::new(HeadLimits::default());
    assert!(reader.is_empty());
    assert_eq!(reader.feed(b"\r"), Ok(None));
    assert_eq!(reader.feed(b"\n"), Ok(None));
    assert!(reader.is_empty());
    assert_eq!(reader.feed(b"G"), Ok(None));
    assert!(!reader.is_empty());
}

#[test]
fn an_error_comes_with_the_byte_that_makes_it() {
    let early = |input: &[u8]| HeadReader::<RequestHead>::new(HeadLimits::default()).feed(input);
    assert_eq!(early(b"\x16"), Err(HeadError::Tls));
    assert_eq!(early(b"\n"), Err(HeadError::BareLf));
    assert_eq!(early(b"GET / HTTP/1.1\n"), Err(HeadError::BareLf));
    assert_eq!(early(b"GET / HTTP/1.1\r\n "), Err(HeadError::Folded));
    assert_eq!(early(b"GET / HTTP/1.1\r\nA\0"), Err(HeadError::Control { byte: 0 }));
}

#[test]
fn a_folded_value_of_a_response_is_joined_with_spaces() {
    let read = read_heads::<ResponseHead>(HeadLimits::default(), &[b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\n\r\n"]);
    assert_eq!(read.heads[0].fields.get_str("x"), Some("a   b  \tc"));
}

#[test]
fn a_reason_phrase_is_given_if_it_is_ascii() {
    let reason = |line: &str| {
        let read = read_heads::<ResponseHead>(HeadLimits::default(), &[line.as_bytes(), b"\r\n\r\n"]);
        (read.heads[0].status, read.heads[0].reason.to_string())
    };
    assert_eq!(reason("HTTP/1.1 200 All is well"), (200, "All is well".to_owned()));
    assert_eq!(reason("HTTP/1.1 999"), (999, String::new()));
    assert_eq!(reason("HTTP/1.0 404 für dich"), (404, String::new()));
}

#[test]
fn head_is_limited_in_bytes() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let with_limit = |max_bytes| {
        let mut limits = HeadLimits::default();
        limits.max_bytes = max_bytes;
        let whole = read_heads::<RequestHead>(limits, &[head]);
        assert_eq!(whole, read_heads(limits, &pieces(head, &[1])));
        whole
    };
    let limit = head.len() - 1;
    assert_eq!(with_limit(limit).error, Some(HeadError::TooLong { limit }));
    assert_eq!(with_limit(head.len()).heads.len(), 1);
    assert_eq!(with_limit(head.len() + 1).heads.len(), 1);
    assert_eq!(with_limit(0).error, Some(HeadError::TooLong { limit: 0 }));
}

#[test]
fn head_at_the_default_limit_of_16_kib_is_read() {
    let head_of = |len: usize| {
        let start = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
        let filler = vec![b'x'; len - start.len() - 4];
        [start, filler, b"\r\n\r\n".to_vec()].concat()
    };
    let read = |len| read_heads::<RequestHead>(HeadLimits::default(), &[&head_of(len)]);
    assert_eq!(read(16 * 1024).heads.len(), 1);
    assert_eq!(read(16 * 1024 + 1).error, Some(HeadError::TooLong { limit: 16 * 1024 }));
}

#[test]
fn a_long_head_byte_by_byte_is_read_in_linear_time() {
    // Looking at what came before again for each byte would be 2^39 steps.
    let mut limits = HeadLimits::default();
    limits.max_bytes = 1 << 20;
    let start = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    let filler = vec![b'x'; limits.max_bytes - start.len() - 4];
    let head = [start, filler, b"\r\n\r\n".to_vec()].concat();
    assert_eq!(read_heads::<RequestHead>(limits, &pieces(&head, &[1])).heads.len(), 1);
}

#[test]
fn an_unfinished_head_ends_at_the_limit() {
    let mut reader = HeadReader::<RequestHead>::new(HeadLimits::default());
    assert_eq!(reader.feed(&[b'G'; 16 * 1024]), Ok(None));
    assert_eq!(reader.feed(b"G"), Err(HeadError::TooLong { limit: 16 * 1024 }));
    assert_eq!(HeadError::TooLong { limit: 16 * 1024 }.status(), 431);
}

#[test]
fn fields_are_limited_in_number() {
    let read = |count: usize| {
        let fields = "A: b\r\n".repeat(count);
        let request = format!("GET / HTTP/1.1\r\n{fields}\r\n");
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let request = read_heads::<RequestHead>(HeadLimits::default(), &[request.as_bytes()]);
        let response = read_heads::<ResponseHead>(HeadLimits::default(), &[response.as_bytes()]);
        assert_eq!(request.error, response.error);
        request.heads.first().map(|head| head.fields.len()).ok_or_else(|| request.error.unwrap())
    };
    assert_eq!(read(0), Ok(0));
    assert_eq!(read(99), Ok(99));
    assert_eq!(read(100), Ok(100));
    assert_eq!(read(101), Err(HeadError::TooManyFields { limit: 100 }));
    assert_eq!(HeadError::TooManyFields { limit: 100 }.status(), 431);
}

#[test]
fn the_field_count_begins_anew_with_each_head() {
    let head = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(60));
    let read = read_heads::<RequestHead>(HeadLimits::default(), &[head.as_bytes(), head.as_bytes()]);
    assert_eq!((read.heads.len(), read.error), (2, None));
}

#[test]
fn nothing_in_a_target_or_a_reason_phrase_can_break_a_line() {
    let mut encoded = Vec::new();
    RequestHead::new(Method::GET, "/ü x\r\nEvil: 1").encode(&mut encoded);
    assert_eq!(escape(&encoded), "GET /%C3%BC%20x%0D%0AEvil:%201 HTTP/1.1\\r\\n\\r\\n");

    let mut head = ResponseHead::new(200);
    head.reason = "fü\r\nEvil: 1".into();
    encoded.clear();
    head.encode(&mut encoded);
    assert_eq!(escape(&encoded), "HTTP/1.1 200 f???Evil: 1\\r\\n\\r\\n");
}

#[test]
fn an_empty_target_and_a_status_of_more_digits_are_written_as_the_nearest_valid_ones() {
    let mut encoded = Vec::new();
    RequestHead::new(Method::GET, "").encode(&mut encoded);
    ResponseHead::new(1000).encode(&mut encoded);
    ResponseHead::new(999).encode(&mut encoded);
    assert_eq!(escape(&encoded), "GET / HTTP/1.1\\r\\n\\r\\nHTTP/1.1 999 \\r\\n\\r\\nHTTP/1.1 999 \\r\\n\\r\\n");
}

#[test]
fn responses_carry_the_usual_reason_phrase() {
    let mut encoded = Vec::new();
    ResponseHead::new(431).encode(&mut encoded);
    assert_eq!(escape(&encoded), "HTTP/1.1 431 Request Header Fields Too Large\\r\\n\\r\\n");
}

#[test]
fn informational_responses_are_1xx() {
    let informational = |status| ResponseHead::new(status).is_informational();
    assert_eq!([99, 100, 103, 199, 200].map(informational), [false, true, true, true, false]);
}

#[test]
fn every_error_names_its_remedy() {
    for Case { title, input, .. } in cases(REQUESTS) {
        let Heads { error: Some(error), .. } = read_heads::<RequestHead>(HeadLimits::default(), &[&input]) else {
            continue;
        };
        let text = error.to_string();
        assert!(text.contains(';') && !text.ends_with('.') && text.starts_with(char::is_lowercase), "{title}: {text}");
    }
    assert!(HeadError::TooLong { limit: 9 }.to_string().contains("longer than 9 bytes"));
    assert!(HeadError::TooManyFields { limit: 9 }.to_string().contains("more than 9 fields"));
    assert!(HeadError::Control { byte: 0x1b }.to_string().contains("0x1b"));
}

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}"
}

fn fields() -> impl Strategy<Value = Fields> {
    let value = proptest::collection::vec(prop_oneof![Just(b'\t'), b' '..=b'~', 0x80..=0xff_u8], 0..20);
    proptest::collection::vec((token(), value), 0..8).prop_map(|list| {
        let mut fields = Fields::new();
        for (name, value) in list {
            fields.append(&name, value).expect("well formed");
        }
        fields
    })
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::Http10), Just(Version::Http11)]
}

fn requests() -> impl Strategy<Value = RequestHead> {
    (token(), "[!-~]{1,30}", version(), fields()).prop_map(|(method, target, version, fields)| RequestHead {
        method: Method::new(&method).expect("a token"),
        target: target.into(),
        version,
        fields,
    })
}

fn responses() -> impl Strategy<Value = ResponseHead> {
    (100..=999_u16, "[ -~]{0,30}", version(), fields()).prop_map(|(status, reason, version, fields)| ResponseHead {
        status,
        reason: reason.into(),
        version,
        fields,
    })
}

proptest! {
    #[test]
    fn requests_survive_encoding_and_cuts(head in requests(), cuts in proptest::collection::vec(1..40_u8, 1..5)) {
        let mut encoded = Vec::new();
        head.encode(&mut encoded);
        let read = read_heads::<RequestHead>(HeadLimits::default(), &pieces(&encoded, &cuts));
        prop_assert_eq!(read.heads, [head]);
        prop_assert_eq!(read.ends, [encoded.len()]);
    }

    #[test]
    fn responses_survive_encoding_and_cuts(head in responses(), cuts in proptest::collection::vec(1..40_u8, 1..5)) {
        let mut encoded = Vec::new();
        head.encode(&mut encoded);
        let read = read_heads::<ResponseHead>(HeadLimits::default(), &pieces(&encoded, &cuts));
        prop_assert_eq!(read.heads, [head]);
        prop_assert_eq!(read.ends, [encoded.len()]);
    }

    #[test]
    fn any_text_with_the_shape_of_a_head_reads_alike_in_any_cut(
        input in "(GET|HTTP/1.1| |\r\n|\r|\n|/|200|OK|:|A|\t|HTTP/1.0|\u{e9}){0,14}(\r\n\r\n)?",
        cuts in proptest::collection::vec(1..9_u8, 1..5),
    ) {
        let limits = HeadLimits::default();
        let cut = pieces(input.as_bytes(), &cuts);
        prop_assert_eq!(read_heads::<RequestHead>(limits, &[input.as_bytes()]), read_heads(limits, &cut));
        prop_assert_eq!(read_heads::<ResponseHead>(limits, &[input.as_bytes()]), read_heads(limits, &cut));
    }
}
