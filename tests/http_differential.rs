//! Requests beside hyper's server: what it takes and refuses is taken and refused here, but for the differences that are listed.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tidewire_core::server::Config;
use tidewire_tests::served::Served;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a server makes of an input: the requests it tells its application, `METHOD target body`, and the status of its refusal.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    requests: Vec<String>,
    refused: bool,
}

fn ours(input: &[u8]) -> Made {
    let mut served = Served::new(Config::default());
    served.input_bytes(input);
    served.eof();
    let told = |request: &tidewire_core::server::Request| {
        format!("{} {} {}", request.head.method.as_str(), request.head.target, String::from_utf8_lossy(&request.body))
    };
    let requests = served.requests.iter().map(told).collect();
    Made { requests, refused: is_refusal(&served.take_output()) }
}

async fn hypers(input: &[u8]) -> Made {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&requests);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let told = Arc::clone(&told);
        async move {
            let (head, body) = request.into_parts();
            // A body that cannot be read is no request here.
            if let Ok(body) = body.collect().await {
                let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
                told.lock().unwrap().push(format!("{} {} {body}", head.method, head.uri));
            } else {
                told.lock().unwrap().push("broken".into());
            }
            Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from_static(b"ok"))))
        }
    });
    let (mut client, server) = tokio::io::duplex(1 << 20);
    let serving =
        hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(TokioIo::new(server), service);
    let talking = async {
        // It may refuse before it has read all.
        let _ = client.write_all(input).await;
        let _ = client.shutdown().await;
        let mut output = Vec::new();
        let _ = client.read_to_end(&mut output).await;
        output
    };
    let (ended, output) = tokio::join!(serving, talking);
    let mut requests = std::mem::take(&mut *requests.lock().unwrap());
    let broken = requests.iter().any(|request| request == "broken");
    requests.retain(|request| request != "broken");
    Made { requests, refused: broken || (ended.is_err() && is_refusal(&String::from_utf8_lossy(&output))) }
}

/// Tells whether the last answer is one.
fn is_refusal(output: &str) -> bool {
    output.rsplit("HTTP/1.1 ").next().is_some_and(|last| last.starts_with('4') || last.starts_with('5'))
}

fn request(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn same() -> Vec<String> {
    let mut all: Vec<String> = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a?b=c HTTP/1.1\r\nhost:a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n",
        "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01",
    ]
    .map(String::from)
    .into();
    all.extend(
        [
            ("Content-Length: 2\r\n", "hi"),
            ("Content-Length: 0\r\n", ""),
            ("Content-Length: 02\r\n", "hi"),
            ("Content-Length: 2\r\nX: y\r\n", "hiGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"),
            ("Transfer-Encoding: CHUNKED\r\n", "2;x=y\r\nhi\r\n0\r\nTrailer: x\r\n\r\n"),
            ("Content-Length: 1\r\nContent-Length: 2\r\n", "hi"),
            ("Content-Length: +2\r\n", "hi"),
            ("Content-Length: -2\r\n", "hi"),
            ("Content-Length: 0x2\r\n", "hi"),
            ("Content-Length: 2 2\r\n", "hi"),
            ("Content-Length: two\r\n", "hi"),
            ("Content-Length: 99999999999999999999\r\n", "hi"),
            ("Transfer-Encoding: identity\r\n", "hi"),
            ("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
            ("Transfer-Encoding: chunked\r\n", "+2\r\nhi\r\n0\r\n\r\n"),
            ("Transfer-Encoding: chunked\r\n", "x\r\nhi\r\n0\r\n\r\n"),
            ("Transfer-Encoding: chunked\r\n", "2\nhi\r\n0\r\n\r\n"),
            ("Transfer-Encoding: chunked\r\n", "2\r\nhiX\r\n0\r\n\r\n"),
            ("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"),
            ("Expect: 100-continue\r\nContent-Length: 2\r\n", "hi"),
        ]
        .map(|(fields, body)| request(fields) + body),
    );
    all
}

/// Refused here and taken by hyper, with why.
const STRICTER: &[(&str, &str)] = &[
    ("GET / HTTP/1.1\r\n\r\n", "RFC 9112 §3.2: no Host is 400"),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "RFC 9112 §3.2: nor is more than one"),
    ("GET / HTTP/1.1\nHost: a\n\n", "a bare LF ends no line: smuggling lives on it"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n", "a bare LF ends no line"),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "two lengths, though the same"),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "two ways to tell the length",
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "a transfer coding that is not undone",
    ),
    ("POST / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\nContent-Length: 2\r\n\r\nhi", "RFC 9110 §10.1.1: 417"),
];

#[tokio::test]
async fn hyper_agrees() {
    let mut different = Vec::new();
    for input in same() {
        let (ours, hypers) = (ours(input.as_bytes()), hypers(input.as_bytes()).await);
        if ours != hypers {
            different.push(format!("{input:?}\n  ours: {ours:?}\n  hyper: {hypers:?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[tokio::test]
async fn where_it_does_not_this_server_is_the_stricter_one() {
    for (input, why) in STRICTER {
        let (ours, hypers) = (ours(input.as_bytes()), hypers(input.as_bytes()).await);
        assert!(ours.refused && ours.requests.is_empty(), "{why}: {ours:?}");
        assert!(!hypers.refused && !hypers.requests.is_empty(), "{why}: {hypers:?}");
    }
    // hyper leaves the preface of HTTP/2 without a word, as another machine of its could take it.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert_eq!(hypers(preface).await, Made { requests: Vec::new(), refused: false });
    assert_eq!(ours(preface), Made { requests: Vec::new(), refused: true });
}
