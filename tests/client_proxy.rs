//! Which requests go through which proxy, and what they look like then.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tidewire_core::client::{
    CloseReason, Config, Connect, ConnectError, Decision, EnvProxyError, FailureHook, NoProxy, Peer, Progress, Proxies,
    Proxy, ProxyError, Reason, exchange,
};
use tidewire_core::http::{Method, RequestHead, Url, UrlError};
use tidewire_core::{Closing, Protocol};
use tidewire_tests::client::{Client, UNTIL_CLOSE, config_of, field, redirect, response, target};

// The URL of a proxy.

#[test]
fn a_proxys_url_may_lack_scheme_credentials_and_port() {
    for (text, host, port, authorization) in [
        ("http://proxy.test:3128", "proxy.test", 3128, None),
        ("HTTP://Proxy.test", "proxy.test", 80, None),
        ("proxy.test:8080/", "proxy.test", 8080, None),
        ("proxy.test:8080/path?x#y", "proxy.test", 8080, None),
        ("http://[2001:db8::1]:3128/", "2001:db8::1", 3128, None),
        ("http://@proxy.test", "proxy.test", 80, None),
        // RFC 7617 §2: "Aladdin" and "open sesame"; §2.1: "test" and "123" with a pound sign.
        ("http://Aladdin:open%20sesame@proxy.test", "proxy.test", 80, Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
        ("http://test:123%C2%A3@proxy.test", "proxy.test", 80, Some("Basic dGVzdDoxMjPCow==")),
        ("user@proxy.test", "proxy.test", 80, Some("Basic dXNlcjo=")),
        // A password with what an address has, unescaped.
        ("http://u:p@ss/w:rd?@proxy.test:1", "proxy.test", 1, Some("Basic dTpwQHNzL3c6cmQ/")),
        ("http://u:100%@proxy.test", "proxy.test", 80, Some("Basic dToxMDAl")),
    ] {
        let proxy = Proxy::parse(text).expect(text);
        assert_eq!((proxy.host(), proxy.port(), proxy.authorization()), (host, port, authorization), "{text}");
    }
}

#[test]
fn what_is_no_http_proxy_is_refused_by_its_fault() {
    for (text, error) in [
        ("https://proxy.test", ProxyError::Scheme),
        ("socks5://proxy.test:1080", ProxyError::Scheme),
        ("socks5h://u:p@proxy.test:1080", ProxyError::Scheme),
        ("", ProxyError::Address(UrlError::Host)),
        ("http://", ProxyError::Address(UrlError::Host)),
        ("http://u:p@", ProxyError::Address(UrlError::Host)),
        ("proxy.test:99999", ProxyError::Address(UrlError::Port)),
        ("proxy test", ProxyError::Address(UrlError::Host)),
        ("http://a%3Ab:c@proxy.test", ProxyError::Credentials),
        ("http://a:b%0D%0AX:1@proxy.test", ProxyError::Credentials),
    ] {
        assert_eq!(Proxy::parse(text), Err(error), "{text}");
        assert!(error.to_string().len() > 20);
    }
}

#[test]
fn credentials_are_never_shown() {
    let proxy = Proxy::parse("http://user:hunter2@proxy.test:3128").unwrap();
    let mut config = config_of("https://api.test/");
    config.proxies = Proxies::all(proxy.clone());
    let client = Client::new(config.clone());
    let shown = format!("{proxy:?} {proxy} {config:?} {:?} {client:?}", client.connects);
    assert!(shown.contains("proxy.test"));
    for secret in ["hunter2", "dXNlcjpodW50ZXIy", "user"] {
        assert!(!shown.replace("user-agent", "").contains(secret), "{secret} in {shown}");
    }
}

// For whom there is none.

#[test]
fn a_name_stands_for_the_host_and_all_below_it() {
    for list in ["example.com", ".example.com", "*.example.com", "EXAMPLE.com.", "a.b, example.com", "a.b\texample.com"]
    {
        let list = NoProxy::parse(list);
        for host in ["example.com", "www.example.com", "a.b.EXAMPLE.COM", "example.com.", "www.example.com."] {
            assert!(list.matches(host, 443), "{list:?} {host}");
        }
        for host in ["badexample.com", "example.com.evil.test", "com", "example.co", "xample.com", ""] {
            assert!(!list.matches(host, 443), "{list:?} {host}");
        }
    }
}

#[test]
fn addresses_and_networks_stand_for_addresses_only() {
    for (list, within, without) in [
        ("192.0.2.1", vec!["192.0.2.1", "::ffff:192.0.2.1"], vec!["192.0.2.10", "1.192.0.2.1", "host"]),
        ("10.0.0.0/8", vec!["10.0.0.0", "10.255.255.255"], vec!["11.0.0.0", "9.255.255.255", "::a00:0", "10.example"]),
        ("192.0.2.128/25", vec!["192.0.2.128", "192.0.2.255"], vec!["192.0.2.127", "192.0.3.128"]),
        ("0.0.0.0/0", vec!["1.2.3.4", "255.255.255.255"], vec!["::1", "host"]),
        ("192.0.2.7/32", vec!["192.0.2.7"], vec!["192.0.2.6"]),
        ("2001:db8::/32", vec!["2001:db8::", "2001:db8:ffff::1"], vec!["2001:db9::", "2001:db7::"]),
        ("::1", vec!["::1", "0:0:0:0:0:0:0:1"], vec!["::2", "1"]),
        ("[::1]", vec!["::1"], vec!["::2"]),
        ("::/0", vec!["::1", "2001:db8::"], vec!["1.2.3.4"]),
        ("fd00::/8", vec!["fdff::1"], vec!["fe00::"]),
        ("[fd00::]/8", vec!["fdff::1"], vec!["fe00::"]),
    ] {
        let parsed = NoProxy::parse(list);
        within.iter().for_each(|host| assert!(parsed.matches(host, 80), "{list} {host}"));
        without.iter().for_each(|host| assert!(!parsed.matches(host, 80), "{list} {host}"));
    }
}

#[test]
fn an_entry_with_a_port_is_for_that_port() {
    let list = NoProxy::parse("a.test:8080 192.0.2.1:81 [::1]:82");
    for (host, port) in [("a.test", 8080), ("b.a.test", 8080), ("192.0.2.1", 81), ("::1", 82)] {
        assert!(list.matches(host, port));
        assert!(!list.matches(host, 80), "{host}");
    }
}

#[test]
fn a_star_is_everybody_and_nonsense_is_nobody() {
    for host in ["a.test", "192.0.2.1", "::1"] {
        assert!(NoProxy::parse("x, *").matches(host, 1));
        let nonsense = [
            "",
            ",",
            " , ",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "/8",
            "a/8",
            "*.",
            ".",
            ":80",
            "a.test:",
            "a.test:x",
        ];
        for list in nonsense.into_iter().chain(["a.test:99999", "**", "[a.test]", "*.*"]) {
            assert!(!NoProxy::parse(list).matches(host, 1), "{list} {host}");
        }
    }
}

proptest! {
    #[test]
    fn a_network_is_its_leading_bits(address: u32, other: u32, bits in 0u32..=32) {
        let [network, host] = [address, other].map(std::net::Ipv4Addr::from);
        let same = bits == 0 || address >> (32 - bits) == other >> (32 - bits);
        prop_assert_eq!(NoProxy::parse(&format!("{network}/{bits}")).matches(&host.to_string(), 1), same);
    }

    #[test]
    fn any_text_is_a_list_and_asked_for_any_host(list: String, host: String, port: u16) {
        let _ = NoProxy::parse(&list).matches(&host, port);
        let _ = Proxy::parse(&list);
    }
}

// The environment.

#[test]
fn the_environment_is_read_lower_case_first() {
    let both = |vars: &[(&str, &str)]| {
        let proxies = env(vars).expect("proxies");
        let of = |url: &str| proxies.proxy_for(&url.parse::<Url>().unwrap()).map(|proxy| proxy.host().to_owned());
        [of("http://x.test/"), of("https://x.test/")].map(Option::unwrap_or_default)
    };
    assert_eq!(both(&[]), ["", ""]);
    assert_eq!(both(&[("http_proxy", "a"), ("https_proxy", "b")]), ["a", "b"]);
    assert_eq!(both(&[("HTTP_PROXY", "a"), ("HTTPS_PROXY", "b")]), ["a", "b"]);
    assert_eq!(
        both(&[("http_proxy", "a"), ("HTTP_PROXY", "b"), ("HTTPS_PROXY", "c"), ("https_proxy", "d")]),
        ["a", "d"]
    );
    assert_eq!(both(&[("ALL_PROXY", "a"), ("https_proxy", "b")]), ["a", "b"]);
    assert_eq!(both(&[("all_proxy", "a"), ("ALL_PROXY", "c")]), ["a", "a"]);
    // An empty one says that there is none.
    assert_eq!(both(&[("all_proxy", "a"), ("https_proxy", " "), ("HTTPS_PROXY", "b")]), ["a", ""]);
    assert_eq!(both(&[("all_proxy", "a"), ("no_proxy", "x.test"), ("NO_PROXY", "")]), ["", ""]);
    assert_eq!(both(&[("all_proxy", "a"), ("NO_PROXY", "*")]), ["", ""]);
    assert_eq!(both(&[("all_proxy", "a"), ("NO_PROXY", "*"), ("no_proxy", "")]), ["a", "a"]);
}

#[test]
fn a_field_of_a_request_does_not_name_the_proxy_of_a_cgi_program() {
    let cgi = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil.test"), ("HTTPS_PROXY", "good.test")];
    let proxies = env(&cgi).expect("proxies");
    assert_eq!(proxies.http, None);
    assert!(proxies.https.is_some());
    assert!(env(&[("REQUEST_METHOD", "GET"), ("http_proxy", "good.test")]).expect("proxies").http.is_some());
}

#[test]
fn a_variable_of_no_use_is_named() {
    let error = EnvProxyError { variable: "ALL_PROXY", error: ProxyError::Scheme };
    assert_eq!(env(&[("ALL_PROXY", "socks5://u:hunter2@a.test")]), Err(error));
    assert!(error.to_string().starts_with("ALL_PROXY: "));
    // A variable that something else takes the place of is not looked at.
    assert!(env(&[("ALL_PROXY", "socks5://a.test"), ("http_proxy", "a"), ("https_proxy", "")]).is_ok());
}

// Requests.

#[test]
fn http_goes_to_the_proxy_in_absolute_form() {
    let mut client = Client::new(proxied("http://a.test:8080/events?x=1", "http://u:p@proxy.test:3128"));
    assert_eq!(target(&client.connects[0]), ("proxy.test", 3128, false));
    assert!(client.connects[0].tunnel.is_none());
    let request = client.accept();
    assert!(request.starts_with("GET http://a.test:8080/events?x=1 HTTP/1.1\r\n"), "{request}");
    assert_eq!(field(&request, "host"), Some("a.test:8080"));
    assert_eq!(field(&request, "proxy-authorization"), Some("Basic dTpw"));
    client.receive(UNTIL_CLOSE);
    assert_eq!(client.lines(), ["open 200 http://a.test:8080/events?x=1"]);
}

#[test]
fn https_goes_through_a_tunnel_and_does_not_show_the_proxy_to_the_server() {
    for (url, authority, name) in [
        ("https://a.test/events", "a.test:443", "a.test"),
        ("https://a.test:8443/events", "a.test:8443", "a.test"),
        ("https://[2001:db8::1]/events", "[2001:db8::1]:443", "2001:db8::1"),
        ("https://[2001:db8::1]:8443/events", "[2001:db8::1]:8443", "2001:db8::1"),
    ] {
        let mut client = Client::new(proxied(url, "http://u:p@proxy.test:3128"));
        let asked = client.connects[0].clone();
        assert_eq!(target(&asked), ("proxy.test", 3128, true));
        assert_eq!(asked.tls.as_deref(), Some(name));
        assert_eq!(asked.tunnel.as_ref().unwrap().authority(), authority);
        let sent = asked.tunnel.unwrap().poll_transmit().expect("a request");
        let sent = String::from_utf8_lossy(&sent);
        assert_eq!(
            sent,
            format!(
                "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: tidewire/{}\r\n\
                 Proxy-Authorization: Basic dTpw\r\n\r\n",
                env!("CARGO_PKG_VERSION")
            )
        );
        let request = client.accept();
        assert!(request.starts_with("GET /events HTTP/1.1\r\n"), "{request}");
        assert_eq!(field(&request, "proxy-authorization"), None);
    }
}

#[test]
fn a_field_of_the_callers_is_what_the_proxy_gets_and_nobody_else() {
    for (url, with_proxy) in [("http://a.test/", true), ("http://a.test/", false), ("https://a.test/", true)] {
        let mut config = config_of(url);
        config.fields.append("Proxy-Authorization", "Bearer t").unwrap();
        config.fields.append("User-Agent", "me/1").unwrap();
        if with_proxy {
            config.proxies = Proxies::all(Proxy::parse("u:p@proxy.test").unwrap());
        }
        let mut client = Client::new(config);
        let tunnelled = client.connects[0].tunnel.as_mut().and_then(Protocol::poll_transmit);
        let request = client.accept();
        assert_eq!(field(&request, "proxy-authorization").is_some(), with_proxy && url.starts_with("http:"));
        if let Some(sent) = tunnelled {
            let sent = String::from_utf8_lossy(&sent);
            assert_eq!(field(&sent, "proxy-authorization"), Some("Bearer t"));
            assert_eq!(field(&sent, "user-agent"), Some("me/1"));
        }
    }
}

#[test]
fn each_hop_of_a_redirect_is_asked_about_anew() {
    let mut config = config_of("http://a.test/");
    config.proxies.http = Some(Proxy::parse("u:p@plain.test:1").unwrap());
    config.proxies.https = Some(Proxy::parse("u:p@secure.test:2").unwrap());
    config.proxies.except = NoProxy::parse("direct.test");
    let mut client = Client::accepted(config);
    client.receive(redirect(302, "https://a.test/"));
    client.accept();
    client.receive(redirect(302, "http://direct.test/x"));
    let request = client.accept();
    assert!(request.starts_with("GET /x HTTP/1.1\r\n"), "{request}");
    assert_eq!(field(&request, "proxy-authorization"), None);
    client.receive(redirect(302, "http://b.test/y"));
    assert!(client.accept().starts_with("GET http://b.test/y HTTP/1.1\r\n"));
    let ways: Vec<_> = client.connects.iter().map(|asked| (target(asked), asked.tunnel.is_some())).collect();
    assert_eq!(
        ways,
        [
            (("plain.test", 1, false), false),
            (("secure.test", 2, true), true),
            (("direct.test", 80, false), false),
            (("plain.test", 1, false), false),
        ]
    );
}

#[test]
fn a_proxy_that_is_down_is_tried_again_like_a_server() {
    for error in [ConnectError::Refused, ConnectError::Resolve, ConnectError::Unreachable] {
        let mut client = Client::new(proxied("https://a.test/", "proxy.test:3128"));
        client.refuse(error.clone());
        let told = client.lost();
        let wrapped = ConnectError::Proxy { proxy: "proxy.test:3128".into(), error: Box::new(error) };
        assert_eq!(told, Reason::Connect(wrapped));
        assert!(told.to_string().starts_with("proxy proxy.test:3128: "));
        client.await_connect();
        assert_eq!(client.connects.len(), 2);
    }
}

#[test]
fn what_goes_wrong_behind_the_proxy_is_not_the_proxys() {
    let mut client = Client::new(proxied("https://a.test/", "proxy.test"));
    for step in [Progress::Connected, Progress::Tunnelled] {
        client.machine.handle_progress(client.now, 1, step);
    }
    let error = ConnectError::Tls("it is another's".into());
    client.refuse(error.clone());
    assert_eq!(client.lost(), Reason::Connect(error));
}

#[test]
fn a_refusal_of_the_proxys_is_final_unless_it_passes() {
    for (status, is_final) in [
        (407, true),
        (403, true),
        (400, true),
        (302, true),
        (101, true),
        (501, true),
        (505, true),
        (408, false),
        (425, false),
        (429, false),
        (500, false),
        (502, false),
        (503, false),
        (504, false),
    ] {
        let mut client = Client::new(proxied("https://a.test/", "proxy.test:3128"));
        client.machine.handle_progress(client.now, 1, Progress::Connected);
        client.refuse(ConnectError::ProxyRefused { status });
        if is_final {
            let ended = client.ended();
            assert_eq!(ended, CloseReason::ProxyRefused { proxy: "proxy.test:3128".into(), status });
            assert!(ended.to_string().contains(&status.to_string()));
            assert_eq!(ended.to_string().contains("USER:PASSWORD"), status == 407);
        } else {
            let error = Box::new(ConnectError::ProxyRefused { status });
            let proxy = "proxy.test:3128".into();
            assert_eq!(client.lost(), Reason::Connect(ConnectError::Proxy { proxy, error }));
        }
    }
}

#[test]
fn the_hook_may_overrule_the_end_and_bring_new_credentials() {
    let mut config = proxied("https://a.test/", "u:old@proxy.test");
    config.on_failure = Some(FailureHook::new(|failure| {
        assert_eq!(failure.would_retry_in, None, "it would be over");
        Decision::Retry
    }));
    let mut client = Client::new(config);
    client.machine.handle_progress(client.now, 1, Progress::Connected);
    client.refuse(ConnectError::ProxyRefused { status: 407 });
    assert!(matches!(client.lost(), Reason::Connect(ConnectError::Proxy { .. })));
    client.machine.config_mut().proxies = Proxies::all(Proxy::parse("u:new@proxy.test").unwrap());
    client.await_connect();
    let sent = client.connects[1].tunnel.as_mut().and_then(Protocol::poll_transmit).expect("asks");
    assert_eq!(field(&String::from_utf8_lossy(&sent), "proxy-authorization"), Some("Basic dTpuZXc="));
}

#[test]
fn what_an_http_proxy_answers_itself_counts_as_the_answer() {
    let mut client = Client::accepted(proxied("http://a.test/", "proxy.test"));
    client.receive(response("407 Proxy Authentication Required", "Proxy-Authenticate: Basic\r\n", ""));
    let ended = client.ended();
    assert!(matches!(&ended, CloseReason::Status(refusal) if refusal.head.status == 407));
    assert!(ended.to_string().contains("USER:PASSWORD"), "{ended}");
}

// Unix sockets.

#[test]
fn a_unix_socket_takes_all_connections_and_no_proxy() {
    let mut config = proxied("https://a.test:8443/events", "proxy.test");
    config.unix_socket = Some("/run/app.sock".into());
    let mut client = Client::new(config);
    let Connect { peer, tunnel, tls, .. } = client.connects[0].clone();
    assert_eq!(peer, Peer::Unix("/run/app.sock".into()));
    assert_eq!(peer.to_string(), "unix:/run/app.sock");
    assert!(tunnel.is_none());
    assert_eq!(tls.as_deref(), Some("a.test"));
    let request = client.accept();
    assert!(request.starts_with("GET /events HTTP/1.1\r\n"));
    assert_eq!(field(&request, "host"), Some("a.test:8443"));
    client.receive(redirect(302, "http://b.test/"));
    assert_eq!(client.connects[1].peer, Peer::Unix("/run/app.sock".into()));
    assert_eq!(field(&client.accept(), "host"), Some("b.test"));
    client.eof();
    client.events.clear();
    client.await_connect();
    client.refuse(ConnectError::NotFound);
    assert_eq!(client.lost(), Reason::Connect(ConnectError::NotFound));
    assert_eq!(client.machine.closing(), Closing::Abort);
}

fn proxied(url: &str, proxy: &str) -> Config {
    let mut config = config_of(url);
    config.proxies = Proxies::all(Proxy::parse(proxy).expect("a proxy"));
    config
}

fn env(vars: &[(&str, &str)]) -> Result<Proxies, EnvProxyError> {
    let vars: BTreeMap<_, _> = vars.iter().copied().collect();
    Proxies::from_env(|name| vars.get(name).copied())
}

#[test]
fn a_request_that_is_no_stream_takes_the_same_way() {
    let url: Url = "http://api.test/v1?a=b".parse().unwrap();
    let mut config = Config::new(url.clone());
    config.proxies = Proxies::all(Proxy::parse("http://user:pass@proxy.test:3128").unwrap());
    let head = || RequestHead::new(Method::POST, "/v1/publish");
    let proxy = Peer::Tcp { host: "proxy.test".into(), port: 3128 };
    let (connect, forwarded) = exchange::route(&url, head(), &config);
    assert_eq!((&connect.peer, connect.tunnel.is_some(), &connect.tls), (&proxy, false, &None));
    assert_eq!(&*forwarded.target, "http://api.test/v1/publish");
    assert!(forwarded.fields.contains("proxy-authorization"));
    let secure: Url = "https://api.test/v1?a=b".parse().unwrap();
    let (connect, tunnelled) = exchange::route(&secure, head(), &config);
    assert_eq!((&connect.peer, connect.tunnel.is_some()), (&proxy, true));
    assert_eq!((connect.tls.as_deref(), &*tunnelled.target), (Some("api.test"), "/v1/publish"));
    assert!(!tunnelled.fields.contains("proxy-authorization"));
    config.unix_socket = Some("/run/app.sock".into());
    let (connect, head) = exchange::route(&url, head(), &config);
    assert_eq!((connect.peer, &*head.target), (Peer::Unix("/run/app.sock".into()), "/v1/publish"));
}
