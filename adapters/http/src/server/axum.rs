use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use tidewire_core::server::StreamHead;

use super::EventBody;
use super::head::stream_response;

/// So that a handler may return the body alone: a stream then has the usual fields, and that of its coding.
impl IntoResponse for EventBody {
    fn into_response(self) -> Response {
        if !self.is_streaming() {
            return Response::new(Body::new(self));
        }
        let mut head = StreamHead::default();
        head.coding = self.coding();
        stream_response(head, Body::new(self))
    }
}
