//! Redirects of the client: where they lead, what goes along, and where they end.

use tidewire_core::client::{CloseReason, ConnectError, Event, Reason, RedirectError, State};
use tidewire_core::http::{Method, Url, UrlError};
use tidewire_tests::client::{Client, UNTIL_CLOSE, config, config_of, config_post, field, redirect, response, target};

#[test]
fn all_five_are_followed_at_once() {
    for status in [301, 302, 303, 307, 308] {
        let mut client = Client::accepted(config());
        client.receive(redirect(status, "http://elsewhere.test:81/there?x=1"));
        assert!(client.events.is_empty(), "a hop is no event");
        assert_eq!(client.connects.len(), 2, "{status}");
        let connect = &client.connects[1];
        assert_eq!((target(connect), connect.attempt), (("elsewhere.test", 81, false), 2));
        let request = client.accept();
        assert!(request.starts_with("GET /there?x=1 HTTP/1.1\r\n"));
        assert_eq!(field(&request, "host"), Some("elsewhere.test:81"));
        assert_eq!(field(&request, "accept"), Some("text/event-stream"));
        client.receive(UNTIL_CLOSE);
        assert_eq!(client.lines(), ["open 200 http://elsewhere.test:81/there?x=1"]);
    }
}

#[test]
fn other_3xx_are_no_redirects() {
    for status in [300, 304, 305, 306, 309] {
        let mut client = Client::accepted(config());
        client.receive(redirect(status, "/x"));
        assert!(matches!(client.ended(), CloseReason::Status(refusal) if refusal.head.status == status));
    }
}

#[test]
fn locations_resolve_against_the_url_they_came_from() {
    for (location, url) in [
        ("/b", "http://example.test/b"),
        ("b", "http://example.test/a/b"),
        ("../b?c", "http://example.test/b?c"),
        ("?q", "http://example.test/a/events?q"),
        ("//h.test/x", "http://h.test/x"),
        ("https://h.test/x#frag", "https://h.test/x"),
        ("/gr%C3%BCn", "http://example.test/gr%C3%BCn"),
        ("/grün", "http://example.test/gr%C3%BCn"),
    ] {
        let mut client = Client::accepted(config_of("http://example.test/a/events"));
        client.receive(redirect(307, location));
        assert_eq!(client.machine.url().to_string(), url, "{location}");
    }
}

#[test]
fn secured_location_asks_for_a_secured_connection() {
    let mut client = Client::accepted(config());
    client.receive(redirect(301, "https://example.test/events"));
    assert!(matches!(target(&client.connects[1]), (_, 443, true)));
    client.refuse(ConnectError::Tls("no".into()));
    assert_eq!(client.lost(), Reason::Connect(ConnectError::Tls("no".into())));
}

#[test]
fn driver_without_tls_is_not_asked_for_it_again() {
    let mut client = Client::accepted(config());
    client.receive(redirect(301, "https://example.test/events"));
    client.refuse(ConnectError::NoTls);
    let url = Url::parse("https://example.test/events").unwrap();
    assert_eq!(client.ended(), CloseReason::NoTls(Box::new(url)));
}

#[test]
fn missing_and_empty_location_are_errors_and_no_loop() {
    for status in [301, 302, 303, 307, 308] {
        let mut client = Client::accepted(config());
        client.receive(redirect(status, ""));
        let reason = client.ended();
        let url = Box::new(config().url);
        assert_eq!(reason, CloseReason::Redirect { url: url.clone(), status, error: RedirectError::Empty });
        assert!(reason.to_string().contains("empty `location`"));

        let mut client = Client::accepted(config());
        client.receive(response(&format!("{status} Elsewhere"), "", "where?"));
        assert_eq!(client.ended(), CloseReason::Redirect { url, status, error: RedirectError::Missing });
        assert_eq!(client.connects.len(), 1);
    }
}

#[test]
fn location_that_leads_nowhere_is_an_error() {
    for (location, expected) in [
        ("ftp://example.test/", UrlError::Scheme),
        ("http://user:secret@example.test/", UrlError::Userinfo),
        ("http://:80/", UrlError::Host),
        ("http://a.test:99999/", UrlError::Port),
        ("//a b/", UrlError::Host),
    ] {
        let mut client = Client::accepted(config());
        client.receive(redirect(302, location));
        let CloseReason::Redirect { error, .. } = client.ended() else { panic!("{location}") };
        assert_eq!(error, RedirectError::Url(expected), "{location}");
    }
    let mut client = Client::accepted(config());
    client.receive(b"HTTP/1.1 302 Found\r\nLocation: /\xff\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(client.ended(), CloseReason::Redirect { error: RedirectError::NotText, .. }));
}

#[test]
fn as_many_hops_as_allowed_and_not_one_more() {
    for limit in [0, 1, 20] {
        let mut config = config();
        config.max_redirects = limit;
        let mut client = Client::accepted(config.clone());
        for hop in 0..limit {
            client.receive(redirect(302, &format!("/{hop}")));
            client.accept();
        }
        client.receive(UNTIL_CLOSE);
        assert_eq!(client.machine.state(), State::Open, "{limit}");

        let mut client = Client::accepted(config);
        for hop in 0..limit {
            client.receive(redirect(302, &format!("/{hop}")));
            client.accept();
        }
        client.receive(redirect(302, "/more"));
        let CloseReason::Redirect { error, .. } = client.ended() else { panic!() };
        assert_eq!(error, RedirectError::TooMany { limit });
    }
}

#[test]
fn circle_of_redirects_ends() {
    let mut client = Client::accepted(config());
    let mut hops = 0;
    while client.machine.state() != State::Closed {
        client.receive(redirect(307, "/events"));
        hops += 1;
        if client.machine.state() != State::Closed {
            client.accept();
        }
    }
    assert_eq!(hops, 21);
    assert!(client.ended().to_string().contains("more than 20 redirects in a row; do they go in a circle"));
}

#[test]
fn hops_are_counted_anew_on_each_reconnection() {
    let mut config = config();
    config.max_redirects = 1;
    let mut client = Client::accepted(config);
    for _ in 0..5 {
        client.receive(redirect(302, "/there"));
        client.accept();
        client.receive(UNTIL_CLOSE);
        client.eof();
        client.reconnect();
    }
    assert_eq!(client.connects.len(), 11);
}

#[test]
fn method_and_body_change_as_in_browsers() {
    for (method, status, becomes) in [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("REPORT", 301, "REPORT"),
        ("REPORT", 302, "REPORT"),
        ("REPORT", 303, "GET"),
        ("REPORT", 307, "REPORT"),
        ("HEAD", 303, "HEAD"),
    ] {
        let mut config = config_post("{}");
        config.method = Method::new(method).unwrap();
        config.fields.append("Content-Language", "en").unwrap();
        config.fields.append("X-Kept", "1").unwrap();
        let mut client = Client::accepted(config);
        client.receive(redirect(status, "/there"));
        let request = client.accept();
        assert!(request.starts_with(&format!("{becomes} /there HTTP/1.1\r\n")), "{method} {status}: {request}");
        let kept = becomes == method;
        assert_eq!(request.ends_with("\r\n\r\n{}"), kept);
        assert_eq!(field(&request, "content-type").is_some(), kept);
        assert_eq!(field(&request, "content-language").is_some(), kept);
        assert_eq!(field(&request, "content-length").is_some(), kept);
        assert_eq!(field(&request, "x-kept"), Some("1"));
    }
}

#[test]
fn credentials_go_to_their_origin_only() {
    let secret = || {
        let mut config = config_of("http://example.test/events");
        for (name, value) in [
            ("Authorization", "Bearer x"),
            ("Cookie", "a=b"),
            ("Proxy-Authorization", "y"),
            ("Host", "example.test"),
            ("x-api-key", "z"),
            ("Api-Key", "z"),
        ] {
            config.fields.append(name, value).unwrap();
        }
        config
    };
    for (location, kept) in [
        ("/other", true),
        ("http://example.test:80/other", true),
        ("http://EXAMPLE.test/other", true),
        ("http://example.test:81/other", false),
        ("https://example.test/other", false),
        ("http://sub.example.test/other", false),
    ] {
        let mut client = Client::accepted(secret());
        client.receive(redirect(302, location));
        let request = client.accept();
        for name in ["authorization", "cookie", "x-api-key", "api-key"] {
            assert_eq!(field(&request, name).is_some(), kept, "{name} to {location}");
        }
        assert_eq!(field(&request, "proxy-authorization"), None, "that is for a proxy");
        assert_eq!(field(&request, "host"), Some(client.machine.url().authority()));
    }
    // What was dropped on the way there does not come back on the way back, but with the next connection.
    let mut client = Client::accepted(secret());
    client.receive(redirect(302, "http://evil.test/"));
    client.accept();
    client.receive(redirect(302, "http://example.test/back"));
    assert_eq!(field(&client.accept(), "authorization"), None);
    client.receive(UNTIL_CLOSE);
    client.eof();
    assert_eq!(field(&client.reconnect(), "authorization"), Some("Bearer x"));
}

#[test]
fn last_event_id_goes_along() {
    let mut client = Client::open(config());
    client.receive("id: 7\ndata: x\n\n");
    client.eof();
    client.reconnect();
    client.receive(redirect(307, "http://elsewhere.test/"));
    assert_eq!(field(&client.accept(), "last-event-id"), Some("7"));
}

#[test]
fn every_reconnection_begins_at_the_configured_url() {
    for status in [301, 302, 308] {
        let mut client = Client::accepted(config_of("http://first.test/"));
        client.receive(redirect(status, "http://second.test/"));
        client.accept();
        client.receive(UNTIL_CLOSE);
        client.eof();
        client.reconnect();
        let hosts: Vec<_> = client.connects.iter().map(|connect| target(connect).0).collect();
        assert_eq!(hosts, ["first.test", "second.test", "first.test"]);
    }
}

#[test]
fn hop_that_cannot_be_connected_backs_off_and_begins_anew() {
    let mut client = Client::accepted(config_of("http://first.test/"));
    client.receive(redirect(302, "http://second.test/"));
    client.refuse(ConnectError::Refused);
    assert_eq!(
        client.lines(),
        ["lost (the connection was refused; does the server run, and on this port?) retry in 1s"]
    );
    client.reconnect();
    assert_eq!(target(&client.connects[2]).0, "first.test");
}

#[test]
fn post_that_a_redirect_turned_into_get_is_still_not_sent_again() {
    let mut client = Client::accepted(config_post("{}"));
    client.receive(redirect(303, "/result"));
    client.accept();
    client.receive(UNTIL_CLOSE);
    client.eof();
    assert!(matches!(client.ended(), CloseReason::NotResent { method, .. } if method == Method::POST));
}

#[test]
fn body_of_a_redirect_is_not_awaited() {
    let mut client = Client::accepted(config());
    client.receive("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 1000000\r\n\r\nmoved");
    assert_eq!(client.connects.len(), 2);
    client.accept();
    client.receive(UNTIL_CLOSE);
    assert!(matches!(client.events.as_slice(), [Event::Opened { .. }]));
}
