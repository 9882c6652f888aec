//! Channels read in gzip: what is compressed once for all, and reads as what is plain.

use std::collections::BTreeSet;

use tidewire_core::channels::{Answer, Channels, Config, Endpoint, Read};
use tidewire_core::http::coding::Limits;
use tidewire_core::http::{Method, RequestHead};
use tidewire_core::log::ReaderId;
use tidewire_core::server::{End, EventStream, Framing};
use tidewire_core::sse::Message;
use tidewire_core::{Instant, SplitMix64, server};
use tidewire_tests::coding::{decode, decoder};

const NOW: Instant = Instant::START;

fn channels() -> Channels {
    Channels::new(Config::default(), Box::new(SplitMix64::new(1)), NOW)
}

fn endpoint(gzip: bool) -> Endpoint {
    let mut endpoint = Endpoint::default();
    endpoint.access.hosts = None;
    endpoint.gzip = gzip;
    endpoint
}

/// Opens a stream as a client that takes this coding.
fn open(
    channels: &mut Channels,
    gzip: bool,
    accept: &str,
    last_event_id: Option<&str>,
) -> (ReaderId, EventStream, Option<String>) {
    let mut head = RequestHead::new(Method::GET, "/");
    head.fields.append("host", "a").unwrap();
    head.fields.append("accept-encoding", accept).unwrap();
    if let Some(id) = last_event_id {
        head.fields.append("last-event-id", id).unwrap();
    }
    let guest = channels.admit(None).unwrap();
    let Answer::Stream { reader, head, first } = endpoint(gzip).answer(channels, NOW, guest, &head, &["news"]) else {
        panic!("refused")
    };
    let mut stream = EventStream::new(server::Config::default(), &head, Framing::Bare, NOW, 1);
    stream.send(NOW, &first).unwrap();
    let fields = head.into_fields();
    assert_eq!(fields.has_token("vary", "accept-encoding"), gzip, "also on what is plain");
    (reader, stream, fields.get_str("content-encoding").map(str::to_owned))
}

fn feed(channels: &mut Channels, reader: ReaderId, stream: &mut EventStream) -> bool {
    let Some(Read::Burst { burst, .. }) = channels.read(NOW, reader, usize::MAX) else { return false };
    stream.push_burst(NOW, burst).is_ok()
}

#[test]
fn thousand_readers_share_one_compression_and_plain_ones_the_plain_bytes() {
    let mut channels = channels();
    let mut readers = Vec::new();
    for number in 0..1_000 {
        let accept = if number % 10 == 0 { "identity" } else { "gzip" };
        let (reader, mut stream, coding) = open(&mut channels, true, accept, None);
        assert_eq!(coding.as_deref(), (number % 10 != 0).then_some("gzip"));
        while stream.poll_transmit().is_some() {}
        readers.push((reader, stream, accept));
    }
    let text = "the same again and again ".repeat(20);
    channels.publish(NOW, ["news"], &Message::new(&text)).unwrap();
    let (mut plain, mut coded) = (BTreeSet::new(), BTreeSet::new());
    for (reader, stream, accept) in &mut readers {
        assert!(feed(&mut channels, *reader, stream));
        let piece = stream.poll_transmit().unwrap();
        if *accept == "gzip" {
            assert!(piece.len() < text.len() / 3);
            coded.insert(piece.as_ptr() as usize);
        } else {
            assert!(piece.windows(text.len()).any(|part| part == text.as_bytes()));
            plain.insert(piece.as_ptr() as usize);
        }
    }
    assert_eq!((plain.len(), coded.len()), (1, 1));
}

#[test]
fn gzip_is_off_unless_it_is_switched_on() {
    assert!(!Endpoint::default().gzip);
    let (_, _, coding) = open(&mut channels(), false, "gzip", None);
    assert_eq!(coding, None);
}

#[test]
fn replay_and_gaps_read_the_same_in_gzip() {
    for last_event_id in ["unknown", "1-5"] {
        let plain = read("identity", last_event_id);
        assert_eq!(plain, read("gzip", last_event_id));
        assert!(plain.contains("event: gap") && plain.ends_with("data: live\n\n"), "{plain}");
        assert_eq!(plain.contains("number 99 of many"), last_event_id == "1-5");
    }
}

/// What a client that takes this coding reads of a history that it comes back to with this id.
fn read(accept: &str, last_event_id: &str) -> String {
    let mut channels = channels();
    for number in 0..100 {
        channels.publish(NOW, ["news"], &Message::new(format!("number {number} of many"))).unwrap();
    }
    let (reader, mut stream, coding) = open(&mut channels, true, accept, Some(last_event_id));
    let mut body = Vec::new();
    let mut is_live = false;
    loop {
        body.extend(std::iter::from_fn(|| stream.poll_transmit()).flatten());
        if feed(&mut channels, reader, &mut stream) {
            continue;
        }
        if is_live {
            break;
        }
        is_live = true;
        channels.publish(NOW, ["news"], &Message::new("live")).unwrap();
    }
    stream.end(NOW, End::default());
    body.extend(std::iter::from_fn(|| stream.poll_transmit()).flatten());
    if let Some(coding) = coding {
        let (content, error) = decode(decoder(&coding, Limits::default()), &[&body]);
        assert_eq!(error, None);
        body = content;
    }
    String::from_utf8(body).unwrap()
}
