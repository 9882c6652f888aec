//! Content codings, applied: one reader's alone, and one compression for all readers.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use tidewire_core::http::coding::{Codings, Compressor, Encoder, GzipStream, Limits, Segment};
use tidewire_core::log::{Burst, Packer};
use tidewire_tests::coding::{GZIP_HEAD, decode, decoder, deflate, feed, gzip_of};

fn whole(codings: &str, content: &[u8]) -> Vec<u8> {
    let (output, error) = decode(decoder(codings, Limits::default()), &[content]);
    assert_eq!(error, None);
    output
}

/// One reader's stream of these segments.
fn stream(segments: &[Segment]) -> Vec<u8> {
    let mut stream = GzipStream::new();
    let mut out = GzipStream::HEADER.to_vec();
    for segment in segments {
        stream.add(segment);
        out.extend_from_slice(&segment.bytes());
    }
    out.extend_from_slice(&stream.trailer());
    out
}

fn events() -> Vec<String> {
    let mut events: Vec<String> = (0..60)
        .map(|number| format!("id: {number}\ndata: {{\"tick\":{number},\"text\":\"{}\"}}\n\n", "so ".repeat(number)))
        .collect();
    events.extend([":\n\n".to_owned(), "\n".to_owned(), "data: ".to_owned() + &"long ".repeat(40_000) + "\n\n"]);
    events
}

// Alone

/// LaunchDarkly's: "output = gzip of the same bytes + sync flush per item".
#[test]
fn what_comes_out_is_gzip_of_the_bytes_with_a_flush_for_each_item() {
    let items = ["id: aaa\nevent: bbb\ndata: ccc\n\n", ":hello\n", "data: \ndata: first\n\n", "data: \n\n"];
    let parts: Vec<&[u8]> = items.iter().map(|item| item.as_bytes()).collect();
    let expected = deflate(&parts, 6);

    let (mut encoder, mut out) = (Encoder::gzip(), Vec::new());
    assert_eq!(encoder.coding(), Codings::GZIP);
    for (at, item) in items.iter().enumerate() {
        // A text in one piece or in many is the same.
        for byte in item.as_bytes().chunks(if at % 2 == 0 { 1 } else { 1_000 }) {
            encoder.write(byte, &mut out);
        }
        encoder.flush(&mut out);
        assert_eq!(out, [GZIP_HEAD, &expected[..=at].concat()].concat(), "item {at}");
    }
    encoder.finish(&mut out);
    assert_eq!(out, gzip_of(&expected.concat(), &parts.concat()));
}

#[test]
fn both_codings_end_with_their_checksum() {
    let content = events().concat();
    for (mut encoder, codings) in [(Encoder::gzip(), "gzip"), (Encoder::deflate(), "deflate")] {
        let mut out = Vec::new();
        encoder.write(content.as_bytes(), &mut out);
        encoder.finish(&mut out);
        assert!(whole(codings, &out) == content.as_bytes(), "{codings}");
        assert!(out.len() < content.len() / 10, "{codings}: {}", out.len());
    }
    for (encoder, codings) in [(Encoder::gzip(), "gzip"), (Encoder::deflate(), "deflate")] {
        let mut out = Vec::new();
        encoder.finish(&mut out);
        assert_eq!(whole(codings, &out), b"", "nothing at all is a content, too");
    }
}

#[test]
fn a_flush_without_anything_to_flush_is_harmless() {
    let (mut encoder, mut out) = (Encoder::gzip(), Vec::new());
    encoder.flush(&mut out);
    encoder.flush(&mut out);
    encoder.write(b"x", &mut out);
    encoder.flush(&mut out);
    encoder.flush(&mut out);
    encoder.finish(&mut out);
    assert_eq!(whole("gzip", &out), b"x");
}

// Shared

#[test]
fn segments_stand_in_any_stream_in_any_order() {
    let mut compressor = Compressor::new();
    let events = events();
    let segments: Vec<Segment> = events.iter().map(|event| compressor.compress(event.as_bytes())).collect();
    let lengths = || (0..events.len()).step_by(7);
    for (from, to) in lengths().flat_map(|from| lengths().map(move |to| (from, to))).filter(|(from, to)| from <= to) {
        assert!(whole("gzip", &stream(&segments[from..to])) == events[from..to].concat().as_bytes(), "{from}..{to}");
    }
    let backwards: Vec<Segment> = segments.iter().rev().cloned().collect();
    let mut texts = events.clone();
    texts.reverse();
    assert!(whole("gzip", &stream(&backwards)) == texts.concat().as_bytes());
}

#[test]
fn a_reader_has_each_segment_whole_when_it_has_come() {
    let mut compressor = Compressor::new();
    let mut decoder = decoder("gzip", Limits::default());
    feed(&mut decoder, &GzipStream::HEADER, &mut Vec::new()).unwrap();
    for event in events() {
        let mut output = Vec::new();
        for byte in compressor.compress(event.as_bytes()).bytes() {
            feed(&mut decoder, &[byte], &mut output).unwrap();
        }
        assert!(output == event.as_bytes());
    }
}

/// Where the compressor has ended a block by itself, and little is left to be said behind it.
#[test]
fn what_is_little_longer_than_a_block_is_whole() {
    let mut compressor = Compressor::new();
    for len in (31_700..32_050).step_by(25) {
        // Hardly anything is there twice.
        let mut state = 1_u64;
        let letters = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b' ' + (state >> 58) as u8
        });
        let content: Vec<u8> = letters.take(len).collect();
        let segments = [compressor.compress(&content), Segment::stored(b"next")];
        assert!(whole("gzip", &stream(&segments)) == [&content[..], b"next"].concat(), "{len} bytes for all");

        let (mut encoder, mut alone) = (Encoder::gzip(), Vec::new());
        encoder.write(&content, &mut alone);
        encoder.flush(&mut alone);
        let (so_far, _) = decode(decoder("gzip", Limits::default()), &[&alone]);
        assert!(so_far == content, "{len} bytes for one");
    }
}

#[test]
fn a_segment_is_framed_as_a_chunk_of_the_same_memory() {
    let segment = Compressor::new().compress(&[b'x'; 1000]);
    assert!(segment.len() < 30 && !segment.is_empty());
    let chunk = [format!("{:x}\r\n", segment.len()).as_bytes(), &segment.bytes(), b"\r\n"].concat();
    assert_eq!(segment.chunk(), &chunk);
    assert!(segment.chunk().as_ptr_range().contains(&segment.bytes().as_ptr()));
    let nothing = Compressor::new().compress(b"");
    assert!(nothing.is_empty() && nothing.chunk().is_empty(), "an empty chunk would end the body");
    assert_eq!(whole("gzip", &stream(&[nothing])), b"");
}

#[test]
fn content_that_does_not_become_shorter_is_stored() {
    let mut seed = 1_u32;
    let mut noise = |len: usize| -> Vec<u8> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        (0..len).map(|_| next()).collect()
    };
    let mut compressor = Compressor::new();
    for len in [1, 127, 128, 129, 1_000, 65_534, 65_535, 65_536, 131_070, 131_071, 300_000] {
        let content = noise(len);
        let segment = compressor.compress(&content);
        assert!(segment.len() <= len + 5 * len.div_ceil(65_535), "{len}: {}", segment.len());
        assert!(whole("gzip", &stream(&[segment])) == content, "{len}");
    }
}

/// What is short is stored without the compressor's time, and its 5 bytes are all that it costs.
#[test]
fn content_is_compressed_from_128_bytes_on() {
    let mut compressor = Compressor::new();
    for len in [1, 126, 127] {
        assert_eq!(compressor.compress(&vec![b'x'; len]), Segment::stored(&vec![b'x'; len]));
        assert_eq!(Segment::stored(&vec![b'x'; len]).len(), len + 5);
    }
    for len in [128, 129, 1_000] {
        assert!(compressor.compress(&vec![b'x'; len]).len() < 30, "{len}");
    }
}

#[test]
fn thousand_readers_at_one_place_share_one_compression() {
    let mut packer = Packer::new();
    let bursts: Vec<Burst> = events().iter().map(|event| Burst::new(event.as_bytes())).collect();
    for (at, burst) in bursts.iter().enumerate() {
        let first = packer.pack(burst).segment().unwrap().chunk().as_ptr();
        for _ in 1..1_000 {
            // A reader may hold its own count of the burst.
            assert_eq!(packer.pack(&burst.clone()).segment().unwrap().chunk().as_ptr(), first);
        }
        assert_eq!(packer.compressed(), at as u64 + 1);
    }
}

#[test]
fn packer_keeps_16_bursts_those_that_were_asked_for_last() {
    let mut packer = Packer::new();
    let bursts: Vec<Burst> = (0..17).map(|number| Burst::new(format!("data: {number}\n\n").as_bytes())).collect();
    for burst in &bursts[..16] {
        packer.pack(burst);
    }
    for burst in &bursts[..16] {
        packer.pack(burst);
    }
    assert_eq!(packer.compressed(), 16);
    packer.pack(&bursts[16]);
    assert_eq!(packer.compressed(), 17);
    packer.pack(&bursts[1]);
    assert_eq!(packer.compressed(), 17, "the second was kept");
    packer.pack(&bursts[0]);
    assert_eq!(packer.compressed(), 18, "the one that nobody asked for longest was let go");
    let packed = packer.pack(&bursts[0]).clone();
    assert_eq!(packer.pack(&packed), &packed, "what is packed stays so");
    assert_eq!(packer.compressed(), 18);
}

#[test]
fn a_reader_s_stream_is_8_bytes() {
    assert_eq!(size_of::<GzipStream>(), 8);
}

// Other people's decoders

/// Python's zlib gives, at every cut, what was flushed before it, as ours does; and says where the stream ends.
#[test]
fn gzip_and_python_read_it() {
    let mut compressor = Compressor::new();
    let events = events();
    let short: Vec<Segment> = events[..12].iter().map(|event| compressor.compress(event.as_bytes())).collect();
    let content = stream(&short);
    let mut at = GzipStream::HEADER.len();
    let mut boundaries = vec![(at, 0)];
    for (segment, event) in short.iter().zip(&events) {
        at += segment.len();
        boundaries.push((at, boundaries.last().unwrap().1 + event.len()));
    }
    let boundaries: Vec<String> = boundaries.iter().map(|(at, len)| format!("{at} {len}")).collect();

    assert!(run("gzip", &["-dc"], &content) == events[..12].concat().as_bytes());
    let whole = stream(&events.iter().map(|event| compressor.compress(event.as_bytes())).collect::<Vec<_>>());
    assert!(run("gzip", &["-dc"], &whole) == events.concat().as_bytes());

    const SCRIPT: &str = "
import sys, zlib
content = sys.stdin.buffer.read()
flushed = [tuple(map(int, line.split())) for line in sys.argv[1].splitlines()]
for cut in range(len(content) + 1):
    decoder = zlib.decompressobj(31)
    out = decoder.decompress(content[:cut])
    out += decoder.decompress(b'')
    least = max([length for at, length in flushed if at <= cut], default=0)
    assert len(out) >= least, (cut, len(out), least)
    assert decoder.eof == (cut == len(content)), cut
sys.stdout.buffer.write(out)
";
    let output = run("python3", &["-c", SCRIPT, &boundaries.join("\n")], &content);
    assert!(output == events[..12].concat().as_bytes());
}

fn run(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{program}: {}", output.status);
    output.stdout
}

proptest! {
    /// Any contents, compressed or stored, in any stream, read in any pieces.
    #[test]
    fn what_was_put_in_comes_out(
        contents in proptest::collection::vec((any::<bool>(), content()), 0..12),
        size in 1..300_usize,
    ) {
        let mut compressor = Compressor::new();
        let make = |(stored, content): &(bool, Vec<u8>)| {
            if *stored { Segment::stored(content) } else { compressor.compress(content) }
        };
        let all = stream(&contents.iter().map(make).collect::<Vec<_>>());
        let pieces: Vec<&[u8]> = all.chunks(size).collect();
        let expected: Vec<u8> = contents.iter().flat_map(|(_, content)| content.clone()).collect();
        prop_assert!(decode(decoder("gzip", Limits::default()), &pieces) == (expected, None));
    }

    #[test]
    fn what_was_written_comes_out_of_either_coding(
        contents in proptest::collection::vec((any::<bool>(), content()), 0..12),
        gzip in any::<bool>(),
    ) {
        let (mut encoder, codings) = if gzip { (Encoder::gzip(), "gzip") } else { (Encoder::deflate(), "deflate") };
        let mut decoder = decoder(codings, Limits::default());
        let (mut written, mut read) = (Vec::new(), Vec::new());
        for (flush, content) in &contents {
            let mut out = Vec::new();
            encoder.write(content, &mut out);
            written.extend_from_slice(content);
            if *flush {
                encoder.flush(&mut out);
            }
            feed(&mut decoder, &out, &mut read).unwrap();
            prop_assert!(written.starts_with(&read) && (!flush || read.len() == written.len()));
        }
        let mut out = Vec::new();
        encoder.finish(&mut out);
        feed(&mut decoder, &out, &mut read).unwrap();
        prop_assert!(read == written);
        prop_assert_eq!(decoder.finish(), Ok(()));
    }
}

/// Text that repeats itself, noise, and what is very long.
fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), Just(b'\n')], 0..400),
        4 => proptest::collection::vec(any::<u8>(), 0..400),
        1 => (any::<u8>(), 60_000..140_000_usize).prop_map(|(byte, len)| vec![byte; len]),
    ]
}
