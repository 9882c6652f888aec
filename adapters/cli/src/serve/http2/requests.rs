//! Requests that hyper has read, and the answers of the program to them.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tidewire_core::channels::Answer;
use tidewire_core::server::{self, Event, Refusal};
use tidewire_http::{AsHead, EventBody, TokioTimer};
use tidewire_std::{SharedApi, trace};
use tokio::time::timeout;

/// Answers a request; each is a connection of its own to the limits.
pub(super) async fn answer(api: &SharedApi, peer: IpAddr, request: Request<Incoming>) -> Response<EventBody> {
    let head = request.as_head();
    let mut seat = match api.broadcaster().seat(Some(peer)) {
        Ok(seat) => seat,
        Err(limit) => {
            trace::refused(Some(peer), &limit);
            return EventBody::reply(&head, api.refuse(&head, limit));
        }
    };
    let body = match read(request.into_body(), api.session_config()).await {
        Ok(body) => body,
        Err(refusal) => return EventBody::reply(&head, refusal.into()),
    };
    let event = Event::Request(server::Request { head, body });
    trace::server(&event);
    let Event::Request(request) = event else { return Response::default() };
    let (now, answer) = api.answer(&mut seat, &request);
    match answer {
        Answer::Reply(reply) => EventBody::reply(&request.head, reply),
        Answer::Stream { head, first, .. } => {
            EventBody::follow(seat, Arc::clone(api.session_config()), head, &first, now, TokioTimer::default())
        }
    }
}

/// Reads a body within the limits of a session.
async fn read(body: Incoming, config: &server::Config) -> Result<Bytes, Refusal> {
    let limit = config.max_body;
    // What is known to be too long is not begun with.
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::BodyTooLong { limit });
    }
    match timeout(config.body_timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLong { limit }),
        // The peer has gone, so whatever is said is said to nobody.
        Ok(Err(_)) | Err(_) => Err(Refusal::BodyTimeout),
    }
}
