use std::future::Future;
use std::io;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tidewire_core::server::{Entry, WebSocketEndpoint};
use tidewire_core::ws;
use tidewire_std::{Clock, Socket};
use tidewire_tokio::serve_socket;

use super::head::reply_response;
use super::{AsHead, EventBody};

/// Accepts a request for a WebSocket, in a handler of axum or a service of hyper: returns the answer, the socket, and what drives it, which
/// is to be spawned on tokio. It begins when the stack has sent the answer.
///
/// Over HTTP/1.1 only: the server is to allow upgrades (axum does, and hyper's `with_upgrades`).
///
/// ```no_run
/// use tidewire_core::server::WebSocketEndpoint;
/// use tidewire_http::{EventBody, web_socket};
///
/// async fn echo(mut request: http::Request<hyper::body::Incoming>) -> http::Response<EventBody> {
///     let (response, socket, driving) = match web_socket(&mut request, &WebSocketEndpoint::default()) {
///         Ok(begun) => begun,
///         Err(refusal) => return refusal,
///     };
///     tokio::spawn(driving);
///     tokio::spawn(async move {
///         while let Some(message) = socket.recv().await {
///             let _ = socket.send(message).await;
///         }
///     });
///     response
/// }
/// ```
///
/// # Errors
///
/// The answer, where no WebSocket begins.
#[allow(clippy::result_large_err, reason = "it is what the handler returns")]
pub fn web_socket<B>(
    request: &mut Request<B>,
    endpoint: &WebSocketEndpoint,
) -> Result<(Response<EventBody>, Socket, impl Future<Output = io::Result<()>> + Send + use<B>), Response<EventBody>> {
    let head = request.as_head();
    let Entry { accepted, token, .. } = endpoint.answer(&head).map_err(|reply| reply_response(&head, reply))?;
    let (agreed, config) = (accepted.agreed().clone(), Arc::clone(&endpoint.config));
    let mut response = Response::new(EventBody::left());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in accepted.into_head().fields.iter() {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            response.headers_mut().append(name, value);
        }
    }
    let (socket, seat) = Socket::pair(head, agreed.protocol(), token);
    let upgrade = hyper::upgrade::on(request);
    let driving = async move {
        let io = TokioIo::new(upgrade.await.map_err(io::Error::other)?);
        let clock = Clock::start();
        let connection = ws::Connection::server(config, &agreed, clock.now());
        serve_socket(io, connection, seat, clock).await
    };
    Ok((response, socket, driving))
}
