//! Judges what was seen of a stream; no I/O.

use std::time::Duration;

use tidewire_core::client::{CloseReason, Reason};
use tidewire_core::http::coding::CodingError;
use tidewire_core::http::{BodyError, Fields, MediaType, ResponseHead, Version};

use super::probe::{Ended, Item, Observation, Opened, What};
use crate::duration::display;
use crate::wording::flags;

/// All that was seen.
#[derive(Debug, Default)]
pub(super) struct Case {
    /// The stream as a client of ours asks for it.
    pub(super) plain: Observation,
    /// The same with compression offered.
    pub(super) coded: Option<Observation>,
    /// The same, to go on after [`Observation::resumable`].
    pub(super) resumed: Option<Observation>,
    /// Whether the server speaks HTTP/2, if that could be asked.
    pub(super) http2: Option<bool>,
    /// The origin of the page that asks, if one does.
    pub(super) origin: Option<String>,
}

impl Case {
    pub(super) fn new(plain: Observation) -> Self {
        Self { plain, ..Self::default() }
    }
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// What was looked at: a name that stays.
    pub(super) check: &'static str,
    pub(super) level: Level,
    /// What was found.
    pub(super) says: String,
    /// What to do about it; empty when nothing is to be done.
    pub(super) remedy: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Ok,
    Note,
    Warning,
    Fault,
}

/// Judges everything, in the order in which a stream comes about.
pub(super) fn judge(case: &Case) -> Vec<Finding> {
    let Some(opened) = &case.plain.opened else { return vec![not_opened(&case.plain)] };
    let head = &opened.head;
    let mut findings = vec![status(opened), head_delay(opened), content_type(&head.fields)];
    findings.extend(framing(head));
    findings.push(buffering(&case.plain));
    findings.push(keep_alive(&case.plain));
    findings.extend(case.coded.as_ref().map(|coded| compression(&case.plain, coded)));
    findings.push(resuming(case));
    findings.push(caching(&head.fields));
    findings.extend(case.origin.as_deref().map(|origin| cors(&head.fields, origin)));
    findings.extend(connections(opened, case.http2));
    findings.extend(ending(&case.plain));
    findings
}

pub(super) fn found(check: &'static str, level: Level, says: impl Into<String>, remedy: &'static str) -> Finding {
    Finding { check, level, says: says.into(), remedy }
}

/// No stream came about.
fn not_opened(seen: &Observation) -> Finding {
    match &seen.ended {
        None => found(
            "buffering",
            Level::Fault,
            format!("no answer within {}", display(seen.watched)),
            "the server sends its head with the first event, or a proxy holds it back: send the head and a comment at once, \
             and switch the proxy's buffering off (nginx: `proxy_buffering off`, or send `X-Accel-Buffering: no`)",
        ),
        Some((_, Ended::Closed(CloseReason::Status(refusal)))) => {
            found("status", Level::Fault, refusal.to_string(), status_remedy(refusal.head.status))
        }
        Some((_, Ended::Closed(reason @ CloseReason::NoContent))) => found(
            "status",
            Level::Fault,
            reason.to_string(),
            "browsers do not come back after a 204: answer 200 and an empty stream while there is nothing to tell",
        ),
        Some((_, Ended::Lost(reason @ Reason::ContentCoding(_)))) => found(
            "compression",
            Level::Fault,
            reason.to_string(),
            "compress only what asks for it with `Accept-Encoding`; leave text/event-stream out",
        ),
        Some((_, Ended::Lost(reason @ Reason::Redirect { .. }))) => {
            found("status", Level::Fault, flags(&reason.to_string()), "let the redirect name where the stream is")
        }
        Some((_, Ended::Closed(reason))) => found("connection", Level::Fault, flags(&reason.to_string()), ""),
        Some((_, Ended::Lost(reason))) => found("connection", Level::Fault, flags(&reason.to_string()), ""),
    }
}

pub(super) fn status_remedy(status: u16) -> &'static str {
    match status {
        407 => "name the proxy with --proxy http://USER:PASSWORD@HOST:PORT, or go around it with --no-proxy",
        401 => "say who you are: --bearer TOKEN, or -H 'Authorization: …'",
        403 => "the server knows you and refuses: are origin, token and address allowed?",
        404 | 410 => "is this the address of the stream?",
        405 => "the stream does not answer GET: is this its address?",
        406 => "the server does not offer `text/event-stream` here: is this the address of the stream?",
        429 | 503 => "the server is busy: browsers stop for good at this status, so give them 200 and `retry:` instead",
        502 | 504 => "a proxy got no answer from the server behind it: does that run, and answer in time?",
        500..=599 => "look into the log of the server",
        _ => "browsers take no status but 200 for a stream",
    }
}

fn status(opened: &Opened) -> Finding {
    found("status", Level::Ok, format!("200 from {}", opened.url), "")
}

fn head_delay(opened: &Opened) -> Finding {
    let says = format!("the head came after {}", display(opened.at));
    if opened.at < SLOW_HEAD {
        return found("head", Level::Ok, says, "");
    }
    found(
        "head",
        Level::Warning,
        says,
        "send the head and a comment as soon as the request is there, not with the first event; if the server does, a proxy \
         holds them back: switch its buffering off (nginx: `proxy_buffering off`, or send `X-Accel-Buffering: no`)",
    )
}

fn content_type(fields: &Fields) -> Finding {
    let found_type = fields.members("content-type").filter_map(MediaType::parse).last();
    let remedy = "send `content-type: text/event-stream`: browsers take nothing else";
    match found_type {
        None => found("content-type", Level::Fault, "there is no content type", remedy),
        Some(kind) if !kind.is("text/event-stream") => {
            found("content-type", Level::Fault, format!("it is `{}`", kind.essence().escape_debug()), remedy)
        }
        Some(kind) if kind.charset().is_some_and(|charset| !charset.eq_ignore_ascii_case("utf-8")) => found(
            "content-type",
            Level::Warning,
            "its charset is not utf-8",
            "an event stream is always read as UTF-8: send that, and no other charset",
        ),
        Some(_) => found("content-type", Level::Ok, "text/event-stream", ""),
    }
}

/// A stream has no length, and its parts can be told apart.
fn framing(head: &ResponseHead) -> Option<Finding> {
    if let Some(length) = head.fields.get_str("content-length") {
        return Some(found(
            "framing",
            Level::Fault,
            format!("the response has a length of {} bytes", length.escape_debug()),
            "who knows the length has read it all before it sends any of it: stream the body, and let no proxy collect it",
        ));
    }
    (head.version == Version::Http10).then(|| {
        found(
            "framing",
            Level::Warning,
            "the server answers in HTTP/1.0",
            "its end cannot be told from a lost connection; nginx speaks HTTP/1.0 to the server behind it unless \
             `proxy_http_version 1.1` is set",
        )
    })
}

/// Whether events come as they happen, or collected.
fn buffering(seen: &Observation) -> Finding {
    let Some(first) = seen.items.first() else {
        return found(
            "buffering",
            Level::Warning,
            format!("neither an event nor a comment came in {}", display(seen.watched)),
            "there was nothing to tell, or something holds it back: let the server send a comment when a stream opens and every \
             15 s, then silence is a sign of a proxy that buffers",
        );
    };
    let bursts = bursts(&seen.items);
    // Where there is hardly a pause before, there is just much to tell.
    let collected: Vec<&Burst> =
        bursts.iter().filter(|burst| burst.count >= COLLECTED && burst.pause >= PAUSE).collect();
    // What was kept for a reader comes in one go at the opening, and that is right.
    let late = collected.iter().filter(|burst| burst.at > first.at + GO || burst.at >= SLOW_HEAD).count();
    if late > 0 && late * 2 >= bursts.len() {
        let sizes: Vec<String> =
            collected.iter().take(3).map(|burst| format!("{} after {}", burst.count, display(burst.at))).collect();
        return found(
            "buffering",
            Level::Fault,
            format!("events come collected, not one by one: {}", sizes.join(", ")),
            "unless the server makes them in batches, something in between collects them: switch its buffering off (nginx: \
             `proxy_buffering off`, or let the server send `X-Accel-Buffering: no`), and flush after each event",
        );
    }
    found(
        "buffering",
        Level::Ok,
        format!("the first byte came after {}, and events as they happened", display(first.at)),
        "",
    )
}

/// Things that came in one go.
struct Burst {
    at: Duration,
    count: usize,
    /// How long nothing had come before.
    pause: Duration,
}

fn bursts(items: &[Item]) -> Vec<Burst> {
    let mut bursts: Vec<Burst> = Vec::new();
    let mut last = Duration::ZERO;
    for item in items.iter().filter(|item| matches!(item.what, What::Message(_))) {
        let pause = item.at.saturating_sub(last);
        match bursts.last_mut() {
            Some(burst) if pause < GO => burst.count += 1,
            _ => bursts.push(Burst { at: item.at, count: 1, pause }),
        }
        last = item.at;
    }
    bursts
}

/// Whether silences are filled, so that nothing in between takes the connection for dead.
fn keep_alive(seen: &Observation) -> Finding {
    let silence = seen.longest_silence();
    let comments = seen.comments();
    if silence > TOO_SILENT {
        return found(
            "keep-alive",
            Level::Warning,
            format!("nothing came for {}", display(silence)),
            "proxies cut connections that are silent for 60 s or less, and clients cannot tell silence from a dead \
             connection: send a comment (`:` and a line end) every 15 s",
        );
    }
    if comments > 0 {
        return found("keep-alive", Level::Ok, format!("the longest silence was {}", display(silence)), "");
    }
    found(
        "keep-alive",
        Level::Note,
        format!("the longest silence was {}, and no comment came", display(silence)),
        "whether longer ones are filled shows a longer look: --for 70s",
    )
}

fn compression(plain: &Observation, coded: &Observation) -> Finding {
    let coding = coded.opened.as_ref().and_then(|opened| opened.head.fields.get_str("content-encoding"));
    let coding = coding.filter(|coding| !coding.eq_ignore_ascii_case("identity"));
    let first = |seen: &Observation| seen.items.first().map(|item| item.at);
    let Some(coding) = coding else {
        return match &coded.ended {
            Some((_, Ended::Lost(reason @ Reason::ContentCoding(_)))) => found(
                "compression",
                Level::Fault,
                reason.to_string(),
                "compress with what was offered, or leave text/event-stream out",
            ),
            _ => found("compression", Level::Ok, "not compressed for those who offer it", ""),
        };
    };
    let coding = coding.escape_debug();
    match (first(plain), first(coded)) {
        (Some(_), None) => found(
            "compression",
            Level::Fault,
            format!("with {coding}, as browsers ask for, not an event came within {}", display(coded.watched)),
            HELD,
        ),
        (Some(plain), Some(coded)) if coded > plain + SLOW_HEAD => found(
            "compression",
            Level::Fault,
            format!("with {coding}, as browsers ask for, events come {} later", display(coded - plain)),
            HELD,
        ),
        _ => found("compression", Level::Ok, format!("{coding}, and what is compressed comes at once"), ""),
    }
}

/// Whether who comes back misses nothing.
fn resuming(case: &Case) -> Finding {
    let mut messages = case.plain.messages().peekable();
    if messages.peek().is_none() {
        return found("resuming", Level::Note, "no event came, so nothing is known about ids", "");
    }
    if messages.all(|seen| seen.id.is_empty()) {
        return found(
            "resuming",
            Level::Warning,
            "no event has an id",
            "what happens while a client reconnects is lost to it: give events ids, keep the last ones, and go on after \
             `Last-Event-ID`",
        );
    }
    let (Some((after, next)), Some(resumed)) = (case.plain.resumable(), &case.resumed) else {
        return found(
            "resuming",
            Level::Note,
            "events have ids; too few came to see whether they resume",
            "look longer: --for 70s",
        );
    };
    // A greeting may repeat the id that was asked for.
    let first =
        resumed.messages().find(|seen| !seen.id.is_empty() && (seen.id != after.id || seen.content == after.content));
    match first {
        Some(first) if first.id == next.id => found("resuming", Level::Ok, "it goes on after the id asked for", ""),
        Some(first) => found(
            "resuming",
            Level::Warning,
            format!(
                "asked to go on after `{}`, it did so with `{}`, not with `{}`",
                after.id.escape_debug(),
                first.id.escape_debug(),
                next.id.escape_debug()
            ),
            "`Last-Event-ID` is not heeded, or a proxy drops it: who comes back misses events or gets them twice",
        ),
        None => found(
            "resuming",
            Level::Warning,
            format!("asked to go on after `{}`, it sent none of what came next", after.id.escape_debug()),
            "keep the last events and send what follows `Last-Event-ID` at once: who comes back misses events",
        ),
    }
}

fn caching(fields: &Fields) -> Finding {
    let says = |directive| fields.has_token("cache-control", directive);
    if !says("no-cache") && !says("no-store") {
        return found(
            "caching",
            Level::Warning,
            "caches are not told to keep away",
            "send `cache-control: no-cache, no-transform`: a cache reads to the end before it passes anything on",
        );
    }
    if !says("no-transform") {
        let remedy = "`cache-control: no-cache, no-transform` also keeps proxies from compressing it";
        return found("caching", Level::Note, "caches are told to keep away, and may transform it", remedy);
    }
    found("caching", Level::Ok, "caches are told to keep away", "")
}

fn cors(fields: &Fields, origin: &str) -> Finding {
    let allowed = fields.get_str("access-control-allow-origin");
    if allowed.is_some_and(|allowed| allowed == "*" || allowed == origin) {
        return found("cors", Level::Ok, format!("pages of {origin} may read it"), "");
    }
    found(
        "cors",
        Level::Fault,
        format!("pages of {origin} may not read it"),
        "send `access-control-allow-origin` with the origin, unless the page comes from this same host",
    )
}

/// How many streams a browser can hold.
fn connections(opened: &Opened, http2: Option<bool>) -> Option<Finding> {
    let few = "browsers hold at most six streams to a host in all tabs: join what a page reads in one stream";
    Some(match http2 {
        Some(true) => found("http-version", Level::Ok, "HTTP/2 is spoken too: browsers hold many streams over it", ""),
        Some(false) => found("http-version", Level::Note, "HTTP/2 is not spoken", few),
        None if !opened.url.is_tls() => {
            found("http-version", Level::Note, format!("{} without TLS", opened.head.version.as_str()), few)
        }
        None => return None,
    })
}

/// A stream goes on.
fn ending(seen: &Observation) -> Option<Finding> {
    let (at, ended) = seen.ended.as_ref()?;
    let reason = match ended {
        Ended::Lost(reason) => reason.to_string(),
        Ended::Closed(reason) => reason.to_string(),
    };
    let says = format!("after {}: {reason}", display(*at));
    // Each connection ends so, before or with the same event.
    if matches!(ended, Ended::Lost(reason) if is_broken(reason)) {
        return Some(found(
            "ending",
            Level::Fault,
            says,
            "clients cannot read on from here: let the server send what they can",
        ));
    }
    Some(found(
        "ending",
        Level::Warning,
        says,
        "clients reconnect after each end: let the stream go on, and raise what bounds the time of a response in between",
    ))
}

/// Whether the server sent what breaks rules or limits; one that is cut off did not.
fn is_broken(reason: &Reason) -> bool {
    match reason {
        Reason::Body(error) => *error != BodyError::Truncated,
        Reason::Coding(error) => *error != CodingError::Truncated,
        Reason::Stream(_) | Reason::Framing(_) => true,
        _ => false,
    }
}

const HELD: &str = "the compressor holds events back: leave text/event-stream out of compression (`cache-control: no-transform`), \
                    or flush it after each event";

/// From when on a head or a first event is late.
const SLOW_HEAD: Duration = Duration::from_secs(1);

/// What comes within such a time of each other came in one go.
const GO: Duration = Duration::from_millis(5);

/// From how long a pause on what comes after it in one go may have been held back.
const PAUSE: Duration = Duration::from_millis(100);

/// How many events in one go are a collection.
const COLLECTED: usize = 4;

/// Longer silences than this are not those of a keep-alive of 15 s.
const TOO_SILENT: Duration = Duration::from_secs(17);

#[cfg(test)]
mod tests {
    use tidewire_core::http::Url;

    use super::super::probe::Seen;
    use super::*;

    fn fields(extra: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in
            [("content-type", "text/event-stream"), ("cache-control", "no-cache, no-transform")].iter().chain(extra)
        {
            fields.set(name, value).expect("a good field");
        }
        fields
    }

    /// A stream that opened at once and brought messages at these times, in milliseconds; watched for a second more.
    fn seen(messages: &[(u64, &str)], extra: &[(&str, &str)]) -> Observation {
        let mut head = ResponseHead::new(200);
        head.fields = fields(extra);
        let url = Url::parse("http://example.org/events").expect("a URL");
        let message = |(index, (at, id)): (usize, &(u64, &str))| Item {
            at: Duration::from_millis(*at),
            what: What::Message(Seen { id: (*id).into(), content: index as u64 }),
        };
        Observation {
            opened: Some(Opened { at: Duration::from_millis(1), head, url }),
            ended: None,
            items: messages.iter().enumerate().map(message).collect(),
            watched: Duration::from_millis(messages.last().map_or(0, |last| last.0) + 1000),
        }
    }

    fn level(case: &Case, check: &str) -> Level {
        let findings = judge(case);
        let finding = findings.iter().find(|finding| finding.check == check);
        finding.unwrap_or_else(|| panic!("no finding on {check}: {findings:?}")).level
    }

    fn plain(messages: &[(u64, &str)], extra: &[(&str, &str)]) -> Case {
        Case::new(seen(messages, extra))
    }

    #[test]
    fn a_good_stream_has_no_fault_and_no_warning() {
        let mut case = plain(&[(2, "1"), (300, "2"), (900, "3")], &[]);
        case.coded = Some(seen(&[(2, "1")], &[]));
        case.resumed = Some(seen(&[(2, "3")], &[]));
        case.origin = None;
        let worst = judge(&case).into_iter().map(|finding| finding.level).max();
        assert_eq!(worst, Some(Level::Note));
        assert_eq!(level(&case, "resuming"), Level::Ok);
    }

    #[test]
    fn what_a_reader_gets_at_the_opening_is_no_collection_and_what_comes_later_in_one_go_is() {
        let replayed: Vec<_> = (0..20).map(|_| (2, "")).chain([(400, ""), (800, "")]).collect();
        assert_eq!(level(&plain(&replayed, &[]), "buffering"), Level::Ok);
        let collected: Vec<_> = [400, 800, 1200].iter().flat_map(|at| (0..8).map(move |_| (*at, ""))).collect();
        assert_eq!(level(&plain(&collected, &[]), "buffering"), Level::Fault);
        let late: Vec<_> = (0..20).map(|_| (4000, "")).collect();
        assert_eq!(level(&plain(&late, &[]), "buffering"), Level::Fault);
        let fast: Vec<_> = (0..100).flat_map(|go| (0..8).map(move |_| (2 + go * 10, ""))).collect();
        assert_eq!(level(&plain(&fast, &[]), "buffering"), Level::Ok);
        assert_eq!(level(&plain(&[], &[]), "buffering"), Level::Warning);
    }

    #[test]
    fn silence_is_a_warning_from_more_than_a_keep_alive_on() {
        assert_eq!(level(&plain(&[(2, ""), (16_900, "")], &[]), "keep-alive"), Level::Note);
        assert_eq!(level(&plain(&[(2, ""), (17_100, "")], &[]), "keep-alive"), Level::Warning);
        let mut case = plain(&[(2, ""), (15_000, "")], &[]);
        case.plain.items.push(Item { at: Duration::from_secs(15), what: What::Comment });
        assert_eq!(level(&case, "keep-alive"), Level::Ok);
    }

    #[test]
    fn compression_that_holds_events_back_is_a_fault() {
        let gzip = &[("content-encoding", "gzip")];
        let mut case = plain(&[(2, ""), (300, "")], &[]);
        for (coded, expected) in [
            (seen(&[(3, "")], &[]), Level::Ok),
            (seen(&[(3, "")], gzip), Level::Ok),
            (seen(&[], gzip), Level::Fault),
            (seen(&[(1500, "")], gzip), Level::Fault),
        ] {
            case.coded = Some(coded);
            assert_eq!(level(&case, "compression"), expected);
        }
    }

    #[test]
    fn resuming_is_judged_by_what_comes_first_after_the_id_asked_for() {
        let mut case = plain(&[(2, "a"), (3, "b"), (4, "c")], &[]);
        fn resumed<'a>(ids: &[&'a str]) -> Vec<(u64, &'a str)> {
            ids.iter().map(|id| (2, *id)).collect()
        }
        for (ids, expected) in [
            (&["c"][..], Level::Ok),
            (&["a", "b", "c"], Level::Warning),
            (&["d"], Level::Warning),
            (&[], Level::Warning),
        ] {
            case.resumed = Some(seen(&resumed(ids), &[]));
            assert_eq!(level(&case, "resuming"), expected, "{ids:?}");
        }
        // A greeting that repeats the id asked for, with other data.
        let mut greeted = seen(&resumed(&["b", "c"]), &[]);
        if let Some(What::Message(first)) = greeted.items.first_mut().map(|item| &mut item.what) {
            first.content = 99;
        }
        case.resumed = Some(greeted);
        assert_eq!(level(&case, "resuming"), Level::Ok);
        assert_eq!(level(&plain(&[(2, "")], &[]), "resuming"), Level::Warning);
        assert_eq!(level(&plain(&[(2, "a")], &[]), "resuming"), Level::Note);
    }

    #[test]
    fn fields_that_are_wrong_are_named() {
        assert_eq!(level(&plain(&[], &[("content-type", "text/html")]), "content-type"), Level::Fault);
        let latin = [("content-type", "text/event-stream; charset=latin1")];
        assert_eq!(level(&plain(&[], &latin), "content-type"), Level::Warning);
        assert_eq!(level(&plain(&[], &[("content-length", "70")]), "framing"), Level::Fault);
        assert_eq!(level(&plain(&[], &[("cache-control", "public")]), "caching"), Level::Warning);
        let mut case = plain(&[], &[("access-control-allow-origin", "https://a.example")]);
        case.origin = Some("https://a.example".into());
        assert_eq!(level(&case, "cors"), Level::Ok);
        case.origin = Some("https://b.example".into());
        assert_eq!(level(&case, "cors"), Level::Fault);
    }

    #[test]
    fn http_2_is_told_where_it_is_known() {
        let mut case = plain(&[(2, "")], &[]);
        assert_eq!(level(&case, "http-version"), Level::Note, "without TLS there is none");
        for (http2, expected) in [(true, Level::Ok), (false, Level::Note)] {
            case.http2 = Some(http2);
            assert_eq!(level(&case, "http-version"), expected);
        }
        case.http2 = None;
        if let Some(opened) = &mut case.plain.opened {
            opened.url = Url::parse("https://example.org/events").expect("a URL");
        }
        assert!(judge(&case).iter().all(|finding| finding.check != "http-version"), "it could not be asked");
    }

    #[test]
    fn every_fault_and_warning_says_what_to_do() {
        let late: Vec<_> = (0..20).map(|_| (40_000, "")).collect();
        let mut case = plain(&late, &[("content-type", "a/b"), ("cache-control", "x"), ("content-length", "7")]);
        case.coded = Some(seen(&[], &[("content-encoding", "gzip")]));
        case.origin = Some("null".into());
        for finding in judge(&case).iter().filter(|finding| finding.level >= Level::Warning) {
            assert!(!finding.remedy.is_empty(), "{finding:?}");
        }
    }
}
