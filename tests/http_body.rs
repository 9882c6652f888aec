//! Reading bodies: cuts, limits, round trips, and a second reader to agree with.

use proptest::prelude::*;
use tidewire_core::http::{
    BodyError, BodyReader, Fields, Framing, LAST_CHUNK, MAX_CHUNK_EXTENSION, MAX_TRAILERS, encode_chunk_head,
    encode_last_chunk,
};
use tidewire_tests::fuzz_http::{Body, pieces, read_body};
use tidewire_tests::naive_chunked;
use tidewire_tests::vectors_http::{Case, cases, escape};

const CHUNKED: &str = include_str!("vectors/http/chunked.txt");

#[test]
fn chunked_bodies_are_read_or_refused_as_the_vectors_say() {
    for Case { title, input, outcome, .. } in cases(CHUNKED) {
        let body = read_body(Framing::Chunked, &[&input]);
        let data = escape(&body.data);
        let found = match body.error {
            Some(error) => format!("{error:?}"),
            None if body.done => format!("done {data} +{}", input.len() - body.consumed),
            None => format!("unfinished {data}"),
        };
        assert_eq!(found.trim(), outcome, "{title}: {}", escape(&input));
    }
}

#[test]
fn cutting_a_vector_anywhere_changes_nothing() {
    for Case { title, input, .. } in cases(CHUNKED) {
        let whole = result(&read_body(Framing::Chunked, &[&input]));
        assert_eq!(whole, result(&read_body(Framing::Chunked, &pieces(&input, &[1]))), "{title}: byte by byte");
        for at in 0..=input.len() {
            let (head, tail) = input.split_at(at);
            assert_eq!(whole, result(&read_body(Framing::Chunked, &[head, tail])), "{title}: cut at {at}");
        }
    }
}

/// What counts of a body: how much was consumed by the call that failed depends on the cuts.
fn result(body: &Body) -> (Vec<u8>, Result<Option<usize>, BodyError>) {
    (body.data.clone(), body.error.map_or(Ok(body.done.then_some(body.consumed)), Err))
}

#[test]
fn a_body_by_length_ends_after_its_bytes() {
    let mut reader = BodyReader::new(Framing::Length(5));
    let step = reader.read(b"hel").unwrap();
    assert_eq!((step.consumed, step.data, step.done), (3, &b"hel"[..], false));
    let step = reader.read(b"loGET").unwrap();
    assert_eq!((step.consumed, step.data, step.done), (2, &b"lo"[..], true));
    let step = reader.read(b"GET").unwrap();
    assert_eq!((step.consumed, step.data, step.done), (0, &b""[..], true));
}

#[test]
fn no_body_is_done_at_once() {
    for framing in [Framing::None, Framing::Length(0)] {
        let mut reader = BodyReader::new(framing);
        assert!(reader.is_done());
        assert_eq!(reader.finish(), Ok(()));
        assert_eq!(read_body(framing, &[b"GET"]).consumed, 0);
    }
}

#[test]
fn a_body_until_close_takes_everything() {
    let mut reader = BodyReader::new(Framing::UntilClose);
    assert_eq!(reader.read(b"any").unwrap().data, b"any");
    assert!(!reader.is_done());
    assert_eq!(reader.finish(), Ok(()));
    assert!(reader.is_done());
    assert_eq!(reader.read(b"more").unwrap().consumed, 0);
}

#[test]
fn a_body_that_is_cut_short_says_so() {
    for (framing, input) in [
        (Framing::Length(5), &b"hell"[..]),
        (Framing::Length(1), b""),
        (Framing::Chunked, b""),
        (Framing::Chunked, b"5\r\nhello\r\n"),
        (Framing::Chunked, b"5\r\nhello\r\n0\r\n"),
        (Framing::Chunked, b"5\r\nhello\r\n0\r\n\r"),
    ] {
        let mut reader = BodyReader::new(framing);
        let mut rest = input;
        while !rest.is_empty() {
            rest = &rest[reader.read(rest).unwrap().consumed..];
        }
        assert_eq!(reader.finish(), Err(BodyError::Truncated), "{framing:?} {}", escape(input));
        assert_eq!(reader.read(b"x"), Err(BodyError::Truncated), "input after the end is ignored");
    }
}

#[test]
fn a_complete_body_finishes() {
    let mut reader = BodyReader::new(Framing::Chunked);
    assert!(reader.read(b"0\r\n\r\n").unwrap().done);
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn data_is_lent_one_chunk_a_call() {
    let input = b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    let mut reader = BodyReader::new(Framing::Chunked);
    let first = reader.read(input).unwrap();
    assert_eq!((first.consumed, first.data), (5, &b"ab"[..]));
    let second = reader.read(&input[5..]).unwrap();
    assert_eq!((second.consumed, second.data), (6, &b"c"[..]));
    let last = reader.read(&input[11..]).unwrap();
    assert_eq!((last.consumed, last.data, last.done), (7, &b""[..], true));
}

#[test]
fn a_chunk_beyond_memory_is_counted_rightly() {
    let mut reader = BodyReader::new(Framing::Chunked);
    let mut rest = &b"100000001\r\nx"[..];
    while !rest.is_empty() {
        rest = &rest[reader.read(rest).unwrap().consumed..];
    }
    let piece = vec![0; 1 << 20];
    for _ in 0..4096 {
        assert_eq!(reader.read(&piece).unwrap().data.len(), piece.len());
    }
    assert_eq!(reader.read(b"\r\n0\r\n\r\n").map(|step| step.done), Ok(true));
}

#[test]
fn extensions_are_limited() {
    let read = |len: usize| {
        let input = format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(len - 1));
        read_body(Framing::Chunked, &[input.as_bytes()])
    };
    assert!(read(MAX_CHUNK_EXTENSION - 1).done);
    assert!(read(MAX_CHUNK_EXTENSION).done);
    assert_eq!(read(MAX_CHUNK_EXTENSION + 1).error, Some(BodyError::ExtensionTooLong));
    assert_eq!((MAX_CHUNK_EXTENSION, BodyError::ExtensionTooLong.status()), (256, 400));
}

#[test]
fn extensions_are_limited_for_each_chunk_alone() {
    let chunk = format!("1;{}\r\nx\r\n", "a".repeat(200));
    let input = format!("{}0\r\n\r\n", chunk.repeat(10));
    assert!(read_body(Framing::Chunked, &[input.as_bytes()]).done);
}

#[test]
fn trailers_are_limited_together() {
    let read = |len: usize| {
        let line = format!("A:{}\r\n", "x".repeat(60));
        let last = format!("B:{}\r\n", "y".repeat(len % line.len()));
        let lines = (len - last.len()) / line.len();
        let more = "z".repeat(len - lines * line.len() - last.len());
        let input = format!("0\r\n{}{}{}\r\n", line.repeat(lines), more, last);
        assert_eq!(input.len(), 3 + len + 2);
        read_body(Framing::Chunked, &[input.as_bytes()])
    };
    assert!(read(MAX_TRAILERS - 1).done);
    assert!(read(MAX_TRAILERS).done);
    assert_eq!(read(MAX_TRAILERS + 1).error, Some(BodyError::TrailersTooLong));
    assert_eq!((MAX_TRAILERS, BodyError::TrailersTooLong.status()), (8192, 431));
}

#[test]
fn trailers_are_written_and_gone_over() {
    let mut trailers = Fields::new();
    trailers.append("X-Sum", "1").unwrap();
    let mut encoded = Vec::new();
    encode_last_chunk(&trailers, &mut encoded);
    assert_eq!(escape(&encoded), "0\\r\\nX-Sum: 1\\r\\n\\r\\n");
    assert!(read_body(Framing::Chunked, &[&encoded]).done);

    encoded.clear();
    encode_last_chunk(&Fields::new(), &mut encoded);
    assert_eq!(encoded, LAST_CHUNK);
}

#[test]
fn sizes_are_written_in_hexadecimal() {
    for len in [1, 9, 10, 15, 16, 17, 255, 256, 0xabcdef, u32::MAX as usize, usize::MAX] {
        let mut encoded = Vec::new();
        encode_chunk_head(len, &mut encoded);
        assert_eq!(escape(&encoded), format!("{len:x}\\r\\n"));
    }
}

#[test]
fn a_chunk_of_no_bytes_is_not_written() {
    let mut encoded = Vec::new();
    encode_chunk_head(0, &mut encoded);
    assert_eq!(encoded, b"");
}

#[test]
fn every_body_error_names_its_remedy() {
    let errors = [
        BodyError::Size,
        BodyError::SizeTooLong,
        BodyError::Extension,
        BodyError::ExtensionTooLong,
        BodyError::LineEnd,
        BodyError::DataEnd,
        BodyError::Trailer,
        BodyError::TrailersTooLong,
        BodyError::Truncated,
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains(';') && !text.ends_with('.'), "{error:?}: {text}");
    }
}

/// The grammar's alphabet: what tells two inputs apart.
const LETTERS: [&[u8]; 13] = [b"0", b"1", b"\r\n", b"\r", b"\n", b";", b"a", b"=", b"\"", b"\\", b" ", b":", b"\0"];

/// Where inputs begin, so that short ones reach every part of the grammar.
const BEGINS: [&[u8]; 6] = [b"", b"1;a", b"1;a=", b"1;a=\"", b"1\r\na", b"0\r\n"];

/// Each begin followed by each row of at most `depth` letters.
fn for_each_input(depth: usize, mut act: impl FnMut(&[u8])) {
    fn extend(input: &mut Vec<u8>, depth: usize, act: &mut impl FnMut(&[u8])) {
        act(input);
        if depth == 0 {
            return;
        }
        for letter in LETTERS {
            input.extend_from_slice(letter);
            extend(input, depth - 1, act);
            input.truncate(input.len() - letter.len());
        }
    }
    for begin in BEGINS {
        extend(&mut begin.to_vec(), depth, &mut act);
    }
}

#[test]
fn both_readers_agree_on_every_small_input() {
    for_each_input(4, |input| {
        // What is not complete by itself may be with the rest of a body behind it.
        for end in [&b""[..], b"\r\n0\r\n\r\n", b"\r\na\r\n0\r\n\r\n"] {
            let input = [input, end].concat();
            let body = read_body(Framing::Chunked, &[&input]);
            let naive = naive_chunked::decode(&input).map(|(data, rest)| (data, input.len() - rest.len()));
            assert_eq!(body.done.then_some((body.data, body.consumed)), naive, "{}", escape(&input));
        }
    });
}

#[test]
fn an_input_is_refused_as_soon_as_nothing_can_complete_it() {
    let fillers = ["", ";a", "1", "\n", "\r\n", "a", "a\r\n", ":", "a:", "a\"", "\"", "a=a", ":\r\n"];
    let ends = [
        "",
        "\n",
        "\r\n",
        "0\r\n\r\n",
        "\r\n0\r\n\r\n",
        "\n0\r\n\r\n",
        "\r\na\r\n0\r\n\r\n",
        "\na\r\n0\r\n\r\n",
        "\n\r\n",
    ];
    // Chunks whose sizes the letters can write, of which some bytes may have been read.
    let is_written = |size: &usize| format!("{size:x}").trim_start_matches(['0', '1', 'a']).is_empty();
    let sizes: Vec<usize> =
        (1..=0xaaa).filter(is_written).flat_map(|size| (0..=4).map(move |read| size - read.min(size))).collect();
    for_each_input(3, |input| {
        if read_body(Framing::Chunked, &[input]).error.is_some() {
            return;
        }
        let completes = |end: &[u8]| naive_chunked::decode(&[input, end].concat()).is_some();
        let by_text = fillers
            .iter()
            .any(|filler| ends.iter().any(|end| completes(&[filler.as_bytes(), end.as_bytes()].concat())));
        let by_data = || {
            let starts = ["", "\n", "\r\n", ";a\r\n", "a\r\n", "\"\r\n", "a\"\r\n"];
            let ends = |len| starts.map(|start| [start.as_bytes(), &vec![b'x'; len], b"\r\n0\r\n\r\n"].concat());
            sizes.iter().any(|&len| ends(len).iter().any(|end| completes(end)))
        };
        assert!(by_text || by_data(), "accepted so far, but hopeless: {}", escape(input));
    });
}

proptest! {
    #[test]
    fn chunked_bodies_survive_encoding_and_cuts(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..6),
        cuts in proptest::collection::vec(1..200_u8, 1..5),
    ) {
        let mut encoded = Vec::new();
        for chunk in &chunks {
            encode_chunk_head(chunk.len(), &mut encoded);
            encoded.extend_from_slice(chunk);
            encoded.extend_from_slice(b"\r\n");
        }
        encoded.extend_from_slice(LAST_CHUNK);
        let data = chunks.concat();
        let body = read_body(Framing::Chunked, &pieces(&encoded, &cuts));
        prop_assert_eq!(body, Body { data: data.clone(), consumed: encoded.len(), done: true, error: None });
        prop_assert_eq!(naive_chunked::decode(&encoded), Some((data, &b""[..])));
    }

    #[test]
    fn bodies_by_length_survive_cuts(
        data in proptest::collection::vec(any::<u8>(), 0..300),
        after in proptest::collection::vec(any::<u8>(), 0..10),
        cuts in proptest::collection::vec(1..50_u8, 1..5),
    ) {
        let input = [&data[..], &after].concat();
        let body = read_body(Framing::Length(data.len() as u64), &pieces(&input, &cuts));
        prop_assert_eq!(body, Body { consumed: data.len(), data, done: true, error: None });
    }

    #[test]
    fn any_row_of_letters_reads_alike_in_any_cut(
        letters in proptest::collection::vec(proptest::sample::select(&LETTERS[..]), 0..30),
        cuts in proptest::collection::vec(1..9_u8, 1..5),
    ) {
        let input = letters.concat();
        let whole = read_body(Framing::Chunked, &[&input]);
        prop_assert_eq!(result(&whole), result(&read_body(Framing::Chunked, &pieces(&input, &cuts))));
        let naive = naive_chunked::decode(&input).map(|(data, rest)| (data, input.len() - rest.len()));
        prop_assert_eq!(whole.done.then_some((whole.data, whole.consumed)), naive);
    }
}
