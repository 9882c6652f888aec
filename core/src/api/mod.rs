//! What the program speaks: HTTP requests → publications, streams and problems, as a pure function of a request, the log and the
//! time. Feature `json`.
//!
//! | request | does | answers |
//! |---|---|---|
//! | `GET /` | | a page that follows a channel |
//! | `GET /v1/events?channel=a&channel=b` | follows channels, resuming after `Last-Event-ID` or `last_event_id` | 200, a stream |
//! | `POST /v1/channels/{name}/publish` | publishes the body | 200, `{"id":…}` |
//! | `GET /health/live`, `GET /health/ready` | | 200 `ok`; 503 `draining` while it closes |
//!
//! A refusal is a [`Problem`]: `application/problem+json` (RFC 9457) with a stable `code`. Before anything else the `Host` and
//! `Origin` of the request are held against [`Access`](crate::server::Access).
//!
//! The stream begins at once with a `retry` and the event `connected`, whose id is where the stream starts: a reader that is cut
//! before its first publication resumes without a loss, too. Then come a `gap`, if something is missing, and the
//! publications: events named by the type of their envelope, with the envelope as JSON.

mod config;
mod envelope;
mod events;
mod page;
mod problem;
mod publish;
mod reply;
mod route;
mod server;

pub use config::Config;
pub use problem::Problem;
pub use server::{Api, Caller};
