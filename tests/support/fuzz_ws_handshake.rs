//! Body of the fuzz target for the opening handshake: whatever stands in a head, what is accepted keeps all that is asked, at both ends.

use serde_json::Value;
use tidewire_core::http::{Head, HeadLimits, HeadReader, Method, RequestHead, ResponseHead, Version};
use tidewire_core::server::{self, Access, Event, Session, TokenPlaces, TokenProtocol};
use tidewire_core::ws::{Agreed, Config, Extension, Upgrade, deflate};
use tidewire_core::{Instant, Protocol, UnixTime};

use crate::fuzz::{chunks, split_line};
use crate::ws_handshake::{ACCEPT, KEY, offer};

/// The first line tells the cuts (`fuzz::chunks`); the rest is a head of a request or of an answer to the offer of [`offer`], and what
/// follows it.
pub fn handshake(input: &[u8]) {
    let (cuts, stream) = split_line(input);
    let mut config = Config::default();
    config.deflate = Some(deflate::Config::default());
    if let Some(head) = read::<RequestHead>(stream) {
        upgrade(&head, &config);
        tokens(&head);
    }
    if let Some(head) = read::<ResponseHead>(stream) {
        check(&head, &config);
    }
    session(&chunks(stream, cuts), &config);
}

fn read<H: Head>(bytes: &[u8]) -> Option<H> {
    HeadReader::new(HeadLimits::default()).feed(bytes).ok().flatten().map(|(head, _)| head)
}

fn upgrade(head: &RequestHead, config: &Config) {
    let upgrade = match Upgrade::of(head) {
        Ok(upgrade) => upgrade,
        Err(error) => {
            let reply = error.reply();
            assert!((400..500).contains(&reply.status));
            let body: Value = serde_json::from_slice(&reply.body).expect("problem details");
            assert_eq!(body["status"], reply.status);
            assert_eq!(reply.status == 426, reply.fields.contains("upgrade"));
            return;
        }
    };
    assert_eq!((&head.method, head.version), (&Method::GET, Version::Http11));
    assert!(Upgrade::is_asked(head) && head.fields.has_token("connection", "upgrade"));
    assert_eq!(head.fields.get_all("sec-websocket-version").collect::<Vec<_>>(), [b"13"]);
    let keys: Vec<&[u8]> = head.fields.get_all("sec-websocket-key").collect();
    let [key] = keys[..] else { panic!("one key") };
    let protocols: Vec<String> = upgrade.protocols().map(String::from).collect();
    for (at, protocol) in protocols.iter().enumerate() {
        assert!(!protocol.is_empty() && protocol.bytes().all(|byte| byte.is_ascii_graphic() && byte != b','));
        assert!(!protocols[..at].contains(protocol), "unique");
    }
    written_alike(upgrade.extensions());

    let chosen = protocols.last().map(String::as_str);
    let accepted = upgrade.accept(chosen, config).expect("it was offered");
    assert_eq!(accepted.agreed().protocol(), chosen);
    let mut bytes = Vec::new();
    accepted.into_head().encode(&mut bytes);
    let answer: ResponseHead = read(&bytes).expect("an answer that reads");
    let accept = answer.fields.get_str("sec-websocket-accept").unwrap_or_default();
    assert_eq!((answer.status, accept.len(), accept == ACCEPT), (101, ACCEPT.len(), key == KEY.as_bytes()));
    assert_eq!(answer.fields.get_str("sec-websocket-protocol"), chosen);
}

/// What is read is written so that it reads the same.
fn written_alike(extensions: &[Extension]) {
    if extensions.is_empty() {
        return;
    }
    let mut head = ResponseHead::new(101);
    let text: Vec<String> = extensions.iter().map(Extension::to_string).collect();
    head.fields.append("sec-websocket-extensions", text.join(", ")).expect("tokens");
    assert_eq!(Extension::parse_all(&head.fields).as_deref(), Ok(extensions));
}

fn tokens(head: &RequestHead) {
    for protocol in [TokenProtocol::Sole, TokenProtocol::Behind("bearer".into())] {
        let mut places = TokenPlaces::default();
        (places.protocol, places.cookie, places.query) = (protocol, Some("token".into()), Some("token".into()));
        if let Ok(Some(token)) = places.find(head) {
            assert!(!token.secret().is_empty() && token.is(token.secret()));
            let is_offered =
                |chosen: &str| head.fields.members("sec-websocket-protocol").any(|one| one == chosen.as_bytes());
            assert!(token.protocol().is_none_or(is_offered), "what is echoed was offered");
        }
    }
    let mut access = Access::default();
    access.hosts = None;
    let own = access.check(head);
    // A list only adds.
    access.origins = vec!["*.example.com".into(), "localhost".into()];
    assert!(own.is_err() || access.check(head).is_ok());
}

fn check(head: &ResponseHead, config: &Config) {
    let offer = offer(&["chat", "superchat"], config);
    let Ok(agreed) = offer.check(head) else { return };
    let Agreed { protocol, deflate, .. } = agreed;
    assert_eq!((head.status, head.version), (101, Version::Http11));
    assert!(head.fields.has_token("upgrade", "websocket") && head.fields.has_token("connection", "upgrade"));
    assert_eq!(head.fields.get_all("sec-websocket-accept").collect::<Vec<_>>(), [ACCEPT.as_bytes()]);
    assert!(protocol.is_none_or(|protocol| ["chat", "superchat"].contains(&&*protocol)));
    let extensions = Extension::parse_all(&head.fields).expect("a field that reads");
    assert_eq!(extensions.len(), usize::from(deflate.is_some()));
}

/// A session that accepts every WebSocket and answers all else ends once at most, and says the same however its input is cut.
fn session(pieces: &[&[u8]], config: &Config) {
    let play = |pieces: &[&[u8]]| {
        let now = Instant::START;
        let mut session = Session::new(server::Config::default(), now, UnixTime::default(), 1);
        let mut events = Vec::new();
        for piece in pieces {
            session.handle_input(now, piece);
            loop {
                let Some(event) = session.poll_event() else {
                    if session.poll_transmit().is_some() {
                        continue;
                    }
                    match session.poll_event() {
                        Some(event) => events.push(event),
                        None => break,
                    }
                    continue;
                };
                if let Event::Request(request) = &event {
                    let answered = match Upgrade::of(&request.head) {
                        Ok(upgrade) => {
                            session.upgrade(now, upgrade.accept(None, config).expect("none"), config.clone())
                        }
                        Err(error) => session.reply(now, error.reply()),
                    };
                    answered.expect("a request waits");
                }
                events.push(event);
            }
        }
        let ends = events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
        assert!(ends == 0 || (ends == 1 && matches!(events.last(), Some(Event::Closed(_)))), "{events:?}");
        events
    };
    let whole = pieces.concat();
    assert_eq!(play(pieces), play(&[&whole]));
}
