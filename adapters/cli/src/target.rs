//! What `tail` and `publish` talk to: a URL and header fields, as one types them.

use std::env;

use tidewire_core::http::{Fields, Url};

use crate::exit::{Exit, Failure};
use crate::input;

/// Reads a URL; without a scheme, it is http.
pub(crate) fn url(text: &str) -> Result<Url, Failure> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    Url::parse(&whole).map_err(|error| usage(format!("'{text}': {error}")))
}

/// Reads the URL of something that takes HTTP requests, and is no WebSocket.
pub(crate) fn http_url(text: &str) -> Result<Url, Failure> {
    let url = url(text)?;
    if url.is_web_socket() {
        return Err(usage(format!("'{text}' is the address of a WebSocket; write it with http:// or https://")));
    }
    Ok(url)
}

/// Reads the values of `-H` and the token of `--bearer`, or that of the environment unless a field of `-H` authorizes otherwise.
pub(crate) fn fields(headers: &[(String, String)], bearer: Option<&str>) -> Result<Fields, Failure> {
    let mut fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value).map_err(|error| usage(format!("-H '{name}: {value}': {error}")))?;
    }
    let own = fields.contains("authorization");
    let token = match bearer {
        Some(_) if own => {
            return Err(usage("--bearer and -H 'Authorization: …' say the same; take one of them".into()));
        }
        Some(token) if token.starts_with('@') => String::from_utf8(input::read("--bearer", token)?)
            .map_err(|_| usage(format!("--bearer {token}: there is no text in it")))?,
        Some(token) => token.to_owned(),
        None => env::var("TIDEWIRE_BEARER").ok().filter(|token| !token.is_empty() && !own).unwrap_or_default(),
    };
    match token.trim() {
        "" if bearer.is_some() => return Err(usage("--bearer: the token is empty".into())),
        "" => {}
        // The token itself is not for the eyes of who reads the error.
        token => fields
            .set("authorization", format!("Bearer {token}"))
            .map_err(|_| usage("--bearer: the token has characters that no header field can have".into()))?,
    }
    Ok(fields)
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_requests_is_no_web_socket() {
        assert!(http_url("example.test/x").is_ok_and(|url| url.scheme() == "http"));
        assert!(http_url("https://example.test/").is_ok());
        assert!(http_url("ws://example.test/").is_err() && http_url("WSS://example.test/").is_err());
        assert!(url("ws://example.test/").is_ok_and(|url| url.is_web_socket()));
    }
}
