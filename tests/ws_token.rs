//! Where the token of a request is looked for, and where it is not.

use tidewire_core::http::{Method, RequestHead};
use tidewire_core::server::{Token, TokenError, TokenPlace, TokenPlaces, TokenProtocol, WebSocketEndpoint};
use tidewire_tests::ws_handshake::request;

fn places(change: impl FnOnce(&mut TokenPlaces)) -> TokenPlaces {
    let mut places = TokenPlaces::default();
    change(&mut places);
    places
}

/// All places at once.
fn everywhere() -> TokenPlaces {
    places(|places| {
        places.protocol = TokenProtocol::Behind("bearer".into());
        places.cookie = Some("session".into());
        places.query = Some("access_token".into());
    })
}

fn found(places: &TokenPlaces, head: &RequestHead) -> Result<Option<(TokenPlace, String)>, TokenError> {
    places.find(head).map(|token| token.map(|token| (token.place(), token.secret().to_owned())))
}

fn some(place: TokenPlace, secret: &str) -> Result<Option<(TokenPlace, String)>, TokenError> {
    Ok(Some((place, secret.to_owned())))
}

#[test]
fn a_bearer_token_stands_in_the_authorization_field() {
    let find = |value: &str| found(&TokenPlaces::default(), &request(&[("authorization", Some(value))]));
    for (value, secret) in [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER   abc ", "abc"),
        ("Bearer eyJ.hbG-ci_O~+/==", "eyJ.hbG-ci_O~+/=="),
    ] {
        assert_eq!(find(value), some(TokenPlace::Bearer, secret), "{value}");
    }
    for value in ["Basic YTpi", "Bearerabc", "Bear", "", "Token abc"] {
        assert_eq!(find(value), Ok(None), "{value}");
    }
    for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer a, Bearer b", "Bearer ä"] {
        assert_eq!(find(value), Err(TokenError::Malformed), "{value}");
    }
    let twice = [("authorization", Some("Bearer a")), ("authorization", Some("Bearer a"))];
    assert_eq!(found(&TokenPlaces::default(), &request(&twice)), Err(TokenError::Malformed));
    let off = places(|places| places.bearer = false);
    assert_eq!(found(&off, &request(&[("authorization", Some("Bearer abc"))])), Ok(None));
}

/// Mastodon's way.
#[test]
fn a_token_may_be_the_only_subprotocol_and_is_echoed() {
    let sole = places(|places| places.protocol = TokenProtocol::Sole);
    let find = |value: &str| sole.find(&request(&[("sec-websocket-protocol", Some(value))])).unwrap();
    let token = find("token-read").unwrap();
    assert_eq!(
        (token.place(), token.secret(), token.protocol()),
        (TokenPlace::Protocol, "token-read", Some("token-read"))
    );
    for value in ["chat, token-read", "token-read, chat", "", ",", "a b"] {
        assert_eq!(find(value), None, "{value}");
    }
    assert_eq!(sole.find(&request(&[])), Ok(None));
    let two = [("sec-websocket-protocol", Some("a")), ("sec-websocket-protocol", Some("b"))];
    assert_eq!(sole.find(&request(&two)), Ok(None));
}

#[test]
fn a_token_may_follow_a_marker_which_is_echoed() {
    let behind = places(|places| places.protocol = TokenProtocol::Behind("bearer".into()));
    let find = |value: &str| behind.find(&request(&[("sec-websocket-protocol", Some(value))])).unwrap();
    for (value, secret) in
        [("bearer, abc", "abc"), ("chat, bearer, abc", "abc"), ("bearer,abc,chat", "abc"), ("bearer, bearer", "bearer")]
    {
        let token = find(value).unwrap_or_else(|| panic!("{value}"));
        assert_eq!((token.place(), token.secret(), token.protocol()), (TokenPlace::Protocol, secret, Some("bearer")));
    }
    for value in ["abc", "abc, bearer", "bearer", "Bearer, abc", "chat, abc", "bearer, a b"] {
        assert_eq!(find(value), None, "{value}");
    }
}

#[test]
fn a_token_may_stand_in_a_cookie() {
    let cookie = places(|places| places.cookie = Some("session".into()));
    let find = |values: &[&str]| {
        let mut changes = vec![("origin", Some("https://server.example.com"))];
        changes.extend(values.iter().map(|value| ("cookie", Some(*value))));
        found(&cookie, &request(&changes))
    };
    for (values, secret) in [
        (&["session=abc"][..], "abc"),
        (&["a=b; session=abc; c=d"], "abc"),
        (&["a=b;session=abc"], "abc"),
        (&["a=b", "session=abc"], "abc"),
        (&["session=a=b=="], "a=b=="),
        (&["session=\"abc\""], "abc"),
        (&["session=first; session=second"], "first"),
    ] {
        assert_eq!(find(values), some(TokenPlace::Cookie, secret), "{values:?}");
    }
    for values in [
        &[][..],
        &[""],
        &["session"],
        &["session="],
        &["session=\"\""],
        &["Session=abc"],
        &["xsession=abc"],
        &["a=session=abc"],
    ] {
        assert_eq!(find(values), Ok(None), "{values:?}");
    }
}

/// Another page's form cannot hide whose it is: browsers always name the origin of a page that opens a WebSocket, or that sends anything
/// but GET and HEAD.
#[test]
fn a_cookie_without_an_origin_does_not_count() {
    let cookie = places(|places| places.cookie = Some("session".into()));
    let sent = [("cookie", Some("session=abc"))];
    assert_eq!(found(&cookie, &request(&sent)), Err(TokenError::CookieWithoutOrigin));
    let origin = [sent[0], ("origin", Some("https://server.example.com"))];
    assert_eq!(found(&cookie, &request(&origin)), some(TokenPlace::Cookie, "abc"));

    // A stream of the page's own server is asked for without it.
    let plain = |method| RequestHead { method, ..request(&[sent[0], ("upgrade", None), ("connection", None)]) };
    assert_eq!(found(&cookie, &plain(Method::GET)), some(TokenPlace::Cookie, "abc"));
    assert_eq!(found(&cookie, &plain(Method::HEAD)), some(TokenPlace::Cookie, "abc"));
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        assert_eq!(found(&cookie, &plain(method)), Err(TokenError::CookieWithoutOrigin));
    }

    // Who has another token needs no origin, whatever cookies come along.
    let both = request(&[sent[0], ("authorization", Some("Bearer xyz"))]);
    assert_eq!(found(&cookie, &both), some(TokenPlace::Bearer, "xyz"));
}

#[test]
fn the_query_is_looked_at_only_where_it_is_switched_on() {
    let query = places(|places| places.query = Some("access_token".into()));
    let asked = |target: &str| RequestHead { target: target.into(), ..request(&[]) };
    for (target, secret) in [
        ("/?access_token=abc", "abc"),
        ("/chat?a=b&access_token=a%2Bb%3D&c", "a+b="),
        ("http://h/?access_token=abc", "abc"),
    ] {
        assert_eq!(found(&query, &asked(target)), some(TokenPlace::Query, secret), "{target}");
        assert_eq!(found(&TokenPlaces::default(), &asked(target)), Ok(None), "off by default");
    }
    for target in
        ["/", "/?access_token=", "/?access_token", "/?Access_Token=abc", "/?xaccess_token=abc", "/access_token=abc"]
    {
        assert_eq!(found(&query, &asked(target)), Ok(None), "{target}");
    }
}

#[test]
fn by_default_only_the_authorization_field_counts() {
    let head = request(&[
        ("sec-websocket-protocol", Some("bearer, abc")),
        ("cookie", Some("session=abc")),
        ("origin", Some("https://server.example.com")),
    ]);
    assert_eq!(found(&TokenPlaces::default(), &head), Ok(None));
}

#[test]
fn places_are_looked_at_in_order() {
    let mut changes = vec![
        ("authorization", Some("Bearer one")),
        ("sec-websocket-protocol", Some("bearer, two")),
        ("cookie", Some("session=three")),
        ("origin", Some("https://server.example.com")),
    ];
    for expected in [
        some(TokenPlace::Bearer, "one"),
        some(TokenPlace::Protocol, "two"),
        some(TokenPlace::Cookie, "three"),
        some(TokenPlace::Query, "four"),
    ] {
        let head = RequestHead { target: "/?access_token=four".into(), ..request(&changes) };
        assert_eq!(found(&everywhere(), &head), expected);
        changes.remove(0);
    }
    // No place further on makes up for one that is broken.
    changes = vec![("authorization", Some("Bearer")), ("sec-websocket-protocol", Some("bearer, two"))];
    assert_eq!(found(&everywhere(), &request(&changes)), Err(TokenError::Malformed));
}

#[test]
fn a_token_is_compared_whole() {
    let token = TokenPlaces::default().require(&request(&[("authorization", Some("Bearer s3cret"))])).unwrap();
    assert!(token.is("s3cret"));
    for other in ["", "s", "s3cre", "s3cret1", "S3cret", "x3cret", "s3crex"] {
        assert!(!token.is(other), "{other}");
    }
}

#[test]
fn debug_output_hides_tokens() {
    for changes in [[("authorization", Some("Bearer s3cret"))], [("sec-websocket-protocol", Some("bearer, s3cret"))]] {
        let head = request(&changes);
        let token: Token = everywhere().require(&head).unwrap();
        let entry = {
            let mut endpoint = WebSocketEndpoint::default();
            endpoint.token = Some(everywhere());
            endpoint.answer(&head).unwrap()
        };
        for shown in [format!("{token:?}"), format!("{head:?}"), format!("{entry:?}")] {
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }
}

#[test]
fn refusals_say_how_they_are_mended() {
    assert_eq!(TokenPlaces::default().require(&request(&[])), Err(TokenError::Missing));
    for (error, status, code) in [
        (TokenError::Missing, 401, "token_missing"),
        (TokenError::Malformed, 400, "malformed_token"),
        (TokenError::CookieWithoutOrigin, 403, "origin_missing"),
    ] {
        let reply = error.reply();
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, &body["code"]), (status, &code.into()));
        assert!(error.to_string().contains("authorization: Bearer TOKEN"), "{error}");
        assert_eq!(reply.fields.get_str("www-authenticate"), (status == 401).then_some("Bearer"));
    }
}

/// A browser drops a connection whose server chooses none of the subprotocols that it offered, or another one.
#[test]
fn an_endpoint_answers_a_token_as_browsers_need_it() {
    let mut endpoint = WebSocketEndpoint::default();
    endpoint.protocols = vec!["chat".into()];
    for (protocol, offered, chosen) in [
        (TokenProtocol::Sole, "token-read", "token-read"),
        (TokenProtocol::Behind("bearer".into()), "bearer, token-read", "bearer"),
        (TokenProtocol::Behind("bearer".into()), "chat, bearer, token-read", "chat"),
    ] {
        endpoint.token = Some(places(|places| places.protocol = protocol));
        let entry = endpoint.answer(&request(&[("sec-websocket-protocol", Some(offered))])).unwrap();
        assert!(entry.token.unwrap().is("token-read"));
        assert_eq!(entry.accepted.agreed().protocol(), Some(chosen), "{offered}");
    }
    let refused = endpoint.answer(&request(&[("sec-websocket-protocol", Some("chat"))]));
    assert_eq!(refused.err().map(|reply| reply.status), Some(401));
}
