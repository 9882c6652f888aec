//! Compressed messages between two ends of a connection, among others, and those that are compressed once for many.

use proptest::prelude::*;
use tidewire_core::ws::deflate::{Compressor, Config, Context, Deflater, Inflater, Params, WindowBits};
use tidewire_core::ws::{
    self, Agreed, CloseCode, Connection, Error, Event, FrameHeader, Item, Limits, Message, Opcode, Prepared, Reader,
    Role, apply_mask, encode_frame,
};
use tidewire_core::{Instant, Protocol, Random as _, SplitMix64};

const NOW: Instant = Instant::START;

// The reader

#[test]
fn the_bit_means_something_on_the_first_frame_of_a_message_only() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    // RFC 7692 §7.2.3.1: whole, and in fragments of which only the first has the bit; a ping between is not compressed.
    assert_eq!(read(&[(0xc1, &hello)]), Ok(vec!["text Hello".into()]));
    let parts: [(u8, &[u8]); 3] = [(0x41, &hello[..3]), (0x89, b"ping"), (0x80, &hello[3..])];
    assert_eq!(read(&parts), Ok(vec!["ping ping".into(), "text Hello".into()]));
    assert_eq!(
        read(&[(0x81, b"plain"), (0xc2, &hello)]),
        Ok(vec!["text plain".into(), "binary [72, 101, 108, 108, 111]".into()])
    );
    // An empty first and an empty last frame.
    let parts: [(u8, &[u8]); 3] = [(0x41, b""), (0x00, &hello), (0x80, b"")];
    assert_eq!(read(&parts), Ok(vec!["text Hello".into()]));

    for bad in [
        vec![(0x41, &hello[..3]), (0xc0, &hello[3..])],
        vec![(0x41, &hello[..3]), (0x40, &hello[3..])],
        vec![(0x01, &b"plain"[..]), (0xc0, b"")],
        vec![(0xc9, b"ping")],
        vec![(0xca, b"pong")],
        vec![(0xc8, b"")],
        vec![(0xe1, &hello[..])],
        vec![(0xd1, &hello[..])],
    ] {
        assert_eq!(read(&bad), Err(Error::ReservedBit), "{bad:x?}");
    }
    let mut frame = stream(&[(0xc1, &hello)]);
    assert_eq!(Reader::new(Role::Client, Limits::default()).read(&mut frame), Err(Error::ReservedBit), "not agreed");
}

#[test]
fn text_is_validated_as_it_comes_out() {
    for (text, good) in
        [(&b"gr\xc3\xbc\xc3\x9fe"[..], true), (b"gr\xc3", false), (b"a\xff rest that would follow", false)]
    {
        let payload = deflate(text);
        let expected = if good { Ok(vec!["text grüße".into()]) } else { Err(Error::Text) };
        assert_eq!(read(&[(0xc1, &payload)]), expected);
        for at in 0..payload.len() {
            assert_eq!(read(&[(0x41, &payload[..at]), (0x80, &payload[at..])]), expected, "{at}");
        }
    }
    // What cannot become text is told before the message is whole.
    let payload = deflate(&[&b"\xff"[..], &[b'x'; 100_000]].concat());
    let begun = stream(&[(0x41, &payload[..payload.len() - 20])]);
    let mut reader = reader(Limits::default());
    assert_eq!(reader.read(&mut begun.clone()).map(drop), Err(Error::Text));
}

#[test]
fn the_limit_of_a_message_counts_what_comes_out_and_that_of_a_frame_what_goes_in() {
    let payload = deflate(&[b'x'; 5000]);
    assert!(payload.len() < 50);
    for (max_message, max_frame, expected) in [
        (5000, payload.len(), Ok(())),
        (4999, payload.len(), Err(Error::MessageTooLong { limit: 4999 })),
        (5000, payload.len() - 1, Err(Error::FrameTooLong { limit: payload.len() - 1 })),
        // Compressed it may be longer than that.
        (5000, 5000, Ok(())),
    ] {
        let mut limits = Limits::default();
        (limits.max_message, limits.max_frame) = (max_message, max_frame);
        let mut frames = stream(&[(0xc1, &payload)]);
        assert_eq!(reader(limits).read(&mut frames).map(drop), expected);
    }
    let short = deflate(b"a");
    let mut limits = Limits::default();
    limits.max_message = 1;
    assert_eq!(reader(limits).read(&mut stream(&[(0xc1, &short)])), Ok((short.len() + 2, Some(Item::Text("a")))));
}

// The connection

#[test]
fn messages_are_compressed_as_agreed_and_short_ones_are_not() {
    for takeover in [false, true] {
        let mut pair = Pair::new(Params { server: context(takeover, 15), client: context(takeover, 15) }, |_| {});
        let text = chat(1).repeat(10);
        for role in [Role::Client, Role::Server] {
            let sizes: Vec<usize> = (0..3)
                .map(|_| {
                    let (frames, told) = pair.send(role, &text.as_str().into());
                    assert_eq!(told, [Event::Message(text.as_str().into())]);
                    let [(header, _)] = &frames[..] else { panic!("{frames:?}") };
                    assert!(header.compressed && header.fin && header.opcode == Opcode::Text);
                    header.len as usize
                })
                .collect();
            assert!(sizes[0] < text.len() / 3, "{sizes:?}");
            assert_eq!(sizes[1] < sizes[0] / 2, takeover, "{sizes:?}");
            let (frames, told) = pair.send(role, &"short".into());
            assert!(!frames[0].0.compressed);
            assert_eq!(told, [Event::Message("short".into())]);
        }
    }
}

#[test]
fn only_the_first_frame_of_a_fragmented_message_has_the_bit() {
    let mut pair = Pair::new(PLENTY, |config| config.fragment = Some(50));
    let text: String = (0..100).map(chat).collect();
    for role in [Role::Client, Role::Server] {
        let (frames, told) = pair.send(role, &text.as_str().into());
        assert_eq!(told, [Event::Message(text.as_str().into())]);
        assert!(frames.len() > 5);
        for (at, (header, payload)) in frames.iter().enumerate() {
            assert_eq!((header.compressed, header.fin), (at == 0, at + 1 == frames.len()));
            assert!(payload.len() <= 50);
        }
    }
}

#[test]
fn control_frames_are_not_compressed() {
    let mut pair = Pair::new(PLENTY, |config| config.deflate.as_mut().unwrap().min_len = 0);
    pair.server.ping(NOW, &[b'x'; 125]).unwrap();
    pair.server.close(NOW, Some(CloseCode::NORMAL), &"x".repeat(123)).unwrap();
    let frames = pair.carry(Role::Server).0;
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|(header, _)| !header.compressed));
}

#[test]
fn a_bomb_closes_the_connection_with_1009_and_what_is_no_deflate_with_1007() {
    for (payload, code) in [
        (deflate(&vec![0; 2 << 20]), CloseCode::TOO_BIG),
        (vec![0x06, 1, 2, 3], CloseCode::INVALID_DATA),
        (deflate(b"\xff"), CloseCode::INVALID_DATA),
    ] {
        let mut pair = Pair::new(PLENTY, |_| {});
        let mut frame = Vec::new();
        let header = FrameHeader { compressed: true, mask: Some([1, 2, 3, 4]), ..FrameHeader::new(Opcode::Text, 0) };
        encode_frame(header, &payload, &mut frame);
        pair.server.handle_input(NOW, &frame);
        while pair.server.poll_event().is_some() {}
        let (frames, _) = pair.carry(Role::Server);
        let [(header, said)] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!((header.opcode, &said[..2]), (Opcode::Close, &code.get().to_be_bytes()[..]));
    }
}

#[test]
fn a_message_that_finds_no_room_leaves_no_trace_in_the_window() {
    let mut pair = Pair::new(PLENTY, |config| {
        config.max_queued_frames = 1;
        config.deflate.as_mut().unwrap().min_len = 0;
    });
    let (one, two) = (chat(1), chat(2));
    pair.server.send_text(NOW, &one).unwrap();
    pair.server.send_text(NOW, &two).unwrap_err();
    assert_eq!(pair.carry(Role::Server).1, [Event::Message(one.as_str().into())]);
    assert_eq!(pair.send(Role::Server, &two.as_str().into()).1, [Event::Message(two.as_str().into())]);
}

// Once for many

#[test]
fn a_message_sent_to_many_is_compressed_once() {
    let text = chat(7).repeat(20);
    let mut compressor = Compressor::default();
    let mut prepared = Prepared::text(&text);
    let mut whole = 0;
    for _ in 0..100 {
        let mut pair = Pair::new(Params { server: Context::ALONE, client: Context::ALONE }, |_| {});
        prepared.compress(&mut compressor);
        pair.server.send_shared(NOW, &prepared).unwrap();
        let piece = pair.server.poll_transmit().unwrap();
        let frame = prepared.compressed_frame(Context::ALONE).unwrap();
        assert_eq!((piece.as_ptr(), piece.len()), (frame.as_ptr(), frame.len()), "the same memory");
        pair.client.handle_input(NOW, &piece);
        assert_eq!(pair.client.poll_event(), Some(Event::Message(text.as_str().into())));
        whole += piece.len();
    }
    assert_eq!(compressor.compressed(), 1);
    assert!(whole < 100 * text.len() / 5);
}

#[test]
fn each_connection_is_sent_what_it_agreed_on() {
    let text = chat(7).repeat(20);
    let mut config = Config::default();
    config.send.bits = WindowBits::new(12).unwrap();
    let mut prepared = Prepared::text(&text);
    prepared.compress(&mut Compressor::new(&config));
    for (server, compressed) in [
        (Some(context(false, 15)), true),
        (Some(context(false, 12)), true),
        (Some(context(true, 15)), true),
        // The window of the peer is smaller than what was used.
        (Some(context(false, 11)), false),
        (None, false),
    ] {
        let params = server.map(|server| Params { server, client: Context::ALONE });
        let mut pair = Pair::of(params, |_| {});
        pair.server.send_shared(NOW, &prepared).unwrap();
        let (frames, told) = pair.carry(Role::Server);
        assert_eq!(told, [Event::Message(text.as_str().into())], "{server:?}");
        assert_eq!(frames[0].0.compressed, compressed, "{server:?}");
    }
}

#[test]
fn what_is_short_or_noise_is_not_made_longer() {
    let mut compressor = Compressor::default();
    let mut random = SplitMix64::new(7);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.next_u64() as u8).take(3000).collect();
    for (payload, tried) in [(&b"short"[..], 0), (&noise, 1)] {
        let mut prepared = Prepared::binary(payload);
        for _ in 0..3 {
            prepared.compress(&mut compressor);
        }
        assert_eq!((prepared.compressed_frame(Context::ALONE), compressor.compressed()), (None, tried));
        assert_eq!(prepared.payload(), payload);
    }
}

#[test]
fn a_window_that_goes_on_has_what_was_sent_to_many_in_it() {
    let mut pair = Pair::new(PLENTY, |config| config.deflate.as_mut().unwrap().min_len = 0);
    let mut compressor = Compressor::default();
    let shared = chat(7).repeat(20);
    let mut prepared = Prepared::text(&shared);
    prepared.compress(&mut compressor);
    for number in 0..20 {
        let own = chat(number).repeat(3);
        assert_eq!(pair.send(Role::Server, &own.as_str().into()).1, [Event::Message(own.as_str().into())], "{number}");
        if number % 3 == 0 {
            pair.server.send_shared(NOW, &prepared).unwrap();
            pair.server.send_text(NOW, &own).unwrap();
            let expected = [Event::Message(shared.as_str().into()), Event::Message(own.as_str().into())];
            assert_eq!(pair.carry(Role::Server).1, expected, "{number}");
        }
    }
}

#[test]
fn a_client_sends_what_was_prepared_masked_and_a_fragmenting_server_in_fragments() {
    let text = chat(7).repeat(20);
    let mut prepared = Prepared::text(&text);
    prepared.compress(&mut Compressor::default());
    for (role, fragment) in [(Role::Client, None), (Role::Client, Some(100)), (Role::Server, Some(100))] {
        let mut pair = Pair::new(PLENTY, |config| config.fragment = fragment);
        pair.end(role).send_shared(NOW, &prepared).unwrap();
        let (frames, told) = pair.carry(role);
        assert_eq!(told, [Event::Message(text.as_str().into())]);
        assert!(frames[0].0.compressed && fragment.is_none_or(|most| frames[0].1.len() <= most));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_is_sent_in_whatever_way_arrives(
        steps in proptest::collection::vec((0..4_u8, any::<bool>(), 0..60_usize, 1..30_usize), 1..30),
        (takeover, bits, min_len) in (any::<(bool, bool)>(), (8..=15_u8, 8..=15_u8), 0..200_usize),
        fragment in proptest::option::of(1..500_usize),
        cut in 1..700_usize,
    ) {
        let params = Params { server: context(takeover.0, bits.0), client: context(takeover.1, bits.1) };
        let mut pair = Pair::new(params, |config| {
            config.fragment = fragment;
            config.deflate.as_mut().unwrap().min_len = min_len;
        });
        pair.cut = cut;
        let mut config = Config::default();
        config.min_len = min_len;
        let mut compressor = Compressor::new(&config);
        for (how, from_server, number, times) in steps {
            let role = if from_server { Role::Server } else { Role::Client };
            let text = chat(number).repeat(times);
            let message: Message = if number % 2 == 0 { text.into() } else { bytes::Bytes::from(text).into() };
            let mut sent = vec![Event::Message(message.clone())];
            match how {
                0 => pair.end(role).send(NOW, &message).unwrap(),
                1 => {
                    let mut prepared = Prepared::new(&message);
                    prepared.compress(&mut compressor);
                    pair.end(role).send_shared(NOW, &prepared).unwrap();
                }
                2 => {
                    pair.end(role).send(NOW, &message).unwrap();
                    pair.end(role).ping(NOW, b"between").unwrap();
                    pair.end(role).send(NOW, &message).unwrap();
                    sent = vec![sent[0].clone(), sent[0].clone()];
                }
                _ => {
                    pair.end(role).send_shared(NOW, &Prepared::new(&message)).unwrap();
                }
            }
            let (_, mut told) = pair.carry(role);
            told.retain(|event| matches!(event, Event::Message(_)));
            prop_assert_eq!(told, sent);
        }
    }
}

const PLENTY: Params = Params { server: Context::SHARED, client: Context::SHARED };

/// Both ends of a connection.
struct Pair {
    client: Connection,
    server: Connection,
    /// How many bytes are carried at once.
    cut: usize,
}

impl Pair {
    fn new(params: Params, change: impl Fn(&mut ws::Config)) -> Self {
        Self::of(Some(params), change)
    }

    fn of(params: Option<Params>, change: impl Fn(&mut ws::Config)) -> Self {
        let mut config = ws::Config::default();
        let mut deflate = Config::default();
        deflate.min_len = 100;
        config.deflate = Some(deflate);
        change(&mut config);
        let mut agreed = Agreed::default();
        agreed.deflate = params;
        let client = Connection::client(config.clone(), &agreed, NOW, Box::new(SplitMix64::new(1)));
        Self { client, server: Connection::server(config, &agreed, NOW), cut: usize::MAX }
    }

    fn end(&mut self, role: Role) -> &mut Connection {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    fn send(&mut self, role: Role, message: &Message) -> (Vec<(FrameHeader, Vec<u8>)>, Vec<Event>) {
        self.end(role).send(NOW, message).unwrap();
        self.carry(role)
    }

    /// Carries what an end has to say to the other; returns its frames, and what the other tells.
    fn carry(&mut self, from: Role) -> (Vec<(FrameHeader, Vec<u8>)>, Vec<Event>) {
        let mut bytes = Vec::new();
        while let Some(piece) = self.end(from).poll_transmit() {
            bytes.extend_from_slice(&piece);
        }
        let cut = self.cut;
        let to = self.end(from.peer());
        let mut told = Vec::new();
        for chunk in bytes.chunks(cut) {
            to.handle_input(NOW, chunk);
            told.extend(std::iter::from_fn(|| to.poll_event()));
        }
        (frames(&bytes), told)
    }
}

fn frames(mut bytes: &[u8]) -> Vec<(FrameHeader, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some((header, at)) = FrameHeader::decode(bytes).unwrap() {
        let end = at + header.len as usize;
        let mut payload = bytes[at..end].to_vec();
        apply_mask(&mut payload, header.mask.unwrap_or_default(), 0);
        frames.push((header, payload));
        bytes = &bytes[end..];
    }
    assert!(bytes.is_empty());
    frames
}

fn reader(limits: Limits) -> Reader {
    let mut reader = Reader::new(Role::Client, limits);
    reader.set_inflater(Inflater::new(Context::ALONE, &Config::default(), limits.max_message));
    reader
}

/// Reads frames of a server, whole and in octets.
fn read(frames: &[(u8, &[u8])]) -> Result<Vec<String>, Error> {
    let bytes = stream(frames);
    let run = |cut| {
        let mut reader = reader(Limits::default());
        let mut told = Vec::new();
        for chunk in bytes.chunks(cut) {
            let mut chunk = chunk.to_vec();
            let mut rest = &mut chunk[..];
            loop {
                let (used, item) = reader.read(rest)?;
                match item {
                    Some(Item::Text(text)) => told.push(format!("text {text}")),
                    Some(Item::Binary(bytes)) => told.push(format!("binary {bytes:?}")),
                    Some(Item::Ping(payload)) => told.push(format!("ping {}", String::from_utf8_lossy(payload))),
                    Some(other) => told.push(format!("{other:?}")),
                    None => break,
                }
                rest = &mut rest[used..];
            }
        }
        Ok(told)
    };
    let whole = run(bytes.len());
    assert_eq!(run(1), whole);
    whole
}

fn stream(frames: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (first, payload) in frames {
        bytes.push(*first);
        match payload.len() {
            len @ 0..=125 => bytes.push(len as u8),
            len => {
                bytes.push(126);
                bytes.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
            }
        }
        bytes.extend_from_slice(payload);
    }
    bytes
}

fn deflate(message: &[u8]) -> Vec<u8> {
    let mut config = Config::default();
    config.min_len = 0;
    let mut out = Vec::new();
    assert!(Deflater::new(Context::SHARED, &config).deflate(message, &mut out));
    out
}

fn context(takeover: bool, bits: u8) -> Context {
    Context { takeover, bits: WindowBits::new(bits).unwrap() }
}

fn chat(number: usize) -> String {
    format!(r#"{{"user":"user-{}","text":"the tide is {number} feet high, grüße","room":"harbour"}}"#, number % 3)
}
