//! The vectors of `vectors/sse`: each stream whole, in its own chunks, byte by byte and cut at every place, through both faces of the
//! parser, and through the naive one.

use tidewire_core::sse::Parser;
use tidewire_tests::naive_sse::{self, Outcome, Told};
use tidewire_tests::sse::{cut, outcome, outcome_owned};
use tidewire_tests::vectors_sse::{Case, cases};

#[test]
fn every_vector_holds() {
    let cases = cases();
    assert!(cases.len() > 100, "only {} cases", cases.len());
    cases.iter().for_each(check);
}

fn check(case: &Case) {
    let Case { name, last_event_id, stream, cuts, expected } = case;
    let naive = naive_sse::parse(stream, last_event_id);
    assert_eq!(&tell(&naive), expected, "{name}: the naive parser");

    let new = || Parser::new().with_last_event_id(last_event_id);
    let check = |cuts: &[usize]| {
        let chunks = cut(stream, cuts);
        assert_eq!(outcome(new(), chunks.iter().copied()), (naive.clone(), vec![]), "{name}: lending, cut at {cuts:?}");
        assert_eq!(outcome_owned(new(), chunks), (naive.clone(), vec![]), "{name}: owned, cut at {cuts:?}");
    };
    check(&[]);
    check(cuts);
    check(&(0..stream.len()).collect::<Vec<_>>());
    check(&(0..stream.len()).step_by(2).collect::<Vec<_>>());
    (0..=stream.len()).for_each(|at| check(&[at]));
}

fn tell(outcome: &Outcome) -> String {
    let mut lines = String::new();
    for told in &outcome.events {
        lines += &match told {
            Told::Message { event_type, data, own_id, last_event_id } => {
                let event = if event_type == "message" { String::new() } else { format!(" event {event_type:?}") };
                let id = match own_id {
                    Some(id) => format!(" id {id:?}"),
                    None if last_event_id.is_empty() => String::new(),
                    None => format!(" last {last_event_id:?}"),
                };
                format!("message {data:?}{event}{id}\n")
            }
            Told::Comment(text) => format!("comment {text:?}\n"),
            Told::Retry(millis) => format!("retry {millis}\n"),
        };
    }
    lines += if outcome.unfinished { "end unfinished" } else { "end clean" };
    if !outcome.last_event_id.is_empty() {
        lines += &format!(", last {:?}", outcome.last_event_id);
    }
    lines + "\n"
}
