//! Where redirects lead a WebSocket client, and what goes along.

use tidewire_core::client::{CloseReason, RedirectError, Restart, State, WebSocketConfig};
use tidewire_core::http::UrlError;
use tidewire_tests::client::{field, redirect, response, target};
use tidewire_tests::ws_client::{Client, config_of};

/// Redirects are followed, so many of them.
fn following(url: &str, limit: u32) -> WebSocketConfig {
    let mut config = config_of(url);
    config.http.max_redirects = limit;
    config
}

/// Starts a client whose first connection is answered with a redirect to `location`.
fn redirected(from: &str, location: &str) -> Client {
    let mut client = Client::new(following(from, 10));
    client.accept();
    client.receive(redirect(302, location));
    client
}

fn error(client: &mut Client) -> RedirectError {
    match client.ended() {
        CloseReason::Redirect { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn redirects_are_followed_only_where_told_to() {
    let mut client = Client::new(config_of("ws://example.test/chat"));
    client.accept();
    client.receive(redirect(307, "ws://other.test/"));
    let reason = client.ended();
    assert_eq!(client.connects.len(), 1);
    let text = "307 from ws://example.test/chat: no redirects are followed; use the address it leads to, or raise `max_redirects`";
    assert_eq!(reason.to_string(), text);
}

#[test]
fn a_location_with_http_leads_to_a_web_socket() {
    for (from, location, to) in [
        ("ws://example.test/chat", "http://www.example.com/", "ws://www.example.com/"),
        ("ws://example.test/chat", "ws://www.example.com/x?y", "ws://www.example.com/x?y"),
        ("ws://example.test/chat", "https://www.example.com/", "wss://www.example.com/"),
        ("ws://example.test/chat", "wss://www.example.com:8443/", "wss://www.example.com:8443/"),
        ("wss://example.test/chat", "https://www.example.com:80/", "wss://www.example.com:80/"),
        ("http://example.test/api/v1/streaming?list=123", "?list=456", "ws://example.test/api/v1/streaming?list=456"),
        ("https://example.test/a/b", "c", "wss://example.test/a/c"),
        ("wss://example.test/a/b", "//c.test/d", "wss://c.test/d"),
        ("ws://example.test/a/b", "", ""),
    ] {
        let mut client = redirected(from, location);
        if to.is_empty() {
            assert_eq!(error(&mut client), RedirectError::Empty);
            continue;
        }
        assert_eq!(client.machine.url().to_string(), to, "{location}");
        let (host, _, tls) = target(&client.connects[1]);
        assert!(to.contains(host) && tls == to.starts_with("wss"), "{location}");
        assert_eq!(client.machine.failures(), 0, "at once, and no failure");
        let request = client.accept();
        assert_eq!(field(&request, "host"), Some(client.machine.url().authority()));
        client.agree("");
        assert_eq!(client.lines(), [format!("open {to} #0")]);
    }
}

#[test]
fn every_status_of_a_redirect_is_followed_with_a_get() {
    for status in [301, 302, 303, 307, 308] {
        let mut client = Client::new(following("ws://example.test/chat", 1));
        let first = client.accept();
        client.receive(redirect(status, "/other"));
        let second = client.accept();
        assert!(second.starts_with("GET /other HTTP/1.1\r\n"), "{second}");
        let key = |request: &str| field(request, "sec-websocket-key").unwrap().to_owned();
        assert_ne!(key(&first), key(&second), "a connection of its own has a key of its own");
        client.agree("");
        assert_eq!(client.machine.state(), State::Open);
    }
    let mut client = Client::new(following("ws://example.test/chat", 1));
    client.accept();
    client.receive(response("300 Multiple Choices", "Location: /other\r\n", ""));
    assert!(matches!(client.ended(), CloseReason::Status(_)));
}

#[test]
fn a_redirect_to_itself_ends_after_as_many_as_allowed() {
    for limit in [1, 10] {
        let mut client = Client::new(following("ws://example.test/chat", limit));
        for _ in 0..limit {
            client.accept();
            client.receive(redirect(302, "ws://example.test/chat"));
            assert!(client.events.is_empty());
        }
        client.accept();
        client.receive(redirect(302, "ws://example.test/chat"));
        assert_eq!(error(&mut client), RedirectError::TooMany { limit });
        assert_eq!(client.connects.len(), limit as usize + 1);
    }
}

#[test]
fn nothing_leads_from_a_secured_web_socket_to_one_that_is_not() {
    for location in ["ws://example.test/chat", "http://example.test/chat", "http:x", "ws://other.test/"] {
        let mut client = redirected("wss://example.test/chat", location);
        assert_eq!(error(&mut client), RedirectError::Insecure, "{location}");
        assert_eq!(client.connects.len(), 1);
    }
}

#[test]
fn a_location_that_leads_nowhere_is_the_end() {
    for (location, expected) in [
        ("ftp://example.test/", UrlError::Scheme),
        ("http://user:secret@example.test/", UrlError::Userinfo),
        ("ws://:80/", UrlError::Host),
        ("ws://a.test:99999/", UrlError::Port),
    ] {
        assert_eq!(error(&mut redirected("ws://example.test/", location)), RedirectError::Url(expected), "{location}");
    }
    let mut client = Client::new(following("ws://example.test/chat", 1));
    client.accept();
    client.receive(response("302 Found", "", ""));
    assert_eq!(error(&mut client), RedirectError::Missing);
}

#[test]
fn secrets_stay_with_the_origin_they_were_meant_for() {
    for (from, location, stay) in [
        ("ws://example.test/chat", "ws://example.test/other", true),
        ("ws://example.test/chat", "http://example.test:80/other", true),
        ("ws://example.test/chat", "wss://example.test/other", false),
        ("ws://example.test/chat", "ws://other.test/chat", false),
        ("ws://example.test/chat", "ws://example.test:8080/chat", false),
    ] {
        let mut config = following(from, 10);
        config.token = Some("token".into());
        config.protocols = vec!["chat".into()];
        for (name, value) in [("Authorization", "Bearer x"), ("Cookie", "a=b"), ("X-Kept", "1")] {
            config.http.fields.append(name, value).unwrap();
        }
        let mut client = Client::new(config);
        let request = client.accept();
        assert_eq!(field(&request, "sec-websocket-protocol"), Some("chat, token"));
        client.receive(redirect(302, location));
        let request = client.accept();
        let protocols = if stay { "chat, token" } else { "chat" };
        assert_eq!(field(&request, "sec-websocket-protocol"), Some(protocols), "{location}");
        assert_eq!(field(&request, "authorization").is_some(), stay, "{location}");
        assert_eq!(field(&request, "cookie").is_some(), stay, "{location}");
        assert_eq!(field(&request, "x-kept"), Some("1"), "{location}");

        // Home again, by another redirect or with the next attempt.
        client.receive(redirect(302, &format!("{from}?again")));
        if from.starts_with("ws://") && location.starts_with("wss://") {
            assert_eq!(error(&mut client), RedirectError::Insecure);
            continue;
        }
        let request = client.accept();
        assert_eq!(field(&request, "sec-websocket-protocol"), Some("chat, token"), "{location}");
        client.agree("");
        client.reset();
        let request = client.reconnect();
        assert!(request.starts_with("GET /chat HTTP/1.1\r\n"), "the configured one");
        assert_eq!(field(&request, "sec-websocket-protocol"), Some("chat, token"), "{location}");
        assert_eq!(field(&request, "authorization"), Some("Bearer x"));
    }
}

#[test]
fn every_reconnection_begins_at_the_configured_url() {
    let mut client = redirected("ws://example.test/chat", "ws://other.test/elsewhere");
    client.accept();
    client.agree("");
    assert_eq!(client.lines(), ["open ws://other.test/elsewhere #0"]);
    client.restart(Restart::AtOnce);
    assert_eq!(target(client.connects.last().unwrap()), ("example.test", 80, false));
    client.accept();
    client.receive(redirect(308, "ws://third.test/"));
    client.accept();
    client.agree("");
    assert_eq!(client.lines().pop().unwrap(), "open ws://third.test/ #1");
}

#[test]
fn an_event_source_is_not_led_to_a_web_socket() {
    use tidewire_tests::client;
    let mut source = client::Client::accepted(client::config());
    source.receive(redirect(302, "ws://example.test/chat"));
    let CloseReason::Redirect { error, .. } = source.ended() else { panic!() };
    assert_eq!(error, RedirectError::Url(UrlError::Scheme));
}
