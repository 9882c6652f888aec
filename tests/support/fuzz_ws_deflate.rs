//! Body of the fuzz target for `ws::deflate`.

use tidewire_core::http::Fields;
use tidewire_core::ws::deflate::{Config, Context, Deflater, Inflater, Params, WindowBits};
use tidewire_core::ws::{Error, Extension};

use crate::fuzz::{chunks, split_line};

/// Any bytes as payloads come out the same wherever they are cut, within the limits; as messages they come out as they went in; and as
/// offers they are answered such that who made them takes the answer. The first line tells how: its first byte the window, takeover and
/// level, the others the cuts (`fuzz::chunks`).
pub fn deflate(input: &[u8]) {
    let (how, content) = split_line(input);
    let (first, cuts) = how.split_first().map_or((0, &[][..]), |(first, cuts)| (*first, cuts));
    let bits = WindowBits::new(8 + (first & 7)).expect("8 to 15");
    let context = Context { takeover: first & 8 != 0, bits };
    let mut config = Config::default();
    (config.min_len, config.level, config.allowance) = (0, first >> 4, 30_000);
    payloads(content, cuts, context, &config);
    messages(content, cuts, context, &config);
    offers(content, context, &config);
}

/// Messages stand between two empty lines.
fn payloads(content: &[u8], cuts: &[u8], context: Context, config: &Config) {
    let fresh = || Inflater::new(context, config, MAX_MESSAGE);
    let (mut whole, mut cut) = (fresh(), fresh());
    let mut rest = content;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|pair| pair == b"\n\n").unwrap_or(rest.len());
        let (payload, after) = rest.split_at(end);
        rest = after.get(2..).unwrap_or_default();
        let expected = inflate(&mut whole, &[payload]);
        assert_eq!(inflate(&mut cut, &chunks(payload, cuts)), expected);
        assert!(expected.0.len() <= MAX_MESSAGE);
        if expected.1.is_err() {
            return;
        }
    }
}

fn messages(content: &[u8], cuts: &[u8], context: Context, config: &Config) {
    let mut config = config.clone();
    config.max_ratio = u32::MAX;
    let mut deflater = Deflater::new(context, &config);
    let mut inflater = Inflater::new(context, &config, usize::MAX);
    for (at, piece) in chunks(content, cuts).into_iter().enumerate().take(MAX_MESSAGES) {
        // Repeated, so that there is something to refer to.
        let message = piece.repeat(1 + at % 40);
        let mut payload = Vec::new();
        if deflater.deflate(&message, &mut payload) {
            assert_eq!(inflate(&mut inflater, &chunks(&payload, cuts)), (message, Ok(())));
        } else {
            assert!(payload.is_empty() && !context.takeover);
        }
    }
}

fn offers(content: &[u8], context: Context, config: &Config) {
    let mut fields = Fields::new();
    if fields.append("sec-websocket-extensions", content).is_err() {
        return;
    }
    let Ok(offered) = Extension::parse_all(&fields) else { return };
    let mut config = config.clone();
    (config.send, config.receive) = (context, Context { takeover: !context.takeover, ..context });
    if let Some((params, answer)) = Params::accept(&config, &offered) {
        let mut fields = Fields::new();
        fields.append("sec-websocket-extensions", answer.to_string()).expect("a good field");
        let read = Extension::parse_all(&fields).expect("it can be read");
        assert_eq!(read, std::slice::from_ref(&answer));
        let taken = offered.iter().filter_map(|offer| Params::check(offer, &answer)).collect::<Vec<_>>();
        // A client that hinted at less does less.
        assert!(taken.iter().any(|taken| taken.server == params.server && taken.client.bits <= params.client.bits));
    }
    // Nor does an answer make a client stumble.
    for answer in &offered {
        let _ = Params::check(&config.offer(), answer);
    }
}

fn inflate(inflater: &mut Inflater, pieces: &[&[u8]]) -> (Vec<u8>, Result<(), Error>) {
    let mut message = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let result = inflater.inflate(piece, at + 1 == pieces.len(), |piece| {
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

const MAX_MESSAGE: usize = 100_000;
/// Each has a machine of 320 KB where nothing is taken over.
const MAX_MESSAGES: usize = 8;
