//! Over [`reqwest`].

use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use reqwest::{Body, Client, Error};
use tidewire_core::client::Config;
use tidewire_core::http::Method;

use crate::{RequestError, Transport};

/// Returns the configuration that asks for what `request` does: its URL, method, fields and body. A timeout of it is left out.
///
/// # Errors
///
/// See [`RequestError`].
pub fn config_of(request: &reqwest::Request) -> Result<Config, RequestError> {
    let mut config = Config::new(request.url().as_str().parse().map_err(RequestError::Url)?);
    config.method = Method::new(request.method().as_str()).map_err(RequestError::Method)?;
    for (name, value) in request.headers() {
        // Both sides have the same rules for names and values.
        let _ = config.fields.append(name.as_str(), value.as_bytes());
    }
    if let Some(body) = request.body() {
        config.body = Some(Bytes::copy_from_slice(body.as_bytes().ok_or(RequestError::Streaming)?));
    }
    Ok(config)
}

/// Build the client with `redirect(reqwest::redirect::Policy::none())`: the event source follows redirects itself, by the rules
/// of browsers, and only so knows where the stream comes from. Set neither `timeout` nor `read_timeout`, which would cut a
/// stream off; `connect_timeout` is welcome. Cookies, proxies, TLS, HTTP/2 and HTTP/3 are as the client has them. One that undoes
/// content codings (`gzip` and its like) may go on doing so: it also takes `content-encoding` away, so that the event source
/// sees a plain stream.
impl Transport for Client {
    type Body = Body;
    type Error = Error;
    type Response = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn send(&mut self, request: Request<Bytes>) -> Self::Response {
        let client = self.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request)?;
            // Whoever sees the error knows the URL, and it may hold a secret.
            client.execute(request).await.map(Response::from).map_err(Error::without_url)
        })
    }

    fn is_unsent(error: &Error) -> bool {
        error.is_connect() || error.is_builder()
    }
}
