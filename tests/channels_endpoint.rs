//! What becomes of a request for the stream of channels: methods, types, ids, origins, limits, and how the stream begins.

use std::time::Duration;

use tidewire_core::channels::{Answer, Busy, Channels, Config, Endpoint, Guest, Opening};
use tidewire_core::http::{Coding, Method, RequestHead};
use tidewire_core::server::{Heartbeat, Reply, StreamHead};
use tidewire_core::sse::{EventId, EventName, Message};
use tidewire_core::{Instant, SplitMix64};

const NOW: Instant = Instant::START;

struct Site {
    channels: Channels,
    guest: Guest,
    endpoint: Endpoint,
}

fn site(change: impl FnOnce(&mut Config, &mut Endpoint)) -> Site {
    let (mut config, mut endpoint) = (Config::default(), Endpoint::default());
    change(&mut config, &mut endpoint);
    let mut channels = Channels::new(config, Box::new(SplitMix64::new(1)), NOW);
    let guest = channels.admit(None).unwrap();
    Site { channels, guest, endpoint }
}

impl Site {
    fn answer(&mut self, head: &RequestHead) -> Answer {
        self.answer_of(head, &["news"])
    }

    fn answer_of(&mut self, head: &RequestHead, names: &[&str]) -> Answer {
        self.endpoint.answer(&mut self.channels, NOW, self.guest, head, names)
    }

    fn reply(&mut self, head: &RequestHead) -> Reply {
        match self.answer(head) {
            Answer::Reply(reply) => reply,
            Answer::Stream { .. } => panic!("a stream"),
        }
    }

    fn stream(&mut self, head: &RequestHead) -> (StreamHead, String) {
        match self.answer(head) {
            Answer::Stream { head, first, .. } => (head, String::from_utf8(first.to_vec()).unwrap()),
            Answer::Reply(reply) => panic!("{}: {:?}", reply.status, reply.body),
        }
    }

    fn publish(&mut self, texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| self.channels.publish(NOW, ["news"], *text).unwrap().to_string()).collect()
    }
}

fn get(fields: &[(&str, &str)]) -> RequestHead {
    request(Method::GET, "/news", fields)
}

fn request(method: Method, target: &str, fields: &[(&str, &str)]) -> RequestHead {
    let mut head = RequestHead::new(method, target);
    head.fields.append("host", "news.example").unwrap();
    for (name, value) in fields {
        head.fields.append(name, value).unwrap();
    }
    head
}

fn field<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.fields.get_str(name).unwrap_or_default()
}

#[test]
fn the_stream_begins_with_the_heartbeat_the_retry_and_where_it_starts() {
    let mut site = site(|_, _| {});
    let id = site.publish(&["1"]).remove(0);
    let (head, first) = site.stream(&get(&[]));
    assert_eq!(first, format!(":heartbeat_ms=15000\nretry: 1000\nid: {id}\n\n"));
    assert_eq!(head.heartbeat, Some(Heartbeat::default()));
}

#[test]
fn the_opening_is_an_event_or_nothing_where_it_is_asked_for() {
    let mut silent = site(|config, endpoint| {
        endpoint.opening = Opening::None;
        config.retry = None;
    });
    let start = silent.publish(&["1"]).remove(0);
    assert_eq!(silent.stream(&get(&[])).1, format!("id: {start}\n\n"));

    let mut site = site(|config, endpoint| {
        endpoint.opening = Opening::Event(EventName::new("connected").unwrap());
        config.heartbeat = Some(Heartbeat::new(Duration::from_secs(40)));
    });
    let id = site.publish(&["1"]).remove(0);
    let expected = |resumed| {
        format!("retry: 1000\nid: {id}\nevent: connected\ndata: {{\"heartbeat_ms\":40000,\"resumed\":{resumed}}}\n\n")
    };
    assert_eq!(site.stream(&get(&[])).1, expected(false));
    assert_eq!(site.stream(&get(&[("last-event-id", &id)])).1, expected(true));
}

#[test]
fn no_heartbeat_is_not_told() {
    let mut site = site(|config, _| config.heartbeat = None);
    let (head, first) = site.stream(&get(&[]));
    assert!(first.starts_with("retry: 1000\n"), "{first}");
    assert_eq!(head.heartbeat, Some(Heartbeat::never()));
}

#[test]
fn a_gap_is_told_first_and_the_start_is_not() {
    let mut site = site(|_, _| {});
    let (_, first) = site.stream(&get(&[("last-event-id", "a\"b\\c")]));
    let (opening, gap) = first.split_once("\n\n").unwrap();
    assert_eq!(opening, ":heartbeat_ms=15000\nretry: 1000");
    let data = gap.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!((&data["reason"], &data["after"]), (&"malformed".into(), &"a\"b\\c".into()));
    assert!(gap.contains("event: gap\n") && data["next"].is_null());
}

#[test]
fn the_field_comes_before_the_query_and_the_query_can_be_named_or_off() {
    let asked = |endpoint: &Endpoint, target: &str, fields: &[(&str, &str)]| {
        endpoint.last_event_id(&request(Method::GET, target, fields))
    };
    let mut endpoint = Endpoint::default();
    let target = "/news?last_event_id=q&lastEventId=other";
    assert_eq!(asked(&endpoint, target, &[("Last-Event-ID", "f")]).as_deref(), Some("f"));
    assert_eq!(asked(&endpoint, target, &[]).as_deref(), Some("q"));
    assert_eq!(asked(&endpoint, target, &[("last-event-id", "")]), None, "the field says there is none");
    assert_eq!(asked(&endpoint, "/news?last_event_id=", &[]), None);
    assert_eq!(asked(&endpoint, "/news", &[]), None);
    endpoint.query = Some("lastEventId".into());
    assert_eq!(asked(&endpoint, target, &[]).as_deref(), Some("other"));
    endpoint.query = None;
    assert_eq!(asked(&endpoint, target, &[]), None);
}

#[test]
fn resuming_by_field_and_by_query_begins_behind_the_id() {
    let mut site = site(|_, _| {});
    let ids = site.publish(&["1", "2"]);
    for head in
        [get(&[("last-event-id", &ids[0])]), request(Method::GET, &format!("/news?last_event_id={}", ids[0]), &[])]
    {
        assert!(site.stream(&head).1.ends_with(&format!("id: {}\n\n", ids[0])));
    }
}

#[test]
fn head_is_the_head_alone_and_subscribes_nobody() {
    let mut site = site(|_, endpoint| endpoint.gzip = true);
    let reply = site.reply(&request(Method::HEAD, "/news", &[("accept-encoding", "gzip")]));
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert_eq!(field(&reply, "content-type"), "text/event-stream");
    assert_eq!(reply.fields.get_all("vary").collect::<Vec<_>>(), [&b"accept-encoding"[..], b"origin"]);
    assert_eq!(site.channels.stats().readers, 0);
}

#[test]
fn other_methods_are_told_the_right_ones() {
    let mut site = site(|_, _| {});
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::new("REPORT").unwrap()] {
        let reply = site.reply(&request(method, "/news", &[]));
        assert_eq!((reply.status, field(&reply, "allow")), (405, "GET, HEAD, OPTIONS"));
    }
    site.endpoint.post = true;
    let reply = site.reply(&request(Method::PUT, "/news", &[]));
    assert_eq!((reply.status, field(&reply, "allow")), (405, "GET, HEAD, POST, OPTIONS"));
    site.stream(&request(Method::POST, "/news", &[]));
}

#[test]
fn options_tells_the_methods_and_a_preflight_what_a_page_may_send() {
    let mut site = site(|_, endpoint| {
        endpoint.access.origins = vec!["https://app.example".into()];
        endpoint.access.credentials = true;
    });
    let reply = site.reply(&request(Method::OPTIONS, "/news", &[]));
    assert_eq!((reply.status, field(&reply, "allow")), (204, "GET, HEAD, OPTIONS"));
    let fields = [("origin", "https://app.example"), ("access-control-request-method", "GET")];
    let reply = site.reply(&request(Method::OPTIONS, "/news", &fields));
    assert_eq!(reply.status, 204);
    assert!(field(&reply, "access-control-allow-headers").contains("last-event-id"));
    assert_eq!(field(&reply, "access-control-allow-origin"), "https://app.example");
    assert_eq!(field(&reply, "access-control-allow-credentials"), "true");
    assert_eq!(field(&reply, "vary"), "origin");
}

#[test]
fn pages_of_listed_origins_may_read_and_others_are_refused() {
    let mut site = site(|_, endpoint| endpoint.access.origins = vec!["https://app.example".into()]);
    let (head, _) = site.stream(&get(&[("origin", "https://app.example")]));
    assert_eq!(head.fields.get_str("access-control-allow-origin"), Some("https://app.example"));
    let reply = site.reply(&get(&[("origin", "https://evil.example")]));
    assert_eq!((reply.status, field(&reply, "access-control-allow-origin")), (403, ""));
    site.stream(&get(&[("origin", "https://news.example")]));
    site.endpoint.access.origins = vec!["*".into()];
    let (head, _) = site.stream(&get(&[("origin", "https://any.example")]));
    assert_eq!(head.fields.get_str("access-control-allow-origin"), Some("*"));
}

#[test]
fn who_does_not_accept_a_stream_is_told_406() {
    let mut site = site(|_, _| {});
    for accept in ["text/event-stream", "*/*", "application/json, text/*;q=0.1", "TEXT/EVENT-STREAM; q=1"] {
        site.stream(&get(&[("accept", accept)]));
    }
    for accept in ["application/json", "text/event-stream;q=0", "text/html, */*;q=0.0", "text/event-stream;q=0, */*"] {
        assert_eq!(site.reply(&get(&[("accept", accept)])).status, 406, "{accept}");
    }
}

#[test]
fn gzip_is_given_by_weight_and_only_where_it_is_switched_on() {
    let mut site = site(|_, _| {});
    let (head, _) = site.stream(&get(&[("accept-encoding", "gzip")]));
    assert_eq!((head.coding, head.fields.get_str("vary")), (None, Some("origin")));
    site.endpoint.gzip = true;
    for (accept, coding) in [
        ("gzip", Some(Coding::Gzip)),
        ("gzip;q=0.1, identity;q=0", Some(Coding::Gzip)),
        ("br, *", Some(Coding::Gzip)),
        ("gzip;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("br", None),
        ("", None),
    ] {
        let (head, _) = site.stream(&get(&[("accept-encoding", accept)]));
        assert_eq!(head.coding, coding, "{accept}");
        assert!(head.fields.has_token("vary", "accept-encoding"));
    }
    assert_eq!(site.reply(&get(&[("accept-encoding", "identity;q=0, gzip;q=0")])).status, 406);
}

#[test]
fn the_opening_comment_for_proxies_is_the_endpoints() {
    let mut site = site(|_, endpoint| endpoint.padding = true);
    assert!(site.stream(&get(&[])).0.padding);
    site.endpoint.padding = false;
    assert!(!site.stream(&get(&[])).0.padding);
}

#[test]
fn a_channel_that_is_not_there_is_404_and_bad_ones_are_400() {
    let mut site = site(|config, _| {
        config.on_demand = false;
        config.log.max_subscriptions = 1;
        config.log.max_name = 4;
    });
    site.channels.register("news", Default::default()).unwrap();
    for (names, status) in [(&["else"][..], 404), (&[], 400), (&["newsx"], 404)] {
        let Answer::Reply(reply) = site.answer_of(&get(&[]), names) else { panic!("a stream") };
        assert_eq!(reply.status, status, "{names:?}: {:?}", reply.body);
        assert_eq!(field(&reply, "content-type"), "text/plain; charset=utf-8");
    }
    site.channels.register("more", Default::default()).unwrap();
    let Answer::Reply(reply) = site.answer_of(&get(&[]), &["news", "more"]) else { panic!("a stream") };
    assert_eq!((reply.status, &*reply.body), (400, &b"one stream follows at most 1 channels; open a second one\n"[..]));
}

#[test]
fn a_busy_server_tells_browsers_by_a_stream_and_programs_by_a_status() {
    let busy = |busy: Busy, fields: &[(&str, &str)]| {
        let mut site = site(|config, endpoint| {
            config.busy = busy;
            config.log.max_readers = 0;
            config.retry_after = Duration::from_millis(2_500);
            endpoint.access.origins = vec!["*".into()];
        });
        let reply = site.reply(&get(fields));
        assert_eq!(site.channels.stats().readers, 0);
        reply
    };
    let browser = [("sec-fetch-mode", "cors"), ("origin", "https://app.example")];
    for (how, fields, is_stream) in [
        (Busy::ByClient, &browser[..], true),
        (Busy::ByClient, &[], false),
        (Busy::Stream, &[], true),
        (Busy::Status, &browser, false),
    ] {
        let reply = busy(how, fields);
        if is_stream {
            assert_eq!((reply.status, &*reply.body), (200, &b"retry: 2500\n\n"[..]), "{how:?}");
            assert_eq!(field(&reply, "content-type"), "text/event-stream");
        } else {
            assert_eq!((reply.status, field(&reply, "retry-after")), (503, "3"), "{how:?}");
        }
        let may_read = if fields.is_empty() { "" } else { "*" };
        assert_eq!(field(&reply, "access-control-allow-origin"), may_read);
    }
}

#[test]
fn a_closing_server_refuses_as_a_busy_one_does() {
    let mut site = site(|_, _| {});
    site.channels.shutdown(NOW);
    assert_eq!(site.reply(&get(&[])).status, 503);
    assert_eq!(site.reply(&get(&[("sec-fetch-mode", "cors")])).status, 200);
    assert_eq!(site.endpoint.open(&mut site.channels, NOW, site.guest, &get(&[])).unwrap_err().status, 503);
}

#[test]
fn a_connection_in_excess_is_told_in_its_answer() {
    let mut site = site(|config, _| config.max_connections = 1);
    let over = site.channels.admit(None).unwrap();
    let answer = site.endpoint.answer(&mut site.channels, NOW, over, &get(&[]), &["news"]);
    let Answer::Reply(reply) = answer else { panic!("a stream") };
    assert_eq!(reply.status, 503);
    assert_eq!(site.endpoint.open(&mut site.channels, NOW, over, &get(&[])).unwrap_err().status, 503);
    let limit = over.limit().unwrap();
    assert_eq!(site.endpoint.refuse(&mut site.channels, NOW, &get(&[]), limit).status, 503);
}

#[test]
fn readers_that_are_refused_together_do_not_come_back_together() {
    let mut site = site(|config, _| {
        config.log.max_readers = 0;
        config.return_rate = 10;
        config.busy = Busy::Stream;
    });
    let mut retries: Vec<u64> = (0..25)
        .map(|_| {
            let body = site.reply(&get(&[])).body;
            let text = std::str::from_utf8(&body).unwrap();
            text.trim().strip_prefix("retry: ").unwrap().parse().unwrap()
        })
        .collect();
    retries.sort_unstable();
    assert!(retries.windows(11).all(|eleven| eleven[10] - eleven[0] >= 1000), "{retries:?}");
}

#[test]
fn a_stream_of_the_applications_own_begins_alike() {
    let mut site = site(|_, endpoint| endpoint.gzip = true);
    let head = site.endpoint.open(&mut site.channels, NOW, site.guest, &get(&[("accept-encoding", "gzip")])).unwrap();
    assert_eq!((head.coding, head.heartbeat), (Some(Coding::Gzip), Some(Heartbeat::default())));
    let refused = site.endpoint.open(&mut site.channels, NOW, site.guest, &request(Method::PUT, "/", &[]));
    assert_eq!(refused.unwrap_err().status, 405);
}

#[test]
fn the_gap_at_the_start_of_own_ids_names_only_the_applications() {
    let mut site = site(|config, _| config.channel.topic.own_ids = true);
    for own in ["a1", "a2"] {
        let message = Message::new(own).with_id(EventId::new(own).unwrap());
        site.channels.publish(NOW, ["news"], &message).unwrap();
    }
    let (_, first) = site.stream(&get(&[("last-event-id", "gone")]));
    let gap = first.split("\n\n").find(|block| block.contains("event: gap")).unwrap();
    assert_eq!(gap, "event: gap\ndata: {\"reason\":\"evicted\",\"after\":\"gone\",\"next\":\"a1\"}");
    assert!(!first.contains("id: "), "{first}");
}
