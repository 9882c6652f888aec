//! Where bodies end, and what is refused because two parsers might not agree on it.

use tidewire_core::http::{
    Expectation, Framing, FramingError, HeadLimits, Method, RequestHead, ResponseHead, TargetError, Version,
    request_framing, response_framing,
};
use tidewire_tests::fuzz_http::read_heads;
use tidewire_tests::vectors_http::{Case, cases, escape};

#[test]
fn requests_are_framed_or_refused_as_the_vectors_say() {
    for Case { title, input, outcome, .. } in cases(include_str!("vectors/http/requests.txt")) {
        let read = read_heads::<RequestHead>(HeadLimits::default(), &[&input]);
        let found = match (read.error, read.heads.first().map(request_framing)) {
            (_, Some(Ok(framing))) => format!("200 {}", framing_text(framing)),
            (_, Some(Err(error))) => format!("{} {error:?}", error.status()),
            (Some(error), None) => format!("{} {error:?}", error.status()),
            (None, None) => "unfinished".to_owned(),
        };
        assert_eq!(found, outcome, "{title}: {}", escape(&input));
    }
}

#[test]
fn responses_are_framed_or_refused_as_the_vectors_say() {
    for Case { title, note, input, outcome } in cases(include_str!("vectors/http/responses.txt")) {
        let method = Method::new(note.as_deref().unwrap_or("GET")).expect("a method in parentheses");
        let read = read_heads::<ResponseHead>(HeadLimits::default(), &[&input]);
        let found = match (read.error, read.heads.first()) {
            (_, Some(head)) => match response_framing(&method, head) {
                Ok(framing) => {
                    let connection = if head.keep_alive() { "keep-alive" } else { "close" };
                    format!("{} {} {connection}", head.status, framing_text(framing))
                }
                Err(error) => format!("{error:?}"),
            },
            (Some(error), None) => format!("{error:?}"),
            (None, None) => "unfinished".to_owned(),
        };
        assert_eq!(found, outcome, "{title}: {}", escape(&input));
    }
}

fn framing_text(framing: Framing) -> String {
    match framing {
        Framing::None => "none".to_owned(),
        Framing::Length(length) => format!("length {length}"),
        Framing::Chunked => "chunked".to_owned(),
        Framing::UntilClose => "until close".to_owned(),
    }
}

/// A request for `/` with these fields, besides `Host`.
fn request(version: Version, fields: &[(&str, &str)]) -> RequestHead {
    let mut head = RequestHead { version, ..RequestHead::new(Method::GET, "/") };
    for (name, value) in fields.iter().chain([&("host", "a")]) {
        head.fields.append(name, value).expect("well formed");
    }
    head
}

#[test]
fn connections_stay_as_the_version_and_the_options_say() {
    let stays = |version, value: &str| request(version, &[("Connection", value)]).keep_alive();
    assert!(request(Version::Http11, &[]).keep_alive());
    assert!(!request(Version::Http10, &[]).keep_alive());
    assert!(stays(Version::Http11, "upgrade"));
    assert!(!stays(Version::Http11, "Close"));
    assert!(!stays(Version::Http11, "upgrade , close"));
    assert!(!stays(Version::Http11, "keep-alive, close"));
    assert!(stays(Version::Http11, "closed"));
    assert!(stays(Version::Http10, "Keep-Alive"));
    assert!(!stays(Version::Http10, "keep-alive, close"));
    assert!(!request(Version::Http11, &[("connection", "x"), ("connection", "close")]).keep_alive());
}

#[test]
fn only_100_continue_can_be_expected() {
    let expects = |version, value: &str| request(version, &[("Expect", value)]).expectation();
    assert_eq!(request(Version::Http11, &[]).expectation(), Expectation::None);
    assert_eq!(expects(Version::Http11, "100-Continue"), Expectation::Continue);
    assert_eq!(expects(Version::Http11, "200-ok"), Expectation::Unknown);
    assert_eq!(expects(Version::Http11, "100-continue, x"), Expectation::Unknown);
    assert_eq!(expects(Version::Http11, ""), Expectation::None);
    assert_eq!(expects(Version::Http10, "100-continue"), Expectation::None);
}

#[test]
fn the_host_of_an_absolute_target_wins() {
    let head = RequestHead { target: "http://b:81/x".into(), ..request(Version::Http11, &[]) };
    assert_eq!(head.authority(), Some("b:81"));
    assert_eq!(request(Version::Http11, &[]).authority(), Some("a"));
    assert_eq!(RequestHead::new(Method::GET, "/").authority(), None);
}

#[test]
fn every_framing_error_names_its_remedy_and_status() {
    let errors = [
        FramingError::LengthAndEncoding,
        FramingError::RepeatedLength,
        FramingError::BadLength,
        FramingError::ChunkedNotLast,
        FramingError::RepeatedChunked,
        FramingError::UnknownEncoding,
        FramingError::EncodingOnHttp10,
        FramingError::MissingHost,
        FramingError::RepeatedHost,
        FramingError::BadHost,
        FramingError::Target(TargetError::Form),
        FramingError::Target(TargetError::Authority),
        FramingError::Target(TargetError::Fragment),
        FramingError::Target(TargetError::Escape),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains(';') && !text.ends_with('.'), "{error:?}: {text}");
        assert_eq!(error.status(), if error == FramingError::UnknownEncoding { 501 } else { 400 }, "{error:?}");
        assert_eq!(std::error::Error::source(&error).is_some(), matches!(error, FramingError::Target(_)), "{error:?}");
    }
}
