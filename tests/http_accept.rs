//! What a request takes, beside a naive reading of RFC 9110 §12.5.

use proptest::prelude::*;
use tidewire_core::http::Fields;
use tidewire_core::http::accept::{self, Coding, NotAcceptable};

const STREAM: &str = "text/event-stream";

fn fields(name: &str, values: &[&str]) -> Fields {
    let mut fields = Fields::new();
    for value in values {
        fields.append(name, value).unwrap();
    }
    fields
}

fn weight(accept: &str) -> u16 {
    accept::media_type(&fields("Accept", &[accept]), STREAM)
}

fn coding(accept: &str) -> Result<Option<Coding>, NotAcceptable> {
    accept::coding(&fields("Accept-Encoding", &[accept]))
}

#[test]
fn the_most_specific_range_counts() {
    for (accept, expected) in [
        ("text/event-stream", 1000),
        ("TEXT/Event-Stream", 1000),
        ("*/*", 1000),
        ("text/*", 1000),
        ("application/json", 0),
        ("application/*", 0),
        ("text/html, */*;q=0.1", 100),
        ("*/*;q=0.1, text/*;q=0.2, text/event-stream;q=0.3", 300),
        ("text/event-stream;q=0, */*", 0),
        ("text/*;q=0, */*", 0),
        ("text/*;q=0, text/event-stream", 1000),
        ("*/*;q=0", 0),
        ("text/event-stream;charset=utf-8", 1000),
        ("text/event-stream; charset=utf-8; q=0.5", 500),
        ("text/event-stream;q=0;ext=1", 0),
        ("text/event-stream ; Q=0.7", 700),
        ("textual/event-stream", 0),
        ("text/event-stream-x", 0),
        ("text/html;x=\"a,text/event-stream\"", 0),
        ("text/html;x=\"\\\",text/event-stream", 0),
        ("text/html;x=\";q=0\", text/event-stream", 1000),
    ] {
        assert_eq!(weight(accept), expected, "{accept}");
    }
}

#[test]
fn a_field_that_says_nothing_takes_everything() {
    assert_eq!(accept::media_type(&Fields::new(), STREAM), 1000);
    for accept in ["", ",", " , ,", "text/event-stream;q=abc", "text/html;q=2"] {
        assert_eq!(weight(accept), 1000, "{accept:?}");
    }
    assert_eq!(weight("text/event-stream;q=abc, text/html"), 0, "something is left");
}

#[test]
fn several_fields_are_one_list() {
    let accept = fields("accept", &["text/html", "application/json, text/event-stream;q=0.4"]);
    assert_eq!(accept::media_type(&accept, STREAM), 400);
}

#[test]
fn weights_are_read_as_they_are_meant() {
    for (q, expected) in [
        ("0", Some(0)),
        ("0.", Some(0)),
        ("0.0", Some(0)),
        ("0.000", Some(0)),
        ("0.001", Some(1)),
        ("0.0001", Some(1)),
        ("0.5", Some(500)),
        ("0.55", Some(550)),
        ("0.555", Some(555)),
        ("0.5555", Some(555)),
        (".2", Some(200)),
        ("1", Some(1000)),
        ("1.", Some(1000)),
        ("1.000", Some(1000)),
        ("1.0000", Some(1000)),
        ("1.001", None),
        ("2", None),
        ("10", None),
        ("00.5", None),
        ("-0.5", None),
        ("+1", None),
        ("", None),
        (".", None),
        ("0.5.5", None),
        ("0,5", Some(0)),
        ("\"0.5\"", None),
        ("0x1", None),
        ("nan", None),
    ] {
        // What is left out leaves the other range.
        assert_eq!(weight(&format!("text/event-stream;q={q}, */*;q=0.9")), expected.unwrap_or(900), "{q}");
    }
}

#[test]
fn java_s_default_takes_a_stream() {
    assert_eq!(weight("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"), 200);
}

#[test]
fn gzip_is_chosen_where_it_is_taken_no_less_than_what_is_plain() {
    let gzip = Ok(Some(Coding::Gzip));
    for (accept, expected) in [
        ("gzip", gzip),
        ("GZIP", gzip),
        ("x-gzip", gzip),
        ("gzip, deflate, br, zstd", gzip),
        ("deflate, gzip;q=1.0, *;q=0.5", gzip),
        ("gzip;q=0.5", gzip),
        ("gzip;q=0.001", gzip),
        ("*", gzip),
        ("*;q=0.1", gzip),
        ("identity;q=0, gzip", gzip),
        ("identity;q=0.5, gzip;q=0.5", gzip),
        ("identity;q=0, *", gzip),
        ("*;q=0, gzip", gzip),
        ("gzip;q=0, x-gzip", gzip),
        ("", Ok(None)),
        ("identity", Ok(None)),
        ("gzip;q=0", Ok(None)),
        ("gzip;q=0.000", Ok(None)),
        ("gzip;q=0, *", Ok(None)),
        ("deflate", Ok(None)),
        ("br", Ok(None)),
        ("gzippy", Ok(None)),
        ("identity, gzip;q=0.5", Ok(None)),
        ("gzip;q=abc", Ok(None)),
        ("*;q=0, identity", Ok(None)),
        ("*;q=0, identity;q=0.1", Ok(None)),
        ("identity;q=0", Err(NotAcceptable)),
        ("*;q=0", Err(NotAcceptable)),
        ("gzip;q=0, identity;q=0", Err(NotAcceptable)),
        ("br, *;q=0", Err(NotAcceptable)),
    ] {
        assert_eq!(coding(accept), expected, "{accept:?}");
    }
    assert_eq!(accept::coding(&Fields::new()), Ok(None), "who says nothing is given what everybody reads");
    assert_eq!(Coding::Gzip.name(), "gzip");
}

proptest! {
    /// Beside a reading with strings, maps and floating point.
    #[test]
    fn a_naive_reading_agrees(members in proptest::collection::vec((0..7_usize, 0..9_usize, 0..3_usize), 0..6)) {
        const NAMES: [&str; 7] = ["gzip", "X-Gzip", "identity", "*", "br", "Identity", "deflate"];
        const RANGES: [&str; 7] = ["text/event-stream", "TEXT/*", "text/*", "*/*", "text/html", "*", "application/*"];
        const WEIGHTS: [&str; 9] = ["", ";q=0", ";q=1", ";q=0.5", "; q=0.25", " ;Q=0.75", ";q=0.0", ";q=x", ";a=b;q=0.3"];
        const BETWEEN: [&str; 3] = [",", " , ", ",,"];
        let list = |names: &[&str]| -> String {
            members.iter().map(|(name, weight, between)| [names[*name], WEIGHTS[*weight], BETWEEN[*between]].concat()).collect()
        };
        prop_assert_eq!(coding(&list(&NAMES)), naive::coding(&list(&NAMES)));
        prop_assert_eq!(weight(&list(&RANGES)), naive::media_type(&list(&RANGES)));
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut all = Fields::new();
        if all.append("accept", &bytes).and_then(|()| all.append("accept-encoding", &bytes)).is_ok() {
            prop_assert!(accept::media_type(&all, STREAM) <= 1000);
            let _ = accept::coding(&all);
        }
    }
}

mod naive {
    use super::{Coding, NotAcceptable};

    fn members(list: &str) -> Vec<(String, f64)> {
        let members = list.split(',').map(|member| member.trim().to_lowercase()).filter(|member| !member.is_empty());
        let read = |member: String| {
            let mut parts = member.split(';').map(str::trim);
            let name = parts.next()?.to_owned();
            let weight = match parts.find(|part| part.starts_with("q=")) {
                None => 1.0,
                Some(q) => q[2..].parse().ok()?,
            };
            Some((name, weight))
        };
        members.filter_map(read).collect()
    }

    pub(crate) fn media_type(list: &str) -> u16 {
        let members = members(list);
        if members.is_empty() {
            return 1000;
        }
        for ranges in [&["text/event-stream"][..], &["text/*"], &["*/*", "*"]] {
            let weights = members.iter().filter(|(name, _)| ranges.contains(&&**name)).map(|(_, weight)| *weight);
            if let Some(weight) = weights.reduce(f64::max) {
                return (weight * 1000.0).round() as u16;
            }
        }
        0
    }

    pub(crate) fn coding(list: &str) -> Result<Option<Coding>, NotAcceptable> {
        let members = members(list);
        let of = |names: &[&str]| {
            members.iter().filter(|(name, _)| names.contains(&&**name)).map(|(_, weight)| *weight).reduce(f64::max)
        };
        let all = of(&["*"]);
        let gzip = of(&["gzip", "x-gzip"]).or(all).unwrap_or(0.0);
        let plain = of(&["identity"]);
        if gzip > 0.0 && plain.is_none_or(|plain| gzip >= plain) {
            return Ok(Some(Coding::Gzip));
        }
        let plain_is_refused = plain == Some(0.0) || (plain.is_none() && all == Some(0.0));
        if plain_is_refused { Err(NotAcceptable) } else { Ok(None) }
    }
}
