//! The opening handshake of WebSocket (RFC 6455 §4): each requirement removed or spoilt, one at a time, at both ends.

use proptest::prelude::*;
use tidewire_core::http::{Fields, HeadLimits, HeadReader, Method, RequestHead, ResponseHead, Version};
use tidewire_core::ws::deflate;
use tidewire_core::ws::{
    AcceptError, Agreed, Config, Extension, ExtensionError, HandshakeError, Offer, OfferError, Upgrade, UpgradeError,
};
use tidewire_tests::ws_handshake::{ACCEPT, KEY, fields_of, offer, request, response};

/// What a request is refused for; `None`: it is not.
fn refused(head: &RequestHead) -> Option<UpgradeError> {
    Upgrade::of(head).err()
}

fn read(head: &[u8]) -> RequestHead {
    HeadReader::new(HeadLimits::default()).feed(head).expect("a head that reads").expect("a whole head").0
}

fn compressing() -> Config {
    let mut config = Config::default();
    config.deflate = Some(deflate::Config::default());
    config
}

// The server's end

#[test]
fn the_handshake_of_the_rfc_is_accepted() {
    // RFC 6455 §1.2 and §4.2.2.
    let head = read(
        b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\
          Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    let upgrade = Upgrade::of(&head).unwrap();
    assert_eq!(upgrade.protocols().collect::<Vec<_>>(), ["chat", "superchat"]);
    let accepted = upgrade.accept(Some("chat"), &Config::default()).unwrap();
    assert_eq!(accepted.agreed().protocol(), Some("chat"));
    let mut written = Vec::new();
    accepted.into_head().encode(&mut written);
    let expected = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: chat\r\n\r\n";
    assert_eq!(String::from_utf8(written).unwrap(), expected);
}

#[test]
fn it_is_a_get_request() {
    for method in [Method::POST, Method::HEAD, Method::PUT, Method::OPTIONS, Method::new("get").unwrap()] {
        let head = RequestHead { method, ..request(&[]) };
        assert_eq!(refused(&head), Some(UpgradeError::Method), "{:?}", head.method);
    }
    let reply = UpgradeError::Method.reply();
    assert_eq!((reply.status, reply.fields.get_str("allow")), (405, Some("GET")));
}

#[test]
fn it_is_http_1_1() {
    let head = RequestHead { version: Version::Http10, ..request(&[]) };
    assert_eq!(refused(&head), Some(UpgradeError::HttpVersion));
    assert!(!Upgrade::is_asked(&head), "an Upgrade field of HTTP/1.0 is ignored");
}

#[test]
fn it_names_one_host() {
    for hosts in [
        &[("host", None)][..],
        &[("host", Some("a")), ("host", Some("a"))],
        &[("host", Some("a, b"))],
        &[("host", Some("a/b"))],
        &[("host", Some("user@a"))],
    ] {
        assert_eq!(refused(&request(hosts)), Some(UpgradeError::Host), "{hosts:?}");
    }
    assert_eq!(refused(&request(&[("host", Some("[::1]:8080"))])), None);
}

#[test]
fn it_names_a_path() {
    for (target, refusal) in [
        ("/", None),
        ("/chat?room=1", None),
        ("http://server.example.com/chat", None),
        ("*", Some(UpgradeError::Target)),
        ("server.example.com:80", Some(UpgradeError::Target)),
        ("/chat#a", Some(UpgradeError::Target)),
    ] {
        let head = RequestHead { target: target.into(), ..request(&[]) };
        assert_eq!(refused(&head), refusal, "{target}");
    }
}

#[test]
fn it_has_no_body() {
    for (name, value, refusal) in [
        ("content-length", "0", None),
        ("content-length", "1", Some(UpgradeError::Body)),
        ("content-length", "+0", Some(UpgradeError::Body)),
        ("content-length", "0, 0", Some(UpgradeError::Body)),
        ("transfer-encoding", "chunked", Some(UpgradeError::Body)),
        ("transfer-encoding", "gzip", Some(UpgradeError::Body)),
    ] {
        assert_eq!(refused(&request(&[(name, Some(value))])), refusal, "{name}: {value}");
    }
}

#[test]
fn it_asks_for_an_upgrade_to_websocket() {
    for value in ["websocket", "WebSocket", "WEBSOCKET", "h2c, websocket", "websocket,", " websocket\t,h2c"] {
        assert_eq!(refused(&request(&[("upgrade", Some(value))])), None, "{value}");
    }
    assert_eq!(refused(&request(&[("upgrade", Some("h2c")), ("upgrade", Some("websocket"))])), None);
    for value in [None, Some(""), Some("h2c"), Some("websockets"), Some("web socket"), Some("websocket/13")] {
        assert_eq!(refused(&request(&[("upgrade", value)])), Some(UpgradeError::NoUpgrade), "{value:?}");
    }
    // A browser that opens the address of a WebSocket as a page.
    let page = read(b"GET /chat HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n");
    assert_eq!(refused(&page), Some(UpgradeError::NoUpgrade));
}

#[test]
fn it_names_upgrade_in_its_connection_field() {
    for value in ["upgrade", "UPGRADE", "keep-alive, Upgrade", "Upgrade,keep-alive"] {
        assert_eq!(refused(&request(&[("connection", Some(value))])), None, "{value}");
    }
    assert_eq!(refused(&request(&[("connection", Some("keep-alive")), ("connection", Some("Upgrade"))])), None);
    for value in [None, Some(""), Some("keep-alive"), Some("upgrades"), Some("keep-alive Upgrade"), Some("\"upgrade\"")]
    {
        assert_eq!(refused(&request(&[("connection", value)])), Some(UpgradeError::Connection), "{value:?}");
    }
}

#[test]
fn its_version_is_13() {
    for value in ["12", "14", "8", "0", "1", "3", "013", "+13", "13.0", "0x0d", "13, 8", "8, 13", "", "thirteen"] {
        assert_eq!(
            refused(&request(&[("sec-websocket-version", Some(value))])),
            Some(UpgradeError::Version),
            "{value}"
        );
    }
    assert_eq!(refused(&request(&[("sec-websocket-version", None)])), Some(UpgradeError::Version));
    assert_eq!(refused(&request(&[("sec-websocket-version", Some(" 13 "))])), None);
    for pair in [["13", "13"], ["13", "8"], ["8", "13"]] {
        let fields = pair.map(|version| ("sec-websocket-version", Some(version)));
        assert_eq!(refused(&request(&fields)), Some(UpgradeError::RepeatedVersion), "{pair:?}");
    }
}

#[test]
fn its_key_is_16_bytes() {
    for key in [
        KEY,
        "AQIDBAUGBwgJCgsMDQ4PEA==",
        // As RFC 6455 §4.1 printed the same bytes (erratum 3150).
        "AQIDBAUGBwgJCgsMDQ4PEC==",
        "//////////////////////==",
        "+/+/+/+/+/+/+/+/+/+/+w==",
    ] {
        assert_eq!(refused(&request(&[("sec-websocket-key", Some(key))])), None, "{key}");
    }
    for key in [
        "",
        "==",
        // 15 bytes and 17.
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZTEx",
        "dGhlIHNhbXBsZSBub25jZTE=",
        // Without padding, with too much or too little of it.
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZ===",
        "=dGhlIHNhbXBsZSBub25jZQ=",
        // Other alphabets.
        "-_-_-_-_-_-_-_-_-_-_-w==",
        "dGhlIHNhbXBsZSBub25j Q==",
        "dGhlIHNhbXBsZSBub25j!Q==",
        "dGhlIHNhbXBsZSBub25jé==",
        // Two of them.
        "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
    ] {
        assert_eq!(refused(&request(&[("sec-websocket-key", Some(key))])), Some(UpgradeError::Key), "{key}");
    }
    assert_eq!(refused(&request(&[("sec-websocket-key", None)])), Some(UpgradeError::MissingKey));
    let twice = [("sec-websocket-key", Some(KEY)), ("sec-websocket-key", Some(KEY))];
    assert_eq!(refused(&request(&twice)), Some(UpgradeError::RepeatedKey));
}

#[test]
fn every_key_of_16_bytes_has_its_answer() {
    proptest!(|(bytes: [u8; 16])| {
        struct Fixed([u8; 16]);
        impl tidewire_core::Random for Fixed {
            fn fill(&mut self, out: &mut [u8]) {
                out.copy_from_slice(&self.0);
            }
        }
        let offer = Offer::new([""; 0], &Config::default(), &mut Fixed(bytes)).unwrap();
        let mut head = request(&[]);
        offer.set_fields(&mut head.fields);
        let key = head.fields.get("sec-websocket-key").unwrap().to_vec();
        let accepted = Upgrade::of(&head).unwrap().accept(None, &Config::default()).unwrap().into_head();
        let expected = tungstenite::handshake::derive_accept_key(&key);
        prop_assert_eq!(accepted.fields.get_str("sec-websocket-accept"), Some(&*expected));
        prop_assert!(offer.check(&accepted).is_ok());
    });
}

#[test]
fn its_subprotocols_are_tokens_and_unique() {
    let protocols = |values: &[&str]| {
        let fields: Vec<_> = values.iter().map(|value| ("sec-websocket-protocol", Some(*value))).collect();
        Upgrade::of(&request(&fields)).map(|upgrade| upgrade.protocols().collect::<Vec<_>>().join(" "))
    };
    for (values, expected) in [
        (&[][..], ""),
        (&["chat"], "chat"),
        (&["chat, superchat"], "chat superchat"),
        (&["chat ,\tsuperchat "], "chat superchat"),
        (&["chat", "superchat"], "chat superchat"),
        (&["b,a", "c"], "b a c"),
        (&["chat, Chat"], "chat Chat"),
        (&["eyJhbGciOiJI.eyJzdWIi.c2ln-_", "!#$%&'*+-.^_`|~"], "eyJhbGciOiJI.eyJzdWIi.c2ln-_ !#$%&'*+-.^_`|~"),
    ] {
        assert_eq!(protocols(values).as_deref(), Ok(expected), "{values:?}");
    }
    for values in [
        &[""][..],
        &[","],
        &["chat,"],
        &[",chat"],
        &["chat,,superchat"],
        &["chat", ""],
        &["chat, chat"],
        &["chat", "chat"],
        &["super chat"],
        &["chat;q=1"],
        &["\"chat\""],
        &["chat/2"],
        &["chät"],
    ] {
        assert_eq!(protocols(values), Err(UpgradeError::Protocols), "{values:?}");
    }
}

#[test]
fn its_extensions_keep_their_grammar() {
    let parse = |values: &[&str]| {
        let mut fields = Fields::new();
        for value in values {
            fields.append("sec-websocket-extensions", value).unwrap();
        }
        Extension::parse_all(&fields)
            .map(|extensions| extensions.iter().map(Extension::to_string).collect::<Vec<_>>().join(", "))
    };
    for (values, expected) in [
        (&[][..], ""),
        (&["foo"], "foo"),
        (&["foo, bar; baz=2"], "foo, bar; baz=2"),
        (&["foo", "bar; baz=2"], "foo, bar; baz=2"),
        (&["foo;bar;baz=2"], "foo; bar; baz=2"),
        (&[" foo ; bar = 2 ,\tbaz "], "foo; bar=2, baz"),
        (&[r#"foo; bar="2""#], "foo; bar=2"),
        (&[r#"foo; bar = "2" ; baz"#], "foo; bar=2; baz"),
        (&[r#"foo; bar="\2\3""#], "foo; bar=23"),
        (&[r#"foo; bar="2", baz"#], "foo; bar=2, baz"),
        // RFC 9110 §5.6.1.2: empty elements of a list are ignored.
        (&[",foo,, bar,"], "foo, bar"),
        (&["foo", ""], "foo"),
    ] {
        assert_eq!(parse(values).as_deref(), Ok(expected), "{values:?}");
    }
    for value in [
        "",
        ",",
        ";",
        "foo;",
        "foo;;bar",
        "foo bar",
        "foo; bar baz",
        "foo=bar",
        "foo; =2",
        "foo; bar=",
        "foo; bar=2=3",
        "foo; bar=2 3",
        r#""foo""#,
        r#"foo; "bar""#,
        r#"foo; bar=""#,
        r#"foo; bar="""#,
        r#"foo; bar="2"#,
        r#"foo; bar="2 3""#,
        r#"foo; bar="2,3""#,
        r#"foo; bar="2\"#,
        r#"foo; bar="2\""#,
        r#"foo; bar="\"""#,
        r#"foo; bar="2"3"#,
        r#"foo; bar="2""3""#,
        r#"foo; bar="é""#,
        "foo; bär",
    ] {
        assert_eq!(parse(&[value]), Err(ExtensionError), "{value}");
        let head = request(&[("sec-websocket-extensions", Some(value))]);
        assert_eq!(refused(&head), Some(UpgradeError::Extensions), "{value}");
    }
}

#[test]
fn every_refusal_says_how_it_is_mended() {
    use UpgradeError::*;
    let all = [
        (Method, 405, "use GET"),
        (HttpVersion, 426, "HTTP/1.1"),
        (Host, 400, "send `host: name[:port]`"),
        (Target, 400, "send a path"),
        (Body, 400, "leave it out"),
        (NoUpgrade, 426, "connect with a WebSocket client"),
        (Connection, 400, "has to pass on `connection: upgrade`"),
        (Version, 426, "send `sec-websocket-version: 13`"),
        (RepeatedVersion, 400, "send `sec-websocket-version: 13` once"),
        (MissingKey, 400, "send 16 random bytes"),
        (RepeatedKey, 400, "send it once"),
        (Key, 400, "send 16 random bytes"),
        (Protocols, 400, "send each name once"),
        (Extensions, 400, "send `name; parameter=value"),
    ];
    for (error, status, remedy) in all {
        let reply = error.reply();
        assert!(error.to_string().contains(remedy), "{error}");
        assert_eq!((reply.status, error.status()), (status, status), "{error}");
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["detail"], error.to_string());
        assert_eq!((&body["status"], &body["code"]), (&status.into(), &error.code().into()));
        // RFC 9110 §15.5.22 and RFC 6455 §4.4.
        let upgrade = (status == 426).then_some("websocket");
        assert_eq!(reply.fields.get_str("upgrade"), upgrade, "{error}");
        assert_eq!(reply.fields.get_str("sec-websocket-version"), upgrade.map(|_| "13"), "{error}");
    }
}

#[test]
fn only_an_offered_subprotocol_is_chosen() {
    let upgrade = || Upgrade::of(&request(&[("sec-websocket-protocol", Some("chat, superchat"))])).unwrap();
    let accepted = upgrade().accept(None, &Config::default()).unwrap();
    assert_eq!(accepted.agreed().protocol(), None);
    assert!(!accepted.into_head().fields.contains("sec-websocket-protocol"), "the field is absent");
    for other in ["Chat", "", "chat, superchat", "mqtt"] {
        assert_eq!(upgrade().accept(Some(other), &Config::default()), Err(AcceptError::NotOffered), "{other}");
    }
    assert_eq!(upgrade().choose(&["superchat", "chat"]), Some("chat"), "the client's order counts");
    assert_eq!(upgrade().choose(&["mqtt", "superchat"]), Some("superchat"));
    assert_eq!(upgrade().choose(&["mqtt"]), None);
    assert_eq!(upgrade().choose(&[]), None);
}

#[test]
fn the_answer_takes_more_fields_but_none_of_the_handshake() {
    let mut accepted = Upgrade::of(&request(&[])).unwrap().accept(None, &Config::default()).unwrap();
    for (name, value) in [
        ("Set-Cookie", "a=b"),
        ("X-Request-Id", "1"),
        ("Upgrade", "h2c"),
        ("Connection", "close"),
        ("Sec-WebSocket-Accept", "x"),
        ("Sec-WebSocket-Protocol", "x"),
        ("Sec-WebSocket-Extensions", "x"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
    ] {
        accepted.append(name, value).unwrap();
    }
    assert!(accepted.append("a", "b\r\nc").is_err());
    let fields = accepted.into_head().fields;
    let names: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["upgrade", "connection", "sec-websocket-accept", "Set-Cookie", "X-Request-Id"]);
    assert_eq!(fields.get_str("sec-websocket-accept"), Some(ACCEPT));
}

#[test]
fn unknown_extensions_are_not_agreed_to() {
    for offers in ["foo", "permessage-bzip2; level=9", "x-webkit-deflate-frame", "permessage-deflate; unknown"] {
        let upgrade = Upgrade::of(&request(&[("sec-websocket-extensions", Some(offers))])).unwrap();
        let accepted = upgrade.accept(None, &compressing()).unwrap();
        assert!(!accepted.into_head().fields.contains("sec-websocket-extensions"), "{offers}");
    }
    // Off by default.
    let upgrade = Upgrade::of(&request(&[("sec-websocket-extensions", Some("permessage-deflate"))])).unwrap();
    let accepted = upgrade.clone().accept(None, &Config::default()).unwrap();
    assert!(!accepted.into_head().fields.contains("sec-websocket-extensions"));
    let accepted = upgrade.accept(None, &compressing()).unwrap();
    assert!(accepted.into_head().fields.get_str("sec-websocket-extensions").unwrap().starts_with("permessage-deflate"));
}

// The client's end

#[test]
fn the_fields_of_an_offer_stand_in_the_order_of_the_rfc() {
    let mut written = Vec::new();
    fields_of(&offer(&["chat", "superchat"], &Config::default())).encode(&mut written);
    let expected = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                    sec-websocket-version: 13\r\nsec-websocket-protocol: chat, superchat\r\n";
    assert_eq!(String::from_utf8(written).unwrap(), expected);
    let plain = fields_of(&offer(&[], &Config::default()));
    assert!(!plain.contains("sec-websocket-protocol") && !plain.contains("sec-websocket-extensions"));
    let deflate = fields_of(&offer(&[], &compressing()));
    assert!(deflate.get_str("sec-websocket-extensions").unwrap().starts_with("permessage-deflate"));
}

#[test]
fn each_offer_has_a_key_of_its_own() {
    let mut random = tidewire_core::SplitMix64::new(1);
    let mut key = || {
        let offer = Offer::new([""; 0], &Config::default(), &mut random).unwrap();
        fields_of(&offer).get_str("sec-websocket-key").unwrap().to_owned()
    };
    let keys: std::collections::BTreeSet<String> = (0..1_000).map(|_| key()).collect();
    assert_eq!(keys.len(), 1_000);
}

#[test]
fn what_cannot_be_offered_is_told_to_the_caller() {
    for protocols in [&[""][..], &["a b"], &["a,b"], &["a\r\nb"], &["a", "a"], &["é"], &["a", ""]] {
        let offer = Offer::new(protocols, &Config::default(), &mut tidewire_core::SplitMix64::new(1));
        assert_eq!(offer, Err(OfferError::Protocols), "{protocols:?}");
    }
}

#[test]
fn the_answer_of_the_rfc_is_taken() {
    let offer = offer(&["chat", "superchat"], &Config::default());
    let agreed = offer.check(&response(&[("sec-websocket-protocol", Some("chat"))])).unwrap();
    assert_eq!(agreed.protocol(), Some("chat"));
    // RFC 6455 §4.2.2: the server may choose none.
    assert_eq!(offer.check(&response(&[])).unwrap().protocol(), None);
}

#[test]
fn the_status_is_101() {
    let offer = offer(&[], &Config::default());
    for status in [100, 102, 200, 204, 301, 400, 401, 403, 404, 426, 500, 503] {
        let head = ResponseHead { status, ..response(&[]) };
        assert_eq!(offer.check(&head), Err(HandshakeError::Status(status)));
    }
}

/// Each row: what is changed, and what is wrong then.
#[test]
fn each_requirement_of_an_answer_is_needed() {
    use HandshakeError::*;
    let accept = "sec-websocket-accept";
    let other = "HSmrc0sMlYUkAGmm5OPpG2HaGWk="; // of another key
    let rows = [
        (&[][..], None),
        (&[("upgrade", Some("WebSocket"))], None),
        (&[("upgrade", None)], Some(Upgrade)),
        (&[("upgrade", Some(""))], Some(Upgrade)),
        (&[("upgrade", Some("h2c"))], Some(Upgrade)),
        (&[("upgrade", Some("websocket, h2c"))], Some(Upgrade)),
        (&[("upgrade", Some("websocket")), ("upgrade", Some("websocket"))], Some(Upgrade)),
        (&[("connection", Some("keep-alive, UPGRADE"))], None),
        (&[("connection", Some("keep-alive")), ("connection", Some("upgrade"))], None),
        (&[("connection", None)], Some(Connection)),
        (&[("connection", Some("keep-alive"))], Some(Connection)),
        (&[("connection", Some("close"))], Some(Connection)),
        (&[(accept, Some(" s3pPLMBiTxaQ9kYGzzhZRbK+xOo= "))], None),
        (&[(accept, None)], Some(MissingAccept)),
        (&[(accept, Some(""))], Some(Accept)),
        (&[(accept, Some(other))], Some(Accept)),
        (&[(accept, Some(KEY))], Some(Accept)),
        (&[(accept, Some("S3PPLMBITXAQ9KYGZZHZRBK+XOO="))], Some(Accept)),
        (&[(accept, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo"))], Some(Accept)),
        (&[(accept, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xO"))], Some(Accept)),
        (&[(accept, Some(ACCEPT)), (accept, Some(ACCEPT))], Some(Accept)),
        (&[(accept, Some(ACCEPT)), (accept, Some(other))], Some(Accept)),
        (&[("sec-websocket-protocol", Some("superchat"))], None),
        (&[("sec-websocket-protocol", Some("Chat"))], Some(ProtocolNotOffered)),
        (&[("sec-websocket-protocol", Some("mqtt"))], Some(ProtocolNotOffered)),
        (&[("sec-websocket-protocol", Some(""))], Some(ProtocolNotOffered)),
        (&[("sec-websocket-protocol", Some("chat, superchat"))], Some(ProtocolNotOffered)),
        (&[("sec-websocket-protocol", Some("chat")), ("sec-websocket-protocol", Some("chat"))], Some(RepeatedProtocol)),
        (&[("sec-websocket-extensions", Some(""))], Some(MalformedExtensions)),
        (&[("sec-websocket-extensions", Some("permessage-deflate; ="))], Some(MalformedExtensions)),
        (&[("sec-websocket-extensions", Some("foo"))], Some(ExtensionNotOffered)),
        (&[("sec-websocket-extensions", Some("permessage-deflate, foo"))], Some(ExtensionNotOffered)),
        (&[("sec-websocket-extensions", Some("permessage-deflate; server_no_context_takeover"))], None),
        (&[("sec-websocket-extensions", Some("permessage-deflate, permessage-deflate"))], Some(RepeatedExtension)),
        (&[("sec-websocket-extensions", Some("permessage-deflate; unknown"))], Some(ExtensionParameters)),
        (
            &[("sec-websocket-extensions", Some("permessage-deflate; server_max_window_bits=16"))],
            Some(ExtensionParameters),
        ),
        // What says nothing of it is let be.
        (&[("content-length", Some("0")), ("x-powered-by", Some("tea"))], None),
    ];
    let offer = offer(&["chat", "superchat"], &compressing());
    for (changes, error) in rows {
        assert_eq!(offer.check(&response(changes)).err(), error, "{changes:?}");
    }
    let old = ResponseHead { version: Version::Http10, ..response(&[]) };
    assert_eq!(offer.check(&old), Err(HttpVersion));
}

#[test]
fn what_was_not_offered_at_all_is_refused() {
    let offer = offer(&[], &Config::default());
    for (name, value, error) in [
        ("sec-websocket-protocol", "chat", HandshakeError::ProtocolNotOffered),
        ("sec-websocket-extensions", "permessage-deflate", HandshakeError::ExtensionNotOffered),
    ] {
        assert_eq!(offer.check(&response(&[(name, Some(value))])), Err(error), "{name}");
    }
}

// Both ends

#[test]
fn secrets_are_in_no_debug_output() {
    let protocols = [("sec-websocket-protocol", Some("bearer, s3cret"))];
    let head = request(&protocols);
    let upgrade = Upgrade::of(&head).unwrap();
    let accepted = upgrade.clone().accept(Some("s3cret"), &Config::default()).unwrap();
    let offer = offer(&["s3cret"], &Config::default());
    let agreed = accepted.agreed();
    for shown in [
        format!("{head:?}"),
        format!("{upgrade:?}"),
        format!("{accepted:?}"),
        format!("{agreed:?}"),
        format!("{offer:?}"),
    ] {
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(!format!("{offer:?}").contains(KEY));
    }
}

proptest! {
    /// What one end asks and the other agrees to is what both then know.
    #[test]
    fn both_ends_agree(
        protocols in prop::collection::btree_set("[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}", 0..6),
        choice in prop::option::of(any::<prop::sample::Index>()),
        deflates: [bool; 2],
        seed: u64,
    ) {
        let protocols: Vec<String> = protocols.into_iter().collect();
        let config = |deflates| if deflates { compressing() } else { Config::default() };
        let offer = Offer::new(&protocols, &config(deflates[0]), &mut tidewire_core::SplitMix64::new(seed)).unwrap();
        let mut asked = RequestHead::new(Method::GET, "/");
        asked.fields.append("host", "a").unwrap();
        offer.set_fields(&mut asked.fields);
        let mut bytes = Vec::new();
        asked.encode(&mut bytes);

        let upgrade = Upgrade::of(&read(&bytes)).unwrap();
        prop_assert!(upgrade.protocols().eq(protocols.iter().map(String::as_str)));
        let choice = choice.filter(|_| !protocols.is_empty()).map(|index| index.get(&protocols).as_str());
        let accepted = upgrade.accept(choice, &config(deflates[1])).unwrap();
        let agreed: Agreed = accepted.agreed().clone();
        prop_assert_eq!(agreed.protocol(), choice);
        prop_assert_eq!(agreed.deflate.is_some(), deflates == [true; 2]);

        let mut bytes = Vec::new();
        accepted.into_head().encode(&mut bytes);
        let (answer, used) = HeadReader::<ResponseHead>::new(HeadLimits::default()).feed(&bytes).unwrap().unwrap();
        prop_assert_eq!(used, bytes.len());
        prop_assert_eq!(offer.check(&answer), Ok(agreed));
    }

    /// An offered extension is written as it is read.
    #[test]
    fn extensions_are_written_as_they_are_read(
        extensions in prop::collection::vec(
            ("[a-z0-9-]{1,8}", prop::collection::vec(("[a-z_]{1,8}", prop::option::of("[!-~&&[^\",;=\\\\/()<>@:?{}\\[\\]]]{1,8}")), 0..4)),
            1..4,
        ),
    ) {
        let extensions: Vec<Extension> = extensions
            .into_iter()
            .map(|(name, params)| {
                let mut extension = Extension::new(&name);
                extension.params = params.into_iter().map(|(name, value)| (name.into(), value.map(Into::into))).collect();
                extension
            })
            .collect();
        let mut fields = Fields::new();
        let text = extensions.iter().map(Extension::to_string).collect::<Vec<_>>().join(", ");
        fields.append("sec-websocket-extensions", text).unwrap();
        prop_assert_eq!(Extension::parse_all(&fields), Ok(extensions));
    }
}
