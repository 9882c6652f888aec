//! URLs of clients: parsing, resolving, origins.

use proptest::prelude::*;
use tidewire_core::http::{Url, UrlError};
use tidewire_tests::fuzz_http;

/// RFC 3986 §5.4: references and what they resolve to against `http://a/b/c/d;p?q`; fragments are dropped.
const REFERENCES: [(&str, &str); 41] = [
    // §5.4.1, normal examples (without `g:h`, which is another scheme)
    ("g", "http://a/b/c/g"),
    ("./g", "http://a/b/c/g"),
    ("g/", "http://a/b/c/g/"),
    ("/g", "http://a/g"),
    ("//g", "http://g/"),
    ("?y", "http://a/b/c/d;p?y"),
    ("g?y", "http://a/b/c/g?y"),
    ("#s", "http://a/b/c/d;p?q"),
    ("g#s", "http://a/b/c/g"),
    ("g?y#s", "http://a/b/c/g?y"),
    (";x", "http://a/b/c/;x"),
    ("g;x", "http://a/b/c/g;x"),
    ("g;x?y#s", "http://a/b/c/g;x?y"),
    ("", "http://a/b/c/d;p?q"),
    (".", "http://a/b/c/"),
    ("./", "http://a/b/c/"),
    ("..", "http://a/b/"),
    ("../", "http://a/b/"),
    ("../g", "http://a/b/g"),
    ("../..", "http://a/"),
    ("../../", "http://a/"),
    ("../../g", "http://a/g"),
    // §5.4.2, abnormal examples
    ("../../../g", "http://a/g"),
    ("../../../../g", "http://a/g"),
    ("/./g", "http://a/g"),
    ("/../g", "http://a/g"),
    ("g.", "http://a/b/c/g."),
    (".g", "http://a/b/c/.g"),
    ("g..", "http://a/b/c/g.."),
    ("..g", "http://a/b/c/..g"),
    ("./../g", "http://a/b/g"),
    ("./g/.", "http://a/b/c/g/"),
    ("g/./h", "http://a/b/c/g/h"),
    ("g/../h", "http://a/b/c/h"),
    ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
    ("g;x=1/../y", "http://a/b/c/y"),
    ("g?y/./x", "http://a/b/c/g?y/./x"),
    ("g?y/../x", "http://a/b/c/g?y/../x"),
    ("g#s/./x", "http://a/b/c/g"),
    ("g#s/../x", "http://a/b/c/g"),
    // "for backward compatibility", as browsers do
    ("http:g", "http://a/b/c/g"),
];

#[test]
fn references_resolve_as_in_the_rfc() {
    let base = Url::parse("http://a/b/c/d;p?q").unwrap();
    for (reference, expected) in REFERENCES {
        assert_eq!(base.join(reference).map(|url| url.to_string()), Ok(expected.to_owned()), "{reference}");
    }
    assert_eq!(base.join("g:h"), Err(UrlError::Scheme));
}

#[test]
fn references_beyond_the_rfc_resolve_too() {
    let cases = [
        ("http://a", "g", "http://a/g"),
        ("http://a", "?x", "http://a/?x"),
        ("http://a/?x", "", "http://a/?x"),
        ("http://a/b?x", "c", "http://a/c"),
        ("http://a/b?x=/y/z", "c", "http://a/c"),
        ("http://a/b?", "", "http://a/b?"),
        ("http://a/b", "?", "http://a/b?"),
        ("http://a/b/", "..", "http://a/"),
        ("http://a/b", "https://c/d", "https://c/d"),
        ("http://a/b", "HTTPS://C:443", "https://c/"),
        ("https://a:8443/b", "//c/d", "https://c/d"),
        ("https://a:8443/b", "/d", "https://a:8443/d"),
        ("http://a/b", "%2e%2E/c", "http://a/c"),
        ("http://a/b/", ".%2e", "http://a/"),
        ("http://a/b", "./x:y", "http://a/x:y"),
        ("http://a/b", "/x:y", "http://a/x:y"),
        ("http://a/b", "?x:y", "http://a/b?x:y"),
        ("http://a/b", "a/..//b", "http://a//b"),
        ("http://a/b", "http:", "http://a/b"),
        ("http://a/b", "http:?x", "http://a/b?x"),
        ("http://a/b", "käse?ä#ö", "http://a/k%C3%A4se?%C3%A4"),
        // As browsers do, by the URL Standard.
        ("http://a/b", "https:g", "https://g/"),
        ("http://a/b", "https:/g", "https://g/"),
        ("http://a/b", "http:/g", "http://a/g"),
        ("http://a/b", "http://g", "http://g/"),
        ("http://a/b", "///g", "http://g/"),
        ("http://a/b", "\\\\g\\h", "http://g/h"),
        ("http://a/b/c", "..\\d?\\", "http://a/d?%5C"),
        ("http://a/b", " c d ", "http://a/c%20d"),
        ("http://a/b", "/c\r\nHost: d", "http://a/cHost:%20d"),
        ("http://a/b", "\t?'", "http://a/b?%27"),
    ];
    for (base, reference, expected) in cases {
        let joined = Url::parse(base).unwrap().join(reference);
        assert_eq!(joined.map(|url| url.to_string()), Ok(expected.to_owned()), "{base} + {reference}");
    }
}

#[test]
fn references_to_elsewhere_are_refused() {
    let base = Url::parse("http://a/b").unwrap();
    assert_eq!(base.join("ftp://a/"), Err(UrlError::Scheme));
    assert_eq!(base.join("data:text/event-stream,x"), Err(UrlError::Scheme));
    assert_eq!(base.join("//"), Err(UrlError::Host));
    assert_eq!(base.join("//user@c/"), Err(UrlError::Userinfo));
    assert_eq!(base.join("//a b/"), Err(UrlError::Host));
}

#[test]
fn urls_are_taken_apart() {
    let parts = |text: &str| {
        let url = Url::parse(text).unwrap();
        (url.is_tls(), url.host().to_owned(), url.port(), url.authority().to_owned(), url.target().to_owned())
    };
    let expect = |tls, host: &str, port, authority: &str, target: &str| {
        (tls, host.to_owned(), port, authority.to_owned(), target.to_owned())
    };
    assert_eq!(parts("http://localhost"), expect(false, "localhost", 80, "localhost", "/"));
    assert_eq!(parts("http://localhost:8080/x?y#z"), expect(false, "localhost", 8080, "localhost:8080", "/x?y"));
    assert_eq!(parts("https://Example.ORG:443/A"), expect(true, "example.org", 443, "example.org", "/A"));
    assert_eq!(parts("https://a:80"), expect(true, "a", 80, "a:80", "/"));
    assert_eq!(parts("http://a:443"), expect(false, "a", 443, "a:443", "/"));
    assert_eq!(parts("HTTP://a:/"), expect(false, "a", 80, "a", "/"));
    assert_eq!(parts("http://a:00080/"), expect(false, "a", 80, "a", "/"));
    assert_eq!(parts("http://[::1]/"), expect(false, "::1", 80, "[::1]", "/"));
    assert_eq!(parts("http://[2001:DB8::1]:8080?x"), expect(false, "2001:db8::1", 8080, "[2001:db8::1]:8080", "/?x"));
    assert_eq!(parts("http://[::ffff:127.0.0.1]"), expect(false, "::ffff:7f00:1", 80, "[::ffff:7f00:1]", "/"));
    assert_eq!(parts("http://[1:0:0:0:2:0:0:3]"), expect(false, "1::2:0:0:3", 80, "[1::2:0:0:3]", "/"));
    assert_eq!(parts("http://0x7F.1"), expect(false, "127.0.0.1", 80, "127.0.0.1", "/"));
    assert_eq!(parts("http://0300.0250.257."), expect(false, "192.168.1.1", 80, "192.168.1.1", "/"));
    assert_eq!(parts("http://%41.b%2Ec"), expect(false, "a.b.c", 80, "a.b.c", "/"));
    assert_eq!(parts("http://127.0.0.1:65535"), expect(false, "127.0.0.1", 65535, "127.0.0.1:65535", "/"));
    assert_eq!(parts("http://a_b-c.d."), expect(false, "a_b-c.d.", 80, "a_b-c.d.", "/"));
    assert_eq!(parts("http://a?"), expect(false, "a", 80, "a", "/?"));
    assert_eq!(parts("http://a/b/../c/./d"), expect(false, "a", 80, "a", "/c/d"));
    assert_eq!(parts("http:a"), expect(false, "a", 80, "a", "/"));
    assert_eq!(parts(" http:/\\a\\b\t\n"), expect(false, "a", 80, "a", "/b"));
    assert_eq!(parts("http://a?x://y@z"), expect(false, "a", 80, "a", "/?x://y@z"));
    assert_eq!(Url::parse("http://a").unwrap().scheme(), "http");
    assert_eq!(Url::parse("https://a").unwrap().scheme(), "https");
    assert_eq!("http://a".parse(), Url::parse("http://a"));
}

#[test]
fn web_socket_urls_are_urls_with_the_ports_of_http() {
    for (text, tls, port, shown) in [
        ("ws://a", false, 80, "ws://a/"),
        ("WS://A:80/x?y#z", false, 80, "ws://a/x?y"),
        ("ws://a:443/", false, 443, "ws://a:443/"),
        ("wss://a", true, 443, "wss://a/"),
        ("wSs://a:443", true, 443, "wss://a/"),
        ("wss:\\\\a:80\\b", true, 80, "wss://a:80/b"),
    ] {
        let url = Url::parse(text).unwrap();
        assert!(url.is_web_socket(), "{text}");
        assert_eq!((url.is_tls(), url.port(), url.to_string()), (tls, port, shown.to_owned()), "{text}");
    }
    assert_eq!(&*Url::parse("wss://a").unwrap().host_and_port(), "a:443");
    assert!(!Url::parse("http://a").unwrap().is_web_socket() && !Url::parse("https://a").unwrap().is_web_socket());
}

#[test]
fn a_web_socket_url_is_of_the_origin_that_its_http_url_is_of() {
    let same = |a: &str, b: &str| Url::parse(a).unwrap().same_origin(&Url::parse(b).unwrap());
    assert!(same("ws://a/x", "http://a:80/y") && same("wss://a", "https://a:443") && same("ws://a", "ws://a/x"));
    assert!(!same("ws://a", "wss://a") && !same("ws://a:443", "wss://a") && !same("wss://a", "http://a"));
    assert!(!same("ws://a", "ws://b") && !same("ws://a", "ws://a:8080"));
}

#[test]
fn an_http_url_becomes_that_of_a_web_socket_with_all_else_kept() {
    for (from, to) in [
        ("http://a/x?y", "ws://a/x?y"),
        ("https://a:8443/", "wss://a:8443/"),
        ("http://a:443", "ws://a:443/"),
        ("ws://a", "ws://a/"),
        ("wss://a", "wss://a/"),
    ] {
        let url = Url::parse(from).unwrap().to_web_socket();
        assert_eq!(url, Url::parse(to).unwrap(), "{from}");
        assert_eq!(url.to_string(), to);
    }
}

#[test]
fn references_to_web_socket_urls_resolve_as_those_to_others() {
    let base = Url::parse("wss://a/b/c?d").unwrap();
    for (reference, expected) in [
        ("e", "wss://a/b/e"),
        ("/e", "wss://a/e"),
        ("//f", "wss://f/"),
        ("wss:e", "wss://a/b/e"),
        ("ws:e", "ws://e/"),
        ("https://a/e", "https://a/e"),
        ("", "wss://a/b/c?d"),
    ] {
        assert_eq!(base.join(reference).unwrap().to_string(), expected, "{reference}");
    }
}

#[test]
fn what_cannot_stand_in_a_url_is_percent_encoded() {
    let target = |text: &str| Url::parse(text).unwrap().target().to_owned();
    assert_eq!(target("http://a/ü/日本?ü=日"), "/%C3%BC/%E6%97%A5%E6%9C%AC?%C3%BC=%E6%97%A5");
    assert_eq!(target("http://a/\"<>^`{|}[] \0\u{7f}"), "/%22%3C%3E%5E%60%7B%7C%7D%5B%5D%20%00%7F");
    assert_eq!(target("http://a/-._~!$&'()*+,;=:@%41?/?"), "/-._~!$&'()*+,;=:@%41?/?");
}

#[test]
fn urls_that_nobody_can_follow_are_refused() {
    let cases = [
        ("", UrlError::Relative),
        ("/path", UrlError::Relative),
        ("example.org/path", UrlError::Relative),
        ("//example.org/path", UrlError::Relative),
        ("localhost:8080/path", UrlError::Scheme),
        ("ftp://a/", UrlError::Scheme),
        ("wsx://a/", UrlError::Scheme),
        ("ws:", UrlError::Host),
        ("1http://a/", UrlError::Relative),
        ("http:", UrlError::Host),
        ("http://", UrlError::Host),
        ("http://:80/", UrlError::Host),
        ("http://?x", UrlError::Host),
        ("http:////", UrlError::Host),
        ("http://a,b/", UrlError::Host),
        ("http://a b/", UrlError::Host),
        ("http://a\0b/", UrlError::Host),
        ("http://%00/", UrlError::Host),
        ("http://%zz/", UrlError::Host),
        ("http://%C3%BC/", UrlError::HostNotAscii),
        ("http://1.2.3.256/", UrlError::Host),
        ("http://1.256.3.4/", UrlError::Host),
        ("http://1.2.3.4.5/", UrlError::Host),
        ("http://1..2/", UrlError::Host),
        ("http://4294967296/", UrlError::Host),
        ("http://0x100000000/", UrlError::Host),
        ("http://a.08/", UrlError::Host),
        ("http://a.0xf/", UrlError::Host),
        ("http://[::1/", UrlError::Host),
        ("http://::1/", UrlError::Host),
        ("http://[v1.x]/", UrlError::Host),
        ("http://[fe80::1%25eth0]/", UrlError::Host),
        ("http://[::1]x/", UrlError::Host),
        ("http://bücher.example/", UrlError::HostNotAscii),
        ("http://a:0/", UrlError::Port),
        ("http://a:65536/", UrlError::Port),
        ("http://a:x/", UrlError::Port),
        ("http://a:+80/", UrlError::Port),
        ("http://a:-1/", UrlError::Port),
        ("http://a:80:80/", UrlError::Host),
        ("http://user@a/", UrlError::Userinfo),
        ("http://user:password@a/", UrlError::Userinfo),
        ("http://a@b@c/", UrlError::Userinfo),
    ];
    for (text, error) in cases {
        assert_eq!(Url::parse(text), Err(error), "{text:?}");
        assert!(error.to_string().starts_with("the URL"), "{error}");
    }
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    let same = |one: &str, other: &str| Url::parse(one).unwrap().same_origin(&Url::parse(other).unwrap());
    assert!(same("http://a/b", "http://A:80/c?d"));
    assert!(same("https://a:443", "https://a"));
    assert!(!same("http://a", "https://a"));
    assert!(!same("http://a", "http://a:81"));
    assert!(!same("http://a:443", "https://a"));
    assert!(!same("http://a", "http://b"));
    assert!(!same("http://a", "http://a.a"));
}

proptest! {
    #[test]
    fn a_url_prints_as_it_parses_and_joins(
        text in "https?://(a|\\[::1\\]|a\\.b)(:[0-9]{1,5})?(/|\\.|\\.\\.|%2e|b|ü|;|:|=)*(\\?(x|/|\\?|&|=|ü)*)?(#x)?",
        reference in "(http:|https:)?(//a)?(/|\\.|\\.\\.|%2e|b|ü|;|:|=)*(\\?(x|/|\\?|&|=|ü)*)?(#x)?",
    ) {
        fuzz_http::url(format!("{text}\n{reference}").as_bytes());
    }
}
