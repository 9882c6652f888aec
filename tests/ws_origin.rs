//! Whose pages may open a WebSocket, read a stream or send a request: one policy, and a refusal before anything begins.

use tidewire_core::http::{Fields, Method, RequestHead};
use tidewire_core::server::{self, Access, AccessError, CloseReason, Event, Session, WebSocketEndpoint};
use tidewire_core::{Instant, Protocol, UnixTime};
use tidewire_tests::ws_handshake::request;

const HOST: &str = "api.example.com";

fn access(origins: &[&str]) -> Access {
    let mut access = Access::default();
    access.hosts = None;
    access.origins = origins.iter().map(|origin| (*origin).into()).collect();
    access
}

fn head(host: &str, origins: &[&str]) -> RequestHead {
    let mut changes = vec![("host", Some(host))];
    changes.extend(origins.iter().map(|origin| ("origin", Some(*origin))));
    request(&changes)
}

/// Tells whether a page of `origin` may ask a server with this list.
fn may(host: &str, origin: &str, list: &[&str]) -> bool {
    access(list).check(&head(host, &[origin])).is_ok()
}

#[test]
fn who_names_no_origin_is_no_page() {
    assert_eq!(access(&[]).check(&head(HOST, &[])), Ok(()));
}

#[test]
fn without_a_list_only_pages_of_the_server_itself_may_ask() {
    for origin in [
        "https://api.example.com",
        "https://api.example.com:443",
        "http://api.example.com:80",
        "https://API.Example.COM",
    ] {
        assert!(may(HOST, origin, &[]), "{origin}");
    }
    for origin in [
        "https://evil.com",
        "https://api.example.com.evil.com",
        "https://evil.com/api.example.com",
        "https://example.com",
        "https://sub.api.example.com",
        "https://api.example.com:8443",
        "https://api.example.com:80",
    ] {
        assert!(!may(HOST, origin, &[]), "{origin}");
    }
    assert!(may("API.EXAMPLE.COM", "https://api.example.com", &[]));
    assert!(may("api.example.com:8443", "https://api.example.com:8443", &[]));
    assert!(!may("api.example.com:8443", "https://api.example.com", &[]));
}

#[test]
fn an_empty_host_is_nobodys() {
    for origin in ["https://evil.com", "https://", "http://:80", ""] {
        assert!(!may("", origin, &[]), "{origin}");
    }
    let mut none = head(HOST, &["https://evil.com"]);
    none.fields.remove("host");
    assert_eq!(access(&[]).check(&none), Err(AccessError::Origin));
}

#[test]
fn an_exact_entry_is_one_origin() {
    for (entry, origin, expected) in [
        ("https://app.example.com", "https://app.example.com", true),
        ("https://app.example.com", "https://app.example.com:443", true),
        ("https://app.example.com:443", "https://app.example.com", true),
        ("https://app.example.com", "https://APP.EXAMPLE.COM", true),
        ("HTTPS://APP.EXAMPLE.COM", "https://app.example.com", true),
        ("https://app.example.com", "http://app.example.com", false),
        ("https://app.example.com", "https://app.example.com:8443", false),
        ("https://exact.test:8443", "https://exact.test", false),
        ("https://exact.test:8443", "https://exact.test:8443", true),
        ("https://exact.test", "https://exact.test:8443", false),
        ("https://app.example.com", "https://www.app.example.com", false),
        ("https://app.example.com", "https://app.example.com.evil.com", false),
        ("http://[::1]:3000", "http://[::1]:3000", true),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh", true),
        ("chrome-extension://abcdefgh", "chrome-extension://hgfedcba", false),
    ] {
        assert_eq!(may(HOST, origin, &[entry]), expected, "{entry} {origin}");
    }
}

#[test]
fn a_bare_host_is_of_any_scheme() {
    for (entry, origin, expected) in [
        ("app.example.com", "http://app.example.com", true),
        ("app.example.com", "https://app.example.com", true),
        ("app.example.com", "https://APP.EXAMPLE.COM", true),
        ("App.Example.Com", "https://app.example.com", true),
        ("app.example.com", "https://app.example.com:8443", false),
        ("localhost:3000", "http://localhost:3000", true),
        ("localhost:3000", "http://localhost:3001", false),
        ("localhost:3000", "http://localhost", false),
        ("app.example.com", "https://sub.app.example.com", false),
        ("app.example.com", "https://evilapp.example.com", false),
        ("example.com", "https://example.com.evil.com", false),
    ] {
        assert_eq!(may(HOST, origin, &[entry]), expected, "{entry} {origin}");
    }
}

#[test]
fn a_star_and_a_dot_are_all_hosts_below_and_not_the_host_itself() {
    for (entry, origin, expected) in [
        ("*.example.com", "https://app.example.com", true),
        ("*.example.com", "http://app.example.com", true),
        ("*.example.com", "https://a.b.example.com", true),
        ("*.example.com", "https://APP.EXAMPLE.COM", true),
        ("*.EXAMPLE.com", "https://app.example.com", true),
        ("*.example.com", "https://evil-example.com", false),
        ("*.example.com", "https://notexample.com", false),
        ("*.example.com", "https://example.com", false),
        ("*.example.com", "https://.example.com", false),
        ("*.example.com", "https://app.example.com.evil.com", false),
        ("*.example.com", "https://app.example.com:8443", false),
        ("*.example.com:8443", "https://app.example.com:8443", true),
        ("https://*.example.com", "https://app.example.com", true),
        ("https://*.example.com", "http://app.example.com", false),
        ("https://*.example.com", "https://example.com", false),
    ] {
        assert_eq!(may(HOST, origin, &[entry]), expected, "{entry} {origin}");
    }
}

#[test]
fn a_star_is_anything() {
    for origin in ["https://evil.com", "http://localhost:1", "null", "file://", "not-a-url"] {
        assert!(may(HOST, origin, &["*"]), "{origin}");
        assert!(may(HOST, origin, &["https://app.example.com", "*"]), "{origin}");
    }
}

#[test]
fn what_is_no_origin_is_refused() {
    for origin in [
        "null",
        "",
        "not-a-url",
        "javascript:alert(1)",
        "javascript://api.example.com/%0aalert(1)",
        "https:",
        "https://",
        "https:///",
        "https://:443",
        "//api.example.com",
        "api.example.com",
        "https://api.example.com/",
        "https://api.example.com/path",
        "https://user@api.example.com",
        "https://evil.com#@api.example.com",
        "https://api.example.com https://evil.com",
        "https://api.example.com, https://evil.com",
        "https://api.example.com:https",
        "1://api.example.com",
        "https://[::1",
        "https://*.example.com",
        "*",
    ] {
        for list in [&[][..], &["*.example.com"], &["api.example.com"], &["not-a-url", "null"]] {
            assert!(!may(HOST, origin, list), "{origin} {list:?}");
        }
    }
    let mut head = head(HOST, &[]);
    head.fields.append("origin", b"https://api.example.com\xff").unwrap();
    assert_eq!(access(&[]).check(&head), Err(AccessError::Origin), "not text");
}

#[test]
fn two_origins_are_none() {
    let own = "https://api.example.com";
    assert_eq!(access(&[]).check(&head(HOST, &[own])), Ok(()));
    for origins in [[own, own], [own, "https://evil.com"], ["https://evil.com", own]] {
        for list in [&[][..], &["*"]] {
            assert_eq!(access(list).check(&head(HOST, &origins)), Err(AccessError::Origin), "{origins:?}");
        }
    }
}

#[test]
fn a_list_adds_to_the_server_itself() {
    let list = ["https://app.example.com", "*.partner.example", "localhost:3000"];
    for origin in
        ["https://api.example.com", "https://app.example.com", "http://x.partner.example", "http://localhost:3000"]
    {
        assert!(may(HOST, origin, &list), "{origin}");
    }
    for origin in ["https://evil.com", "https://partner.example"] {
        assert!(!may(HOST, origin, &list), "{origin}");
    }
}

#[test]
fn entries_that_mean_nothing_let_nobody_in() {
    for entry in [
        "",
        " ",
        "*.",
        "*.*",
        "**",
        "*example.com",
        "a.*.example.com",
        "https://",
        "https://*",
        "https://app.example.com/",
        "*.[::1]",
        "a b",
        "a@b",
    ] {
        assert!(!Access::is_origin_entry(entry), "{entry}");
        for origin in ["https://evil.com", "https://app.example.com", "https://a.b.example.com", "https://example.com"]
        {
            assert!(!may(HOST, origin, &[entry]), "{entry} {origin}");
        }
    }
    for entry in
        ["*", "*.example.com", "https://*.example.com:8443", "app.example.com", "localhost:3000", "http://[::1]:80"]
    {
        assert!(Access::is_origin_entry(entry), "{entry}");
    }
}

#[test]
fn a_host_of_another_name_is_refused_before_its_origin_is_looked_at() {
    let access = Access::default();
    assert_eq!(access.check(&head("evil.com", &["http://evil.com"])), Err(AccessError::Host));
    assert_eq!(access.check(&head("localhost:8080", &["http://localhost:8080"])), Ok(()));
    assert_eq!(access.check_origin(&head("evil.com", &["http://evil.com"])), Ok(()), "which this does not look at");
}

/// What the answer to a page depends on is the same list for reading as for a WebSocket.
#[test]
fn what_may_ask_may_read() {
    let access = access(&["*.example.com"]);
    for (origin, named) in [("https://app.example.com", true), ("https://evil-example.com", false)] {
        let mut fields = Fields::new();
        access.share(&head(HOST, &[origin]), &mut fields);
        assert_eq!(fields.get_str("access-control-allow-origin"), named.then_some(origin), "{origin}");
        assert_eq!(access.check(&head(HOST, &[origin])).is_ok(), named);
    }
}

#[test]
fn a_page_of_elsewhere_gets_403_and_no_websocket() {
    let now = Instant::START;
    let mut session = Session::new(server::Config::default(), now, UnixTime::default(), 1);
    let endpoint = WebSocketEndpoint::default();
    for (origin, status) in
        [("https://evil.com", "403 Forbidden"), ("https://api.example.com", "101 Switching Protocols")]
    {
        let mut asked = Vec::new();
        head(HOST, &[origin]).encode(&mut asked);
        session.handle_input(now, &asked);
        let Some(Event::Request(request)) = session.poll_event() else { panic!("a request") };
        match endpoint.answer(&request.head) {
            Ok(entry) => session.upgrade(now, entry.accepted, endpoint.config.clone()).unwrap(),
            Err(reply) => session.reply(now, reply).unwrap(),
        }
        let answered = String::from_utf8(session.poll_transmit().unwrap().to_vec()).unwrap();
        assert!(answered.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answered}");
        assert_eq!(answered.contains("sec-websocket-accept"), status.starts_with("101"));
    }
    assert!(session.web_socket().is_some());
    session.handle_eof(now);
    while let Some(event) = session.poll_event() {
        if let Event::Closed(reason) = event {
            assert_eq!(reason, CloseReason::WebSocket);
        }
    }
}

#[test]
fn refusals_name_what_is_wrong() {
    for (error, code) in [(AccessError::Host, "host_not_allowed"), (AccessError::Origin, "origin_not_allowed")] {
        let reply = error.reply();
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, &body["code"], &body["detail"]), (403, &code.into(), &error.to_string().into()));
    }
}

/// Browsers send no preflight before a WebSocket; for the requests before which they do, the list is the same.
#[test]
fn methods_make_no_difference() {
    for method in [Method::GET, Method::POST, Method::OPTIONS] {
        let head = RequestHead { method, ..head(HOST, &["https://evil.com"]) };
        assert_eq!(access(&["*.example.com"]).check(&head), Err(AccessError::Origin));
    }
}
