//! permessage-deflate (RFC 7692): compressed messages octet by octet, in windows of every size, and what is refused.

use proptest::prelude::*;
use proptest::sample::select;
use tidewire_core::ws::deflate::{Config, Context, Deflater, Inflater, WindowBits};
use tidewire_core::ws::{CloseCode, Error};
use tidewire_tests::zlib::{Job, zlib};

const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

#[test]
fn the_examples_of_the_rfc_are_read() {
    for payload in [
        // §7.2.3.1: one block.
        &HELLO[..],
        // §7.2.3.3: not compressed.
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        // §7.2.3.4: a last block.
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        // §7.2.3.5: two blocks.
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
    ] {
        for takeover in [false, true] {
            assert_eq!(inflate(&mut inflater(takeover), payload), Ok(b"Hello".to_vec()), "{payload:x?}");
        }
    }
    // §7.2.3.6: an empty message.
    assert_eq!(inflate(&mut inflater(true), &[0x00]), Ok(vec![]));
}

#[test]
fn hello_becomes_what_the_rfc_shows() {
    let mut deflater = Deflater::new(Context::SHARED, &every());
    assert_eq!(deflate(&mut deflater, b"Hello"), HELLO);
    // §7.2.3.2: the second message refers to the first.
    assert_eq!(deflate(&mut deflater, b"Hello"), [0xf2, 0x00, 0x11, 0x00, 0x00]);
    // §7.2.3.6.
    assert_eq!(deflate(&mut deflater, b""), [0x00]);
    assert!(deflate(&mut deflater, b"Hello").len() <= 5, "the window is the same after it");
    // Without takeover it refers to nothing; and "Hello" compressed is longer than it is.
    let mut deflater = Deflater::new(Context::ALONE, &every());
    let text = b"Hello Hello Hello Hello";
    let first = deflate(&mut deflater, text);
    assert_eq!(deflate(&mut deflater, text), first);
    let mut out = Vec::new();
    assert!(!deflater.deflate(b"Hello", &mut out) && out.is_empty());
}

/// Where the compressor has ended a block by itself, and little is left to be said behind it.
#[test]
fn a_message_that_is_little_longer_than_a_block_is_whole() {
    for (level, lens) in [(6, 31_700..32_050), (1, 60_000..60_350)] {
        let mut config = every();
        config.level = level;
        for len in lens.step_by(25) {
            let message: Vec<u8> = noise(len).iter().map(|byte| byte % 190).collect();
            let payload = deflate(&mut Deflater::new(Context::ALONE, &config), &message);
            let read = inflate(&mut inflater(false), &payload);
            assert!(read.as_ref() == Ok(&message), "level {level}, {len} bytes");
        }
    }
}

#[test]
fn the_second_message_is_read_only_with_what_the_first_left() {
    let second = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let mut with = inflater(true);
    assert_eq!(inflate(&mut with, &HELLO), Ok(b"Hello".to_vec()));
    assert_eq!(inflate(&mut with, &second), Ok(b"Hello".to_vec()));
    let mut without = inflater(false);
    assert_eq!(inflate(&mut without, &HELLO), Ok(b"Hello".to_vec()));
    assert_eq!(inflate(&mut without, &second), Err(Error::Compression));
}

#[test]
fn a_last_block_ends_neither_the_message_nor_the_window() {
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let mut inflater = inflater(true);
    // Several, and more behind them.
    assert_eq!(inflate(&mut inflater, &[&last[..], &last, &HELLO].concat()), Ok(b"HelloHelloHello".to_vec()));
    // Nothing behind it, not even the octet that §7.2.3.4 has there.
    assert_eq!(inflate(&mut inflater, &last), Ok(b"Hello".to_vec()));
    // What follows refers to before it.
    assert_eq!(inflate(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00]), Ok(b"Hello".to_vec()));
}

#[test]
fn payloads_that_end_with_a_block_need_nothing_behind_it() {
    let mut inflater = inflater(true);
    assert_eq!(inflate(&mut inflater, b""), Ok(vec![]));
    assert_eq!(inflate(&mut inflater, &[&HELLO[..], &[0x00, 0x00, 0xff, 0xff]].concat()), Ok(b"Hello".to_vec()));
    assert_eq!(inflate(&mut inflater, &HELLO), Ok(b"Hello".to_vec()));
}

#[test]
fn what_is_no_deflate_is_malformed_at_once_and_wherever_it_is_cut() {
    for bad in [
        // The block type that there is not; a stored block whose lengths differ.
        &[0x06][..],
        &[0x00, 0x05, 0x00, 0xff, 0xff, 0x48],
        // A reference to before the start.
        &[0xf2, 0x00, 0x11, 0x00, 0x00],
        // Cut in a block; in a stored one; in its header.
        &HELLO[..5],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48],
        &[0x00, 0x05],
        // A block that does not end with a byte.
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07],
        // A message that is not compressed at all.
        b"Hello",
    ] {
        for takeover in [false, true] {
            assert_eq!(inflate(&mut inflater(takeover), bad), Err(Error::Compression), "{bad:x?}");
            let octets = bad.chunks(1).collect::<Vec<_>>();
            assert_eq!(inflate_pieces(&mut inflater(takeover), &octets).1, Err(Error::Compression), "{bad:x?}");
        }
    }
    assert_eq!(Error::Compression.close_code(), CloseCode::INVALID_DATA);
}

#[test]
fn a_message_may_be_as_long_as_the_limit_and_not_one_byte_longer() {
    let payload = deflate(&mut Deflater::new(Context::SHARED, &every()), &[b'x'; 70_000]);
    for (limit, is_in) in
        [(69_999, false), (70_000, true), (70_001, true), (0, false), (32_768, false), (32_767, false)]
    {
        for cut in [payload.len(), 1, 7] {
            let mut inflater = Inflater::new(Context::ALONE, &Config::default(), limit);
            let pieces: Vec<_> = payload.chunks(cut).collect();
            let (out, result) = inflate_pieces(&mut inflater, &pieces);
            assert_eq!(out.len(), limit.min(70_000), "what came before counts");
            assert_eq!(result, if is_in { Ok(()) } else { Err(Error::MessageTooLong { limit }) }, "{limit} {cut}");
        }
    }
    assert_eq!(Error::MessageTooLong { limit: 1 }.close_code(), CloseCode::TOO_BIG);
}

#[test]
fn a_bomb_is_refused_by_its_ratio_and_each_message_is_counted_by_itself() {
    let bomb = deflate(&mut Deflater::new(Context::SHARED, &every()), &vec![0; 3 << 20]);
    assert!(bomb.len() < (3 << 20) / 900, "{}", bomb.len());
    let text = deflate(&mut Deflater::new(Context::SHARED, &every()), &vec![0; 1 << 20]);
    let mut config = Config::default();
    for takeover in [false, true] {
        let mut inflater = Inflater::new(Context { takeover, ..Context::ALONE }, &config, usize::MAX);
        for _ in 0..4 {
            assert_eq!(inflate(&mut inflater, &text).map(|message| message.len()), Ok(1 << 20), "within the allowance");
        }
        let (out, result) = inflate_pieces(&mut inflater, &[&bomb]);
        assert_eq!(result, Err(Error::Ratio { limit: 200 }));
        assert!(out.len() <= (1 << 20) + (32 << 10), "{}", out.len());
    }
    assert_eq!(Error::Ratio { limit: 1 }.close_code(), CloseCode::TOO_BIG);

    // At the limit itself, whatever is allowed besides.
    let ratio = (3_usize << 20).div_ceil(bomb.len()) as u32;
    for (max_ratio, is_in) in [(ratio, true), (ratio - 2, false)] {
        (config.max_ratio, config.allowance) = (max_ratio, 0);
        let mut inflater = Inflater::new(Context::ALONE, &config, usize::MAX);
        let expected = if is_in { Ok(()) } else { Err(Error::Ratio { limit: max_ratio }) };
        assert_eq!(inflate_pieces(&mut inflater, &[&bomb]).1, expected);
    }
}

#[test]
fn what_its_taker_refuses_ends_it() {
    let mut inflater = inflater(false);
    let refused = inflater.inflate(&HELLO, true, |_| Err(Error::Text));
    assert_eq!(refused, Err(Error::Text));
}

#[test]
fn short_messages_go_as_they_are_and_leave_no_trace() {
    let mut config = Config::default();
    assert_eq!(config.min_len, 1024);
    config.min_len = 5;
    let mut deflater = Deflater::new(Context::SHARED, &config);
    let mut out = b"before".to_vec();
    assert!(!deflater.deflate(b"Hell", &mut out));
    assert_eq!(out, b"before");
    assert!(deflater.deflate(b"Hello", &mut out));
    assert_eq!(out[6..], HELLO);
}

#[test]
fn what_was_forgotten_is_not_referred_to() {
    let mut deflater = Deflater::new(Context::SHARED, &every());
    assert_eq!(deflate(&mut deflater, b"Hello"), HELLO);
    deflater.forget();
    assert_eq!(deflate(&mut deflater, b"Hello"), HELLO);
    assert_ne!(deflate(&mut deflater, b"Hello"), HELLO);
}

#[test]
fn noise_grows_by_a_few_bytes_at_most_and_not_at_all_without_takeover() {
    let noise = noise(100_000);
    let shared = deflate(&mut Deflater::new(Context::SHARED, &every()), &noise);
    assert!(shared.len() < noise.len() + 64, "{}", shared.len());
    assert_eq!(inflate(&mut inflater(true), &shared), Ok(noise.clone()));
    let mut out = Vec::new();
    assert!(!Deflater::new(Context::ALONE, &every()).deflate(&noise, &mut out) && out.is_empty());
}

#[test]
fn zlib_reads_what_was_compressed_in_a_window_of_its_size() {
    let mut jobs = Vec::new();
    let mut expected = Vec::new();
    for bits in 8..=15 {
        for takeover in [false, true] {
            let messages = conversation(bits);
            let mut deflater = Deflater::new(context(takeover, bits), &every());
            let compress = |message: &Vec<u8>| {
                let mut out = Vec::new();
                deflater.deflate(message, &mut out).then_some((message.clone(), out))
            };
            let (plain, payloads): (Vec<_>, Vec<_>) = messages.iter().filter_map(compress).unzip();
            let whole: usize = plain.iter().map(Vec::len).sum();
            let small: usize = payloads.iter().map(Vec::len).sum();
            assert!(small < whole * 9 / 10, "{bits} {takeover}: {small} of {whole}");
            jobs.push(Job { compress: false, bits, takeover, messages: payloads });
            expected.push(Ok(plain));
        }
    }
    assert_eq!(zlib(&jobs), expected);

    // It would complain of a reference that is too far.
    let far = deflate(&mut Deflater::new(Context::SHARED, &every()), &[noise(300), noise(300)].concat());
    let job = Job { compress: false, bits: 8, takeover: false, messages: vec![far] };
    assert!(zlib(&[job]).remove(0).is_err_and(|error| error.contains("too far back")));
}

#[test]
fn nothing_refers_farther_back_than_the_window_within_a_message_or_across() {
    let mut jobs = Vec::new();
    for bits in 8..=14 {
        let window = 1_usize << bits;
        // Every reference there could be is longer than the window.
        let noise = noise(window + window / 2);
        for messages in [vec![noise.repeat(2)], vec![noise.clone(), noise.clone()]] {
            let mut deflater = Deflater::new(context(true, bits), &every());
            let payloads = messages.iter().map(|message| deflate(&mut deflater, message)).collect();
            jobs.push((Job { compress: false, bits, takeover: true, messages: payloads }, Ok(messages)));
        }
    }
    let (jobs, expected): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
    assert_eq!(zlib(&jobs), expected);
}

#[test]
fn what_zlib_compressed_is_read_in_a_window_of_its_size() {
    let mut jobs = Vec::new();
    for bits in 9..=15 {
        for takeover in [false, true] {
            jobs.push(Job { compress: true, bits, takeover, messages: conversation(bits) });
        }
    }
    for (job, payloads) in jobs.iter().zip(zlib(&jobs)) {
        let Job { bits, takeover, messages, .. } = job;
        let mut inflater = Inflater::new(context(*takeover, *bits), &Config::default(), 1 << 20);
        for (payload, message) in payloads.expect("no complaint").iter().zip(messages) {
            assert_eq!(inflate(&mut inflater, payload).as_ref(), Ok(message), "{bits} {takeover}");
        }
    }
}

#[test]
fn a_reference_beyond_the_window_that_was_agreed_is_malformed() {
    let messages = [noise(600), noise(600)].concat();
    let far = deflate(&mut Deflater::new(Context::SHARED, &every()), &messages);
    let read = |bits| inflate(&mut Inflater::new(context(false, bits), &Config::default(), 1 << 20), &far);
    assert_eq!(read(9), Err(Error::Compression));
    assert_eq!(read(10), Ok(messages));
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        "(\\{\"user\":\"[ab]\",\"text\":\"[a-e ]{0,30}\"\\}){0,40}".prop_map(String::into_bytes),
        (any::<u8>(), 0..80_000_usize).prop_map(|(byte, len)| vec![byte; len]),
        (1..2000_usize, 1..40_usize).prop_map(|(len, times)| noise(len).repeat(times)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn messages_come_out_as_they_went_in_wherever_they_are_cut(
        messages in proptest::collection::vec(message(), 1..6),
        (takeover, bits, level) in (any::<bool>(), 8..=15_u8, 0..=10_u8),
        cut in select(vec![1, 2, 7, 100, usize::MAX]),
    ) {
        let mut config = every();
        (config.level, config.max_ratio) = (level, u32::MAX);
        let context = context(takeover, bits);
        let mut deflater = Deflater::new(context, &config);
        let mut inflater = Inflater::new(context, &config, 1 << 20);
        for message in &messages {
            let mut payload = Vec::new();
            if !deflater.deflate(message, &mut payload) {
                prop_assert!(payload.is_empty() && !takeover);
                continue;
            }
            let pieces: Vec<_> = payload.chunks(cut).collect();
            let (out, result) = inflate_pieces(&mut inflater, &pieces);
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(&out, message);
        }
    }

    #[test]
    fn any_payload_gives_the_same_wherever_it_is_cut(
        payloads in proptest::collection::vec(payload(), 1..4),
        (takeover, bits) in (any::<bool>(), 8..=15_u8),
        cut in 1..40_usize,
    ) {
        let mut config = every();
        (config.max_ratio, config.allowance) = (30, 10_000);
        let fresh = || Inflater::new(context(takeover, bits), &config, 50_000);
        let (mut whole, mut parts) = (fresh(), fresh());
        for payload in &payloads {
            let expected = inflate_pieces(&mut whole, &[payload]);
            let pieces: Vec<_> = payload.chunks(cut).collect();
            prop_assert_eq!(&inflate_pieces(&mut parts, &pieces), &expected);
            prop_assert!(expected.0.len() <= 50_000);
            if expected.1.is_err() {
                break;
            }
        }
    }
}

/// What may be a compressed message, and often nearly is.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let good = message().prop_map(|message| deflate(&mut Deflater::new(Context::SHARED, &every()), &message));
    let flipped = (message(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(message, at, bits)| {
        let mut payload = deflate(&mut Deflater::new(Context::SHARED, &every()), &message);
        let at = at.index(payload.len());
        payload[at] ^= bits;
        payload
    });
    prop_oneof![2 => good, 3 => flipped, 1 => proptest::collection::vec(any::<u8>(), 0..60)]
}

/// Messages that refer to each other from near and far, about as long as the window, shorter and longer.
fn conversation(bits: u8) -> Vec<Vec<u8>> {
    let window = 1 << bits.min(12);
    let chat = |number: usize| {
        format!(r#"{{"user":"user-{}","text":"the tide is {number}","room":"harbour"}}"#, number % 3).into_bytes()
    };
    let mut messages: Vec<_> = (0..20).map(chat).collect();
    for len in [window - 1, window, window + 1, 2 * window, 3 * window + 7] {
        messages.push(noise(window / 2 + 3).into_iter().cycle().take(len).collect());
        messages.push(chat(len).repeat(3));
    }
    messages
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn context(takeover: bool, bits: u8) -> Context {
    Context { takeover, bits: WindowBits::new(bits).unwrap() }
}

fn every() -> Config {
    let mut config = Config::default();
    config.min_len = 0;
    config
}

fn inflater(takeover: bool) -> Inflater {
    Inflater::new(Context { takeover, ..Context::ALONE }, &Config::default(), 1 << 20)
}

fn deflate(deflater: &mut Deflater, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(deflater.deflate(message, &mut out));
    out
}

fn inflate(inflater: &mut Inflater, payload: &[u8]) -> Result<Vec<u8>, Error> {
    let (message, result) = inflate_pieces(inflater, &[payload]);
    result.map(|()| message)
}

fn inflate_pieces(inflater: &mut Inflater, pieces: &[&[u8]]) -> (Vec<u8>, Result<(), Error>) {
    let mut message = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let is_last = at + 1 == pieces.len();
        let result = inflater.inflate(piece, is_last, |piece| {
            message.extend_from_slice(piece);
            Ok(())
        });
        if result.is_err() {
            return (message, result);
        }
    }
    if pieces.is_empty() {
        let result = inflater.inflate(b"", true, |_| Ok(()));
        return (message, result);
    }
    (message, Ok(()))
}
