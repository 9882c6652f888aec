//! Bodies of the fuzz targets for `http`: what must hold for any bytes, cut anywhere. The first line of an input tells the cuts
//! (`fuzz::chunks`), but of `http_url` it is the base.

use tidewire_core::http::{
    BodyError, BodyReader, Form, Framing, Head, HeadError, HeadLimits, HeadReader, LAST_CHUNK, Method, RequestHead,
    ResponseHead, Url, encode_chunk_head, request_framing, response_framing,
};

use crate::fuzz::{chunks, split_line};
use crate::naive_chunked;

/// What a [`HeadReader`] made of an input: heads and how many bytes were theirs, and the error that ended them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heads<H> {
    /// The heads.
    pub heads: Vec<H>,
    /// Where in the input each of them ended.
    pub ends: Vec<usize>,
    /// What ended the reading.
    pub error: Option<HeadError>,
    /// What was left of an unfinished head.
    pub partial: Vec<u8>,
}

/// Reads heads, one directly after the other, from `pieces`.
pub fn read_heads<H: Head>(limits: HeadLimits, pieces: &[&[u8]]) -> Heads<H> {
    let mut reader = HeadReader::<H>::new(limits);
    let mut read = Heads { heads: Vec::new(), ends: Vec::new(), error: None, partial: Vec::new() };
    let mut at = 0;
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match reader.feed(rest) {
                Ok(Some((head, consumed))) => {
                    rest = &rest[consumed..];
                    at += consumed;
                    read.heads.push(head);
                    read.ends.push(at);
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(reader.feed(b"GET / HTTP/1.1\r\n\r\n").err(), Some(error), "an error stays");
                    assert!(reader.is_empty(), "an error frees what was kept");
                    read.error = Some(error);
                    return read;
                }
            }
        }
        at += rest.len();
        assert!(reader.partial().len() <= limits.max_bytes, "no more is kept than the limit");
    }
    read.partial = reader.partial().to_vec();
    read
}

/// What a [`BodyReader`] made of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The data.
    pub data: Vec<u8>,
    /// How many bytes of the input were the body's.
    pub consumed: usize,
    /// Whether it was complete.
    pub done: bool,
    /// What was wrong.
    pub error: Option<BodyError>,
}

/// Reads one body from `pieces`.
pub fn read_body(framing: Framing, pieces: &[&[u8]]) -> Body {
    let mut reader = BodyReader::new(framing);
    let mut body = Body { data: Vec::new(), consumed: 0, done: reader.is_done(), error: None };
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() && !body.done {
            match reader.read(rest) {
                Ok(step) => {
                    assert!(step.consumed > 0 || step.done, "every call goes on");
                    assert!(rest[..step.consumed].ends_with(step.data), "data is the last of what is consumed");
                    body.data.extend_from_slice(step.data);
                    body.consumed += step.consumed;
                    body.done = step.done;
                    rest = &rest[step.consumed..];
                }
                Err(error) => {
                    assert_eq!(reader.read(b"0\r\n\r\n"), Err(error), "an error stays");
                    assert_eq!(reader.finish(), Err(error), "an error stays at the end");
                    body.error = Some(error);
                    return body;
                }
            }
        }
    }
    assert_eq!(reader.is_done(), body.done);
    body
}

/// Cuts `input` into pieces: each byte of `cuts` is the length of one, and they are used in turn.
pub fn pieces<'a>(mut input: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut lengths = cuts.iter().map(|&cut| usize::from(cut)).cycle();
    while !input.is_empty() {
        let length = lengths.next().unwrap_or(input.len()).clamp(1, input.len());
        let (piece, rest) = input.split_at(length);
        pieces.push(piece);
        input = rest;
    }
    pieces
}

/// Small, so that a fuzzer reaches them.
fn limits() -> HeadLimits {
    let mut limits = HeadLimits::default();
    limits.max_bytes = 512;
    limits.max_fields = 8;
    limits
}

/// Fuzz target `http_request_head`.
pub fn request_head(data: &[u8]) {
    let (cuts, input) = split_line(data);
    let whole = read_heads::<RequestHead>(limits(), &[input]);
    assert_eq!(whole, read_heads(limits(), &chunks(input, cuts)), "cuts change nothing");
    assert_eq!(whole, read_heads(limits(), &pieces(input, &[1])), "single bytes change nothing");
    let mut start = 0;
    for (head, &end) in whole.heads.iter().zip(&whole.ends) {
        let bytes = input[start..end].strip_prefix(b"\r\n").unwrap_or(&input[start..end]);
        start = end;
        assert!(bytes.len() <= limits().max_bytes && head.fields.len() <= limits().max_fields, "limits hold");
        assert_strict_lines(bytes, head.fields.len());
        assert!(head.target.bytes().all(|byte| byte.is_ascii_graphic()));
        let mut encoded = Vec::new();
        head.encode(&mut encoded);
        let again = read_heads::<RequestHead>(HeadLimits::default(), &[&encoded]);
        assert_eq!(
            (&again.heads[..], &again.ends[..]),
            (&[head.clone()][..], &[encoded.len()][..]),
            "what encodes parses"
        );
        request_semantics(head);
    }
}

/// A request head has no line end but CRLF, no control character, and no line that continues another.
fn assert_strict_lines(head: &[u8], fields: usize) {
    let lines: Vec<&[u8]> = head.split(|&byte| byte == b'\n').collect();
    assert_eq!(lines.len(), fields + 3, "a start line, the fields, the empty line, and nothing");
    for (index, line) in lines.iter().enumerate() {
        let Some(line) = line.strip_suffix(b"\r") else {
            assert!(line.is_empty() && index == fields + 2);
            continue;
        };
        assert!(line.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7f));
        assert!(!line.starts_with(b" ") && !line.starts_with(b"\t"));
    }
}

fn request_semantics(head: &RequestHead) {
    let (Ok(framing), Ok(target)) = (request_framing(head), head.parse_target()) else {
        assert!(request_framing(head).is_err(), "a malformed target is refused");
        return;
    };
    let count = |name: &str| head.fields.get_all(name).count();
    let expected = match (count("content-length"), count("transfer-encoding")) {
        (0, 0) => Framing::None,
        (0, 1) => Framing::Chunked,
        (1, 0) => Framing::Length(head.fields.get_str("content-length").and_then(|text| text.parse().ok()).unwrap()),
        _ => panic!("two ways to tell the length"),
    };
    assert_eq!(framing, expected);
    match target.form() {
        Form::Origin | Form::Absolute => assert!(target.path().starts_with('/')),
        Form::Asterisk => assert_eq!(head.method, Method::OPTIONS),
        Form::Authority => assert_eq!(head.method, Method::CONNECT),
    }
    for segment in target.segments().flatten() {
        assert!(segment.len() <= target.path().len());
    }
    assert!(target.query_pairs().count() <= target.query().unwrap_or_default().len());
    let _ = (head.keep_alive(), head.authority(), head.expectation());
}

/// Fuzz target `http_response_head`.
pub fn response_head(data: &[u8]) {
    let (cuts, input) = split_line(data);
    let whole = read_heads::<ResponseHead>(limits(), &[input]);
    assert_eq!(whole, read_heads(limits(), &chunks(input, cuts)), "cuts change nothing");
    assert_eq!(whole, read_heads(limits(), &pieces(input, &[1])), "single bytes change nothing");
    for head in &whole.heads {
        assert!(head.fields.len() <= limits().max_fields && (100..1000).contains(&head.status));
        let mut encoded = Vec::new();
        head.encode(&mut encoded);
        let again = read_heads::<ResponseHead>(HeadLimits::default(), &[&encoded]);
        assert_eq!(
            (&again.heads[..], &again.ends[..]),
            (&[head.clone()][..], &[encoded.len()][..]),
            "what encodes parses"
        );
        for method in [Method::GET, Method::HEAD, Method::CONNECT] {
            let framing = response_framing(&method, head);
            if head.is_informational() || head.status == 204 || method == Method::HEAD {
                assert_eq!(framing, Ok(Framing::None));
            }
        }
        let _ = head.keep_alive();
    }
}

/// Fuzz target `http_chunked_body`.
pub fn chunked_body(data: &[u8]) {
    let (cuts, input) = split_line(data);
    let whole = read_body(Framing::Chunked, &[input]);
    assert_same_body(&whole, &read_body(Framing::Chunked, &chunks(input, cuts)));
    assert_same_body(&whole, &read_body(Framing::Chunked, &pieces(input, &[1])));
    let naive = naive_chunked::decode(input).map(|(data, rest)| (data, input.len() - rest.len()));
    let too_long = matches!(whole.error, Some(BodyError::ExtensionTooLong | BodyError::TrailersTooLong));
    if !too_long {
        assert_eq!(whole.done.then(|| (whole.data.clone(), whole.consumed)), naive, "both readers agree");
    }

    let mut encoded = Vec::new();
    for chunk in chunks(input, cuts).into_iter().filter(|chunk| !chunk.is_empty()) {
        encode_chunk_head(chunk.len(), &mut encoded);
        encoded.extend_from_slice(chunk);
        encoded.extend_from_slice(b"\r\n");
    }
    encoded.extend_from_slice(LAST_CHUNK);
    let again = read_body(Framing::Chunked, &chunks(&encoded, cuts));
    assert_eq!((&again.data[..], again.consumed, again.done), (input, encoded.len(), true), "what encodes reads");
}

/// An error is the same wherever the input is cut; only the data before it may have been lent or not.
fn assert_same_body(whole: &Body, cut: &Body) {
    assert_eq!((whole.error, whole.done, &whole.data), (cut.error, cut.done, &cut.data), "cuts change nothing");
    if whole.error.is_none() {
        assert_eq!(whole.consumed, cut.consumed, "cuts change nothing");
    }
}

/// Fuzz target `http_url`: the first line is a URL, the rest a reference to resolve against it.
pub fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (base, reference) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(base) = Url::parse(base) else { return };
    assert_url(&base);
    assert_eq!(base.join("").as_ref(), Ok(&base), "the empty reference leads nowhere else");
    assert_eq!(base.join(&base.to_string()).as_ref(), Ok(&base), "an absolute reference stands for itself");
    if let Ok(joined) = base.join(reference) {
        assert_url(&joined);
    }
}

fn assert_url(url: &Url) {
    assert_eq!(Url::parse(&url.to_string()).as_ref(), Ok(url), "what prints parses");
    let mut head = RequestHead::new(Method::GET, url.target());
    head.fields.append("host", url.authority()).expect("an authority is a field value");
    assert_eq!(request_framing(&head), Ok(Framing::None), "a server understands it");
    let path = head.parse_target().expect("it is a target").path();
    assert!(!path.split('/').any(|segment| segment == "." || segment == ".."), "no dot segments are sent");
    assert!(!url.host().is_empty() && url.port() != 0);
}
