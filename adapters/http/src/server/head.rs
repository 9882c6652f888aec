use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version};
use tidewire_core::http::{self as core_http, Fields, Method, RequestHead};
use tidewire_core::server::{Reply, StreamHead};

use super::EventBody;

/// What has the head of a request: a [`Request`] with any body, or its [`Parts`].
pub trait AsHead {
    /// Returns the head as the core reads it.
    fn as_head(&self) -> RequestHead;
}

impl<B> AsHead for Request<B> {
    fn as_head(&self) -> RequestHead {
        head_of(self.method(), self.uri(), self.version(), self.headers())
    }
}

impl AsHead for Parts {
    fn as_head(&self) -> RequestHead {
        head_of(&self.method, &self.uri, self.version, &self.headers)
    }
}

/// Both sides have the same rules for methods, names and values, so nothing is left out.
fn head_of(method: &http::Method, uri: &Uri, version: Version, headers: &HeaderMap) -> RequestHead {
    let method = Method::new(method.as_str()).unwrap_or(Method::GET);
    let mut head = match (uri.path_and_query(), uri.authority()) {
        // RFC 9110 §9.3.6: a CONNECT has the authority and nothing else.
        (None, Some(authority)) => RequestHead::new(method, authority.as_str()),
        (path, _) => RequestHead::new(method, &visible(path.map_or("/", |path| path.as_str()))),
    };
    head.version = match version {
        Version::HTTP_09 | Version::HTTP_10 => core_http::Version::Http10,
        _ => core_http::Version::Http11,
    };
    // RFC 9113 §8.3.1: "An intermediary that needs to generate a Host header field (which might be necessary to construct an
    // HTTP/1.1 request) MUST use the value from the ":authority" pseudo-header field as the value of the Host field". The same
    // holds for a target in absolute form (RFC 9112 §3.2.2).
    if let Some(authority) = uri.authority() {
        add(&mut head.fields, HOST.as_str(), authority.as_str().as_bytes());
    }
    for (name, value) in headers {
        let replaced = name == HOST && uri.authority().is_some();
        let split = name == COOKIE && version >= Version::HTTP_2;
        if !replaced && !split {
            add(&mut head.fields, name.as_str(), value.as_bytes());
        }
    }
    // RFC 9113 §8.2.3: "these MUST be concatenated into a single octet string using the two-octet delimiter of 0x3b, 0x20".
    if version >= Version::HTTP_2 && headers.contains_key(COOKIE) {
        let cookies: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        add(&mut head.fields, COOKIE.as_str(), &cookies.join(&b"; "[..]));
    }
    head
}

/// Returns the head of a stream as a response with `body`.
pub(super) fn stream_response<B>(head: StreamHead, body: B) -> Response<B> {
    response(200, &head.into_reply().fields, body)
}

/// Returns a reply as the response to `request`. Stacks differ in whether they leave the body away for a HEAD.
pub(super) fn reply_response(request: &RequestHead, reply: Reply) -> Response<EventBody> {
    let Reply { status, fields, body } = reply;
    if request.method != Method::HEAD {
        return response(status, &fields, body.into());
    }
    let mut response = response(status, &fields, EventBody::left());
    if !body.is_empty() {
        response.headers_mut().insert(CONTENT_LENGTH, body.len().into());
    }
    response
}

fn response<B>(status: u16, fields: &Fields, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in fields.iter() {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
            && !OF_THE_STACK.contains(&name.as_str())
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn add(fields: &mut Fields, name: &str, value: &[u8]) {
    let added = fields.append(name, value);
    debug_assert!(added.is_ok(), "{name}");
}

/// Percent-encodes what is not visible ASCII, which the `http` crate lets through and a target is not.
fn visible(target: &str) -> std::borrow::Cow<'_, str> {
    if target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return target.into();
    }
    let encoded =
        |byte: u8| if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    target.bytes().map(encoded).collect()
}

/// RFC 9110 §7.6.1: what belongs to one connection; a stack writes these itself, and HTTP/2 forbids them (RFC 9113 §8.2.2).
const OF_THE_STACK: [&str; 4] = ["connection", "content-length", "keep-alive", "transfer-encoding"];

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    fn host(head: &RequestHead) -> Vec<&[u8]> {
        head.fields.get_all("host").collect()
    }

    #[test]
    fn a_head_of_http1_keeps_target_and_fields_in_order() {
        let request = Request::get("/a?b=c%20d").header("host", "h").header("x", "1").header("x", "\u{e9}").body(());
        let head = request.unwrap().as_head();
        assert_eq!((&*head.target, head.method.as_str(), head.authority()), ("/a?b=c%20d", "GET", Some("h")));
        assert_eq!(head.fields.get_all("x").collect::<Vec<_>>(), ["1".as_bytes(), "\u{e9}".as_bytes()]);
        assert_eq!(head.version, core_http::Version::Http11);
    }

    #[test]
    fn the_authority_of_http2_or_of_an_absolute_target_is_the_host() {
        for version in [Version::HTTP_2, Version::HTTP_11] {
            let request = Request::get("http://a:1/b?c").version(version).header("host", "other").body(());
            let head = request.unwrap().as_head();
            assert_eq!((&*head.target, head.authority(), host(&head)), ("/b?c", Some("a:1"), vec![&b"a:1"[..]]));
        }
    }

    #[test]
    fn targets_without_a_path_are_kept() {
        let head = |request: http::request::Builder| request.body(()).unwrap().as_head();
        assert_eq!(&*head(Request::options("*")).target, "*");
        assert_eq!(&*head(Request::get("http://a")).target, "/");
        assert_eq!(&*head(Request::connect("a:443")).target, "a:443");
        assert_eq!(&*head(Request::get("/é")).target, "/%C3%A9");
        assert!(head(Request::get("/é")).parse_target().is_ok());
    }

    #[test]
    fn cookies_that_http2_split_are_one_again() {
        let request = |version| Request::get("/").version(version).header("cookie", "a=1").header("cookie", "b=2");
        let head = request(Version::HTTP_2).body(()).unwrap().into_parts().0.as_head();
        assert_eq!(head.fields.get_all("cookie").collect::<Vec<_>>(), [b"a=1; b=2"]);
        let head = request(Version::HTTP_11).body(()).unwrap().as_head();
        assert_eq!(head.fields.get_all("cookie").count(), 2);
    }

    #[test]
    fn methods_and_versions_are_kept() {
        let request = Request::builder().method("PURGE").version(Version::HTTP_10).uri("/").body(()).unwrap();
        let head = request.as_head();
        assert_eq!((head.method.as_str(), head.version), ("PURGE", core_http::Version::Http10));
    }

    #[test]
    fn a_reply_becomes_a_response_whose_framing_is_the_stack_s() {
        let mut reply = Reply { body: "body".into(), ..Reply::new(405) };
        for (name, value) in
            [("Allow", "GET"), ("vary", "a"), ("vary", "b"), ("content-length", "9"), ("connection", "x")]
        {
            reply.fields.append(name, value).unwrap();
        }
        let answer = |method, reply| reply_response(&RequestHead::new(method, "/"), reply);
        let response = answer(Method::GET, reply.clone());
        let fields: Vec<_> = response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(fields, [("allow", &b"GET"[..]), ("vary", b"a"), ("vary", b"b")]);
        assert_eq!((response.status().as_u16(), response.body().size_hint().exact()), (405, Some(4)));
        let response = answer(Method::HEAD, reply);
        assert_eq!(
            (&response.headers()["content-length"], response.body().is_end_stream()),
            (&"4".parse().unwrap(), true)
        );
        let response = answer(Method::HEAD, Reply::new(200));
        assert_eq!((response.headers().len(), response.body().size_hint().exact()), (0, None));
    }
}
