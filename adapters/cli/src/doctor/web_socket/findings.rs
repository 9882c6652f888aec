//! Judges what was seen of a WebSocket; no I/O.

use tidewire_core::client::{CloseReason, Opened, Reason, Refusal};
use tidewire_core::http::ResponseHead;
use tidewire_core::ws;

use super::super::findings::{Finding, Level, found, status_remedy};
use super::probe::Observation;
use crate::duration::display;
use crate::wording::flags;

/// Judges everything, in the order in which a WebSocket comes about.
pub(super) fn judge(seen: &Observation, origin: Option<&str>) -> Vec<Finding> {
    let Some((at, opened)) = &seen.opened else { return vec![not_opened(seen, origin)] };
    let mut findings = vec![
        found("upgrade", Level::Ok, format!("101 from {} after {}", opened.url, display(*at)), ""),
        answerer(&opened.head),
    ];
    findings.extend(origin.map(|origin| found("origin", Level::Ok, format!("pages of {origin} may open it"), "")));
    findings.push(compression(opened));
    findings.push(ping(seen));
    match &seen.ended {
        Some((at, reason)) => findings.push(ended(&display(*at), reason)),
        None => findings.push(farewell(seen)),
    }
    findings
}

/// No WebSocket came about.
fn not_opened(seen: &Observation, origin: Option<&str>) -> Finding {
    let reason = match &seen.ended {
        None => {
            return found(
                "upgrade",
                Level::Fault,
                format!("no answer within {}", display(seen.watched)),
                "the server, or a proxy on the way, holds the upgrade back: is this the address of the WebSocket?",
            );
        }
        Some((_, reason)) => reason,
    };
    let refusal = reason.refusal().or_else(|| reason.reason().and_then(Reason::refusal));
    match (reason, refusal) {
        (CloseReason::Handshake { .. }, _) => found(
            "upgrade",
            Level::Fault,
            reason.to_string(),
            "what answers with 101 is no WebSocket server, or something on the way changes its answer",
        ),
        (CloseReason::Redirect { .. }, _) => found(
            "upgrade",
            Level::Fault,
            flags(&reason.to_string()),
            "browsers follow no redirect of a WebSocket: connect to where it leads",
        ),
        (_, Some(refusal)) => found("upgrade", Level::Fault, what_came(refusal), upgrade_remedy(refusal, origin)),
        _ => found("connection", Level::Fault, flags(&reason.to_string()), ""),
    }
}

/// What came instead of 101, and from whom.
fn what_came(refusal: &Refusal) -> String {
    match who(&refusal.head) {
        Some(who) => format!("{refusal} (answered by {who})"),
        None => refusal.to_string(),
    }
}

fn upgrade_remedy(refusal: &Refusal, origin: Option<&str>) -> &'static str {
    match refusal.head.status {
        // What is left of an upgrade behind a proxy that passes on only what it knows is a plain GET.
        200..=299 | 400 | 404 | 405 | 426 => {
            "is this the address of a WebSocket? If it is, a proxy on the way drops the upgrade: in nginx set `proxy_http_version \
             1.1`, `proxy_set_header Upgrade $http_upgrade` and `proxy_set_header Connection upgrade`"
        }
        403 if origin.is_some() => "pages of this origin may not open it: add the origin to what the server lets in",
        status => status_remedy(status),
    }
}

/// Who answered, as its head says.
fn who(head: &ResponseHead) -> Option<String> {
    let field = |name| head.fields.get_str(name).map(|value| value.escape_debug().to_string());
    match (field("server"), field("via")) {
        (Some(server), Some(via)) => Some(format!("{server} via {via}")),
        (server, via) => server.or(via),
    }
}

fn answerer(head: &ResponseHead) -> Finding {
    match who(head) {
        Some(who) => found("server", Level::Note, format!("answered by {who}"), ""),
        None => found("server", Level::Note, "it does not say who it is", ""),
    }
}

fn compression(opened: &Opened) -> Finding {
    match opened.head.fields.get_str("sec-websocket-extensions") {
        Some(agreed) => found("compression", Level::Ok, format!("agreed: {}", agreed.escape_debug()), ""),
        None => found(
            "compression",
            Level::Note,
            "messages are not compressed",
            "where they are long and much alike, let the server agree to permessage-deflate",
        ),
    }
}

fn ping(seen: &Observation) -> Finding {
    match seen.pong {
        Some(time) => found("ping", Level::Ok, format!("answered after {}", display(time)), ""),
        None => found(
            "ping",
            Level::Fault,
            format!("not answered within {}", display(seen.watched)),
            "every end has to answer pings (RFC 6455 §5.5.2), and who is not answered takes the connection for lost",
        ),
    }
}

/// It ended while it was watched.
fn ended(after: &str, reason: &CloseReason) -> Finding {
    let says = format!("after {after}: {reason}");
    let closed = match reason {
        CloseReason::WebSocket(closed) => Some(closed),
        other => other.reason().and_then(|reason| match reason {
            Reason::WebSocket(closed) => Some(closed),
            _ => None,
        }),
    };
    match closed.map(|closed| &closed.why) {
        Some(ws::CloseReason::Peer) => found("closing", Level::Note, says, "the server closed it; its code says why"),
        Some(ws::CloseReason::Fault(_)) => found(
            "closing",
            Level::Fault,
            says,
            "clients end the connection here: let the server send what they can read",
        ),
        _ => found(
            "closing",
            Level::Warning,
            says,
            "it was cut without a close frame: raise what bounds the time of a silent connection on the way (nginx: \
             `proxy_read_timeout`), and let the server ping more often than that",
        ),
    }
}

fn farewell(seen: &Observation) -> Finding {
    match seen.farewell {
        Some(time) => {
            let says = format!("open to the last; closed within {}", display(time));
            found("closing", Level::Ok, says, "")
        }
        None => found(
            "closing",
            Level::Warning,
            "open to the last, but the server did not answer the close frame",
            "every end has to answer it (RFC 6455 §5.5.1): something on the way, or the server, does not know of closing",
        ),
    }
}
