//! Content codings, undone as the bytes come in.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tidewire_core::http::Fields;
use tidewire_core::http::coding::{CodingError, Codings, Decoder, Limits, MAX_CODINGS, Unsupported};
use tidewire_tests::coding::{GZIP_HEAD, decode, decoder, deflate, feed, gzip, gzip_of, zlib};

fn vector(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/coding").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Decodes in one piece.
fn whole(codings: &str, content: &[u8]) -> (Vec<u8>, Option<CodingError>) {
    decode(decoder(codings, Limits::default()), &[content])
}

fn error(codings: &str, content: &[u8]) -> Option<CodingError> {
    whole(codings, content).1
}

fn limited(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

#[test]
fn every_vector_becomes_the_stream() {
    let stream = vector("stream.txt");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/coding");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let codings = match name.rsplit_once('.').unwrap().1 {
            "gz" => "gzip",
            "zz" | "deflate" => "deflate",
            _ => continue,
        };
        count += 1;
        let content = vector(&name);
        assert!(whole(codings, &content) == (stream.clone(), None), "{name}");
        for size in [1, 2, 3, 7, 100, 4096] {
            let pieces: Vec<_> = content.chunks(size).collect();
            let decoded = decode(decoder(codings, Limits::default()), &pieces);
            assert!(decoded == (stream.clone(), None), "{name} in pieces of {size}");
        }
    }
    assert_eq!(count, 11);
}

#[test]
fn vector_cut_short_anywhere_is_truncated() {
    for name in ["gzip-all-fields.gz", "zlib-window-512.zz", "raw.deflate"] {
        let (content, codings) = (vector(name), if name.ends_with("gz") { "gzip" } else { "deflate" });
        let stream = vector("stream.txt");
        let ends = [1, 2, 9, 10, 11, 20, 31, 40, 100, 5000];
        for end in ends.into_iter().chain(content.len() - 20..content.len()) {
            let (output, error) = whole(codings, &content[..end]);
            assert_eq!(error, Some(CodingError::Truncated), "{name} up to {end}");
            assert!(stream.starts_with(&output));
        }
    }
}

#[test]
fn what_was_flushed_comes_out_at_once() {
    let events: Vec<String> = (0..200).map(|number| format!("id: {number}\ndata: tick {number}\n\n")).collect();
    let parts: Vec<&[u8]> = events.iter().map(String::as_bytes).collect();
    for level in [0, 1, 6, 9] {
        let compressed = deflate(&parts, level);
        let mut decoder = decoder("gzip", Limits::default());
        feed(&mut decoder, GZIP_HEAD, &mut Vec::new()).unwrap();
        for (part, event) in compressed.iter().zip(&parts) {
            let mut output = Vec::new();
            for byte in part {
                feed(&mut decoder, &[*byte], &mut output).unwrap();
            }
            assert_eq!(output, *event, "level {level}");
        }
    }
}

#[test]
fn large_chunk_comes_out_a_window_at_a_time() {
    let mut decoder = decoder("gzip", Limits::default());
    let content = vec![b'x'; 1 << 20];
    let compressed = gzip(&content);
    let (mut rest, mut count) = (&compressed[..], 0);
    loop {
        let used = decoder.fill(rest).unwrap();
        rest = &rest[used..];
        let len = decoder.data().len();
        if len == 0 {
            break;
        }
        assert!(len <= 32 << 10);
        decoder.consume(len);
        count += len;
    }
    assert_eq!((count, decoder.finish()), (1 << 20, Ok(())));
}

#[test]
fn several_codings_are_undone_in_reverse_order() {
    let stream = vector("stream.txt");
    let content = gzip(&zlib(&stream));
    assert_eq!(whole("deflate, gzip", &content), (stream.clone(), None));
    assert_eq!(whole("deflate, identity, X-GZIP", &content), (stream.clone(), None));
    assert!(whole("gzip, deflate", &content).1.is_some());
    let three = gzip(&gzip(&zlib(&stream)));
    let pieces: Vec<_> = three.chunks(5).collect();
    assert_eq!(decode(decoder("deflate,gzip,gzip", Limits::default()), &pieces), (stream, None));
}

#[test]
fn codings_that_were_not_asked_for_are_unsupported() {
    let with = |value: &str, codings| {
        let mut fields = Fields::new();
        fields.append("Content-Encoding", value).unwrap();
        Decoder::for_fields(&fields, codings, Limits::default()).map(|decoder| decoder.is_some())
    };
    for (value, codings, expected) in [
        ("gzip", Codings::NONE, Err(Unsupported)),
        ("gzip", Codings::DEFLATE, Err(Unsupported)),
        ("gzip", Codings::GZIP, Ok(true)),
        ("X-Gzip", Codings::GZIP, Ok(true)),
        ("deflate", Codings::GZIP, Err(Unsupported)),
        ("DEFLATE", Codings::ALL, Ok(true)),
        ("br", Codings::ALL, Err(Unsupported)),
        ("gzip, br", Codings::ALL, Err(Unsupported)),
        ("identity", Codings::NONE, Ok(false)),
        ("", Codings::NONE, Ok(false)),
        (", ,", Codings::ALL, Ok(false)),
    ] {
        assert_eq!(with(value, codings), expected, "{value:?}");
    }
    assert_eq!(with(&["gzip"; MAX_CODINGS].join(","), Codings::ALL), Ok(true));
    assert_eq!(with(&["gzip"; MAX_CODINGS + 1].join(","), Codings::ALL), Err(Unsupported));
    assert!(Decoder::for_fields(&Fields::new(), Codings::ALL, Limits::default()).unwrap().is_none());
}

#[test]
fn sets_of_codings_know_what_they_hold() {
    assert_eq!(Codings::GZIP.with(Codings::DEFLATE), Codings::ALL);
    assert!(Codings::ALL.contains(Codings::GZIP) && !Codings::GZIP.contains(Codings::ALL));
    let accepts = [Codings::default(), Codings::GZIP, Codings::DEFLATE, Codings::ALL].map(Codings::accept);
    assert_eq!(accepts, ["identity", "gzip", "deflate", "gzip, deflate"]);
}

#[test]
fn no_bytes_at_all_are_no_content() {
    for codings in ["gzip", "deflate", "gzip, deflate"] {
        assert_eq!(whole(codings, b""), (vec![], None));
        assert_eq!(decode(decoder(codings, Limits::default()), &[]), (vec![], None));
    }
}

#[test]
fn empty_content_may_be_compressed() {
    assert_eq!(whole("gzip", &gzip(b"")), (vec![], None));
    assert_eq!(whole("deflate", &zlib(b"")), (vec![], None));
    assert_eq!(whole("deflate", &[3, 0]), (vec![], None));
    assert_eq!(whole("deflate, gzip", &gzip(&zlib(b""))), (vec![], None));
    // Once a coding has begun, the one below must have content.
    assert_eq!(error("deflate, gzip", &gzip(b"")), Some(CodingError::Truncated));
    assert_eq!(error("gzip, gzip", &gzip(b"")), Some(CodingError::Truncated));
    assert_eq!(error("deflate, gzip", &gzip(&zlib(b"")[..3])), Some(CodingError::Truncated));
}

#[test]
fn damage_is_noticed() {
    let content = b"data: hello\n\n";
    let (gzipped, zlibbed) = (gzip(content), zlib(content));
    let flip = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        let at = if at < 100 { at } else { bytes.len() + at - 1000 };
        bytes[at] ^= 0x40;
        bytes
    };
    for (at, expected) in [
        (0, CodingError::Header),
        (1, CodingError::Header),
        (2, CodingError::Header),
        (992, CodingError::Checksum),
        (995, CodingError::Checksum),
        (996, CodingError::Length),
        (999, CodingError::Length),
    ] {
        let (output, error) = whole("gzip", &flip(&gzipped, at));
        assert_eq!(error, Some(expected), "at {at}");
        assert_eq!(output, if at > 100 { &content[..] } else { b"" });
    }
    assert_eq!(error("deflate", &flip(&zlibbed, 999)), Some(CodingError::Checksum));
    assert_eq!(error("deflate", &flip(&zlibbed, 996)), Some(CodingError::Checksum));
    // A reserved kind of block; a distance to before the start; a preset dictionary.
    assert_eq!(error("deflate", &[0x07, 0]), Some(CodingError::Data));
    assert_eq!(error("deflate", &[0x63, 0x04, 0x12, 0x00]), Some(CodingError::Data));
    assert_eq!(error("deflate", &[0x78, 0xbb, 0, 0, 0, 1]), Some(CodingError::Header));
    assert_eq!(error("gzip", &[GZIP_HEAD, &[0x07, 0]].concat()), Some(CodingError::Data));
}

#[test]
fn what_came_out_before_the_damage_counts_wherever_it_is_cut() {
    let mut content = deflate(&[b"data: 1\n\n"], 6)[0].clone();
    content.extend([0x07, 0xff, 0xff]);
    for size in 1..=content.len() {
        let pieces: Vec<_> = content.chunks(size).collect();
        let decoded = decode(decoder("deflate", Limits::default()), &pieces);
        assert_eq!(decoded, (b"data: 1\n\n".to_vec(), Some(CodingError::Data)), "in pieces of {size}");
    }
}

#[test]
fn bare_deflate_may_look_nearly_like_zlib() {
    // Stored blocks whose unused bits are set: the first bytes are 0x7802, no multiple of 31, and 0x881c, one of a window
    // that is too large.
    assert_eq!(whole("deflate", b"\x78\x02\0\xfd\xffhi\x03\0"), (b"hi".to_vec(), None));
    let content = [b'x'; 28];
    assert_eq!(whole("deflate", &[b"\x88\x1c\0\xe3\xff", &content[..], b"\x03\0"].concat()), (content.to_vec(), None));
}

#[test]
fn content_may_end_where_the_window_does() {
    // Its end has seven bits, and literals above 143 have nine: these shift it through the last byte.
    for nines in 0..8 {
        let mut content = vec![b'x'; 32 << 10];
        content[..nines].fill(200);
        let compressed = literals(&content);
        assert!(whole("deflate", &compressed) == (content.clone(), None), "{nines}");
        assert!(whole("gzip", &gzip_of(&compressed, &content)) == (content.clone(), None), "{nines}");
        let checksum = &zlib(&content)[zlib(&content).len() - 4..];
        let zlibbed = [b"\x78\x9c", &compressed[..], checksum].concat();
        assert!(whole("deflate", &zlibbed) == (content, None), "{nines}");
    }
}

/// Compresses to nothing but literals of the fixed code (RFC 1951 §3.2.6).
fn literals(content: &[u8]) -> Vec<u8> {
    // The last block, with the fixed code.
    let mut bits = vec![1, 1, 0];
    let mut push = |code: u32, len: u32| bits.extend((0..len).rev().map(|at| (code >> at & 1) as u8));
    for byte in content.iter().copied().map(u32::from) {
        if byte < 144 { push(0x30 + byte, 8) } else { push(0x190 + byte - 144, 9) }
    }
    push(0, 7);
    bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect()
}

#[test]
fn header_of_gzip_is_held_to_the_standard() {
    let compressed = deflate(&[b"x"], 6).concat();
    let with_flags = |flags: u8, fields: &[u8]| {
        let mut bytes = gzip_of(&compressed, b"x");
        bytes[3] = flags;
        bytes.splice(10..10, fields.iter().copied());
        bytes
    };
    for (flags, fields, expected) in [
        (0x01, &b""[..], None),
        (0x04, b"\0\0", None),
        (0x04, b"\x03\0abc", None),
        (0x08, b"\0", None),
        (0x10, b"text\0", None),
        (0x0c, b"\x01\0aname\0", None),
        (0x20, b"", Some(CodingError::Header)),
        (0x80, b"", Some(CodingError::Header)),
        (0x02, b"\0\0", Some(CodingError::Checksum)),
    ] {
        let bytes = with_flags(flags, fields);
        let expected = (if expected.is_none() { b"x".to_vec() } else { vec![] }, expected);
        assert_eq!(whole("gzip", &bytes), expected, "{flags:#x} {fields:?}");
        let bytes: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(decode(decoder("gzip", Limits::default()), &bytes), expected, "{flags:#x} {fields:?}");
    }
}

#[test]
fn header_of_gzip_without_end_is_given_up() {
    let mut decoder = decoder("gzip", Limits::default());
    let mut head = GZIP_HEAD.to_vec();
    head[3] = 8;
    assert_eq!(decoder.fill(&head), Ok(10));
    assert_eq!(decoder.fill(&[b'x'; (128 << 10) - 10]), Ok((128 << 10) - 10));
    assert_eq!(decoder.fill(b"x"), Err(CodingError::Header));
}

#[test]
fn members_of_gzip_follow_one_another() {
    let members = [gzip(b"data: 1\n"), gzip(b""), gzip(b"\n")].concat();
    assert_eq!(whole("gzip", &members), (b"data: 1\n\n".to_vec(), None));
    // The second begins anew: it cannot refer to the first.
    let back = gzip_of(&[0x63, 0x04, 0x12, 0x00], b"");
    assert_eq!(error("gzip", &[gzip(b"0123456789"), back].concat()), Some(CodingError::Data));
}

#[test]
fn what_follows_the_end_is_an_error() {
    for garbage in [&b"\0"[..], b"garbage", b"\n"] {
        let (output, error) = whole("gzip", &[&gzip(b"x"), garbage].concat());
        assert_eq!((output, error), (b"x".to_vec(), Some(CodingError::Trailing)));
        for content in [zlib(b"x"), deflate(&[b"x"], 6).concat()] {
            let (output, error) = whole("deflate", &[&content, garbage].concat());
            assert_eq!((output, error), (b"x".to_vec(), Some(CodingError::Trailing)));
        }
    }
    assert_eq!(error("gzip", &[&gzip(b"x"), &b"\x1f"[..]].concat()), Some(CodingError::Truncated));
    assert_eq!(error("gzip", &[&gzip(b"x"), &b"\x1fx"[..]].concat()), Some(CodingError::Header));
}

#[test]
fn bomb_is_noticed_by_its_ratio() {
    let bomb = gzip(&vec![0; 2 << 20]);
    let (output, error) = whole("gzip", &bomb);
    assert_eq!(error, Some(CodingError::Ratio { limit: 200 }));
    assert_eq!(output.len() as u64, Limits::default().allowance + (32 << 10), "a window beyond it");
    // In a bomb.
    let (output, error) = whole("gzip, gzip", &gzip(&bomb));
    assert_eq!(error, Some(CodingError::Ratio { limit: 200 }));
    assert!(output.len() <= (1 << 20) + (32 << 10), "{}", output.len());
    // What comes out of a layer in between is bounded as well, when nothing comes out at the end.
    let empty = gzip(b"").repeat(60_000);
    assert_eq!(whole("gzip, gzip", &gzip(&empty)), (vec![], Some(CodingError::Ratio { limit: 200 })));
}

#[test]
fn ratio_is_judged_alike_wherever_the_content_is_cut() {
    // Dense and thin by turns, so that the ratio goes up and down around the limit.
    let noise = |number: u32| (number.wrapping_mul(2_654_435_761) >> 24) as u8;
    let turn = |number: u32| (0..20_000).map(|_| b'a').chain((0..40 + number).map(noise)).collect::<Vec<u8>>();
    let content: Vec<u8> = (0..30).flat_map(turn).collect();
    let members: Vec<u8> = (0..30).flat_map(|number| gzip(&turn(number))).collect();
    for (coding, coded) in [("deflate", zlib(&content)), ("gzip", gzip(&content)), ("gzip", members)] {
        for max_ratio in [50, 100, 150, 180, 200, 220, 250, 300] {
            let limits = limited(|limits| (limits.max_ratio, limits.allowance) = (max_ratio, 4 << 10));
            let whole = decode(decoder(coding, limits), &[&coded]);
            for cut in [1, 7, 1000] {
                let pieces: Vec<_> = coded.chunks(cut).collect();
                assert!(decode(decoder(coding, limits), &pieces) == whole, "{coding}, {max_ratio}, by {cut}");
            }
        }
    }
}

#[test]
fn allowance_is_for_every_ratio() {
    let content = vec![0; 100_000];
    let limits = |allowance| limited(|limits| (limits.max_ratio, limits.allowance) = (1, allowance));
    assert_eq!(decode(decoder("gzip", limits(100_000)), &[&gzip(&content)]), (content.clone(), None));
    let (_, error) = decode(decoder("gzip", limits(99_999)), &[&gzip(&content)]);
    assert_eq!(error, Some(CodingError::Ratio { limit: 1 }));
}

#[test]
fn honest_stream_has_any_length() {
    let events: String = (0..100_000).map(|number| format!("data: {}\n\n", number * 7919 % 100_003)).collect();
    let limits = limited(|limits| limits.allowance = 0);
    assert!(decode(decoder("gzip", limits), &[&gzip(events.as_bytes())]) == (events.into_bytes(), None));
}

#[test]
fn absolute_cap_is_exact() {
    let content = gzip(b"0123456789");
    for (limit, len) in [(0, 0), (9, 9), (10, 10), (11, 10)] {
        let limits = limited(|limits| limits.max_output = Some(limit));
        let expected = (b"0123456789"[..len].to_vec(), (limit < 10).then_some(CodingError::TooLong { limit }));
        assert_eq!(decode(decoder("gzip", limits), &[&content]), expected);
        let bytes: Vec<_> = content.chunks(1).collect();
        assert_eq!(decode(decoder("gzip", limits), &bytes), expected, "byte by byte");
    }
    // What comes out of a layer in between is not the content.
    let stored = miniz_oxide::deflate::compress_to_vec_zlib(b"0123456789", 0);
    let limits = limited(|limits| limits.max_output = Some(10));
    assert_eq!(decode(decoder("deflate, gzip", limits), &[&gzip(&stored)]), (b"0123456789".to_vec(), None));
}

#[test]
fn errors_say_what_is_wrong() {
    let errors = [
        CodingError::Header,
        CodingError::Data,
        CodingError::Checksum,
        CodingError::Length,
        CodingError::Trailing,
        CodingError::Truncated,
        CodingError::Ratio { limit: 200 },
        CodingError::TooLong { limit: 7 },
    ];
    let mut texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    texts.push(Unsupported.to_string());
    assert!(texts[6].contains("200 times") && texts[7].contains("7 bytes"));
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 9);
}

/// Text that compresses, and bytes that do not.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let text = proptest::collection::vec("(data|id|event): [a-e ]{0,40}\n{1,2}", 0..400);
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2000),
        text.prop_map(|lines| lines.concat().into_bytes()),
        (any::<u8>(), 0..100_000_usize).prop_map(|(byte, count)| vec![byte; count]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn compressed_content_comes_back(
        content in content(),
        level in 0..=10_i32,
        layers in proptest::collection::vec(0..3_usize, 1..=2),
        size in 1..5000_usize,
    ) {
        let mut compressed = content.clone();
        for layer in &layers {
            compressed = match layer {
                0 => gzip_of(&deflate(&[&compressed], level).concat(), &compressed),
                1 => zlib(&compressed),
                _ => deflate(&[&compressed], level).concat(),
            };
        }
        let codings: Vec<_> = layers.iter().map(|layer| if *layer == 0 { "gzip" } else { "deflate" }).collect();
        let pieces: Vec<_> = compressed.chunks(size).collect();
        let decoded = decode(decoder(&codings.join(","), Limits::default()), &pieces);
        prop_assert!(decoded == (content, None), "{:?}", decoded.1);
    }

    #[test]
    fn damaged_content_gives_the_same_wherever_it_is_cut(
        content in content(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        is_gzip in any::<bool>(),
        size in 1..50_usize,
    ) {
        let (mut compressed, codings) = if is_gzip { (gzip(&content), "gzip") } else { (zlib(&content), "deflate") };
        let at = at.index(compressed.len());
        compressed[at] = byte;
        let limits = limited(|limits| limits.allowance = u64::MAX);
        let pieces: Vec<_> = compressed.chunks(size).collect();
        let cut = decode(decoder(codings, limits), &pieces);
        prop_assert!(cut == decode(decoder(codings, limits), &[&compressed]));
    }
}
