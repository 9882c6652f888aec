//! What `--filter` and `--until` ask of an event: `event=add`, `id=7*`, `data!=[DONE]`, `/level=3`, `!/error`.

use std::cell::OnceCell;

use serde_json::Value;

/// One condition on an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    subject: Subject,
    /// What the subject is to be; `None`: it is to be there.
    wanted: Option<Wanted>,
    negated: bool,
}

/// An event that conditions look at; its data is read as JSON at most once.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    kind: &'a str,
    id: &'a str,
    data: &'a str,
    json: OnceCell<Option<Value>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    Event,
    Id,
    Data,
    /// A JSON pointer into the data (RFC 6901).
    Pointer(String),
}

/// Text to compare with.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    /// The pieces between the stars.
    pieces: Vec<String>,
    /// The text as a JSON value, if it is one.
    json: Option<Value>,
}

impl Condition {
    /// Reads a condition of `--filter`.
    pub(crate) fn filter(text: &str) -> Result<Self, String> {
        Self::parse(text)?.ok_or_else(|| format!("{HELP}\n{}", guess(text)).trim_end().to_owned())
    }

    /// Reads a condition of `--until`: what is none of the forms of a filter is the data itself, letter by letter.
    pub(crate) fn until(text: &str) -> Result<Self, String> {
        let whole = || Wanted { pieces: vec![text.to_owned()], json: None };
        Ok(Self::parse(text)?.unwrap_or_else(|| Self { subject: Subject::Data, wanted: Some(whole()), negated: false }))
    }

    /// Returns whether the event is as wanted.
    pub(crate) fn holds(&self, seen: &Seen<'_>) -> bool {
        self.found(seen) != self.negated
    }

    /// Returns whether it asks for an event's ID.
    pub(crate) fn is_about_ids(&self) -> bool {
        self.subject == Subject::Id
    }

    fn parse(text: &str) -> Result<Option<Self>, String> {
        if let Some(pointer) = text.strip_prefix('!').filter(|rest| rest.starts_with('/') && !rest.contains('=')) {
            return Ok(Some(Self { subject: Subject::pointer(pointer)?, wanted: None, negated: true }));
        }
        let Some((left, right)) = text.split_once('=') else {
            let subject = text.starts_with('/').then(|| Subject::pointer(text)).transpose()?;
            return Ok(subject.map(|subject| Self { subject, wanted: None, negated: false }));
        };
        let (left, negated) = left.strip_suffix('!').map_or((left, false), |left| (left, true));
        let subject = match left {
            "event" => Subject::Event,
            "id" => Subject::Id,
            "data" => Subject::Data,
            pointer if pointer.starts_with('/') => Subject::pointer(pointer)?,
            _ => return Ok(None),
        };
        Ok(Some(Self { subject, wanted: Some(Wanted::new(right)), negated }))
    }

    fn found(&self, seen: &Seen<'_>) -> bool {
        let is = |text| self.wanted.as_ref().is_none_or(|wanted| wanted.is(text));
        match &self.subject {
            Subject::Event => is(seen.kind),
            Subject::Id => is(seen.id),
            Subject::Data => is(seen.data),
            Subject::Pointer(pointer) => {
                let value = seen.json().and_then(|json| json.pointer(pointer));
                value.is_some_and(|value| self.wanted.as_ref().is_none_or(|wanted| wanted.is_value(value)))
            }
        }
    }
}

impl<'a> Seen<'a> {
    pub(crate) fn new(kind: &'a str, id: &'a str, data: &'a str) -> Self {
        Self { kind, id, data, json: OnceCell::new() }
    }

    fn json(&self) -> Option<&Value> {
        self.json.get_or_init(|| serde_json::from_str(self.data).ok()).as_ref()
    }
}

impl Subject {
    fn pointer(text: &str) -> Result<Self, String> {
        // RFC 6901 §3: "escaped = "~" ( "0" / "1" )"
        let escaped = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !escaped {
            return Err(format!("'{text}': in a JSON pointer ~ is written ~0, and a / inside a name ~1"));
        }
        Ok(Self::Pointer(text.to_owned()))
    }
}

impl Wanted {
    fn new(text: &str) -> Self {
        let mut pieces = vec![String::new()];
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '*' => pieces.push(String::new()),
                '\\' if chars.next_if_eq(&'*').is_some() => push(&mut pieces, '*'),
                char => push(&mut pieces, char),
            }
        }
        Self { pieces, json: serde_json::from_str(text).ok() }
    }

    /// Returns whether `text` begins with the first piece, ends with the last, and has the others in between, in their order.
    fn is(&self, text: &str) -> bool {
        let [first, between @ .., last] = &*self.pieces else {
            return self.pieces.first().is_some_and(|whole| whole == text);
        };
        let Some(mut rest) = text.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last)) else {
            return false;
        };
        for piece in between {
            let Some((_, after)) = rest.split_once(&**piece) else { return false };
            rest = after;
        }
        true
    }

    /// Returns whether a JSON value is that value, or has that text.
    fn is_value(&self, value: &Value) -> bool {
        self.json.as_ref().is_some_and(|json| same(json, value))
            || match value {
                Value::String(text) => self.is(text),
                value => self.is(&value.to_string()),
            }
    }
}

fn push(pieces: &mut [String], char: char) {
    if let Some(last) = pieces.last_mut() {
        last.push(char);
    }
}

/// Returns whether two values are the same; 1 and 1.0 are.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}

/// Says what somebody may have meant who comes from another tool.
fn guess(text: &str) -> String {
    let path = text.trim_start_matches('$');
    match path.strip_prefix('.') {
        Some(path) if !path.is_empty() => {
            let (path, value) = path.split_at(path.find(['=', '!']).unwrap_or(path.len()));
            let pointer = path.replace("].", "/").replace(['.', '['], "/").replace(']', "");
            format!("is it '/{pointer}{value}'?")
        }
        _ => String::new(),
    }
}

const HELP: &str = "write event=NAME, id=ID or data=TEXT, or for data that is JSON a pointer, such as /level=3, or /error \
    for what has an error at all; != and !/error for what is not so; * stands for anything";

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str) -> bool {
        let data = r#"{"level":3,"name":"Ann","ok":true,"none":null,"a/b":1,"list":[{"x":1.0}],"id":"17"}"#;
        Condition::filter(condition).unwrap().holds(&Seen::new("user.add", "7-42", data))
    }

    #[test]
    fn an_event_is_known_by_its_name_id_and_data() {
        for condition in ["event=user.add", "event=user.*", "event=*", "id=7-42", "id=7-*", "data={*}", "data=*Ann*"] {
            assert!(holds(condition), "{condition}");
        }
        for condition in ["event=user", "event=add*", "event=", "id=7", "data=", "data=*Bob*", "event=user.add*d"] {
            assert!(!holds(condition), "{condition}");
        }
    }

    #[test]
    fn a_pointer_looks_into_data_that_is_json() {
        for condition in [
            "/level",
            "/level=3",
            "/level=3.0",
            "/name=Ann",
            "/name=\"Ann\"",
            "/name=A*",
            "/ok=true",
            "/none",
            "/none=null",
            "/a~1b=1",
            "/list/0/x=1",
            "/list/0={\"x\":1.0}",
            "/id=17",
            "/level=*",
        ] {
            assert!(holds(condition), "{condition}");
        }
        for condition in ["/nothing", "/level=4", "/name=ann", "/ok=false", "/list/1", "/nothing=*", "/none=0"] {
            assert!(!holds(condition), "{condition}");
        }
    }

    #[test]
    fn not_is_the_opposite_also_where_there_is_nothing() {
        for condition in ["event!=add", "/level!=4", "/nothing!=1", "!/nothing", "id!=8*"] {
            assert!(holds(condition), "{condition}");
        }
        for condition in ["event!=user.*", "/level!=3", "!/level", "/ok!=true"] {
            assert!(!holds(condition), "{condition}");
        }
        let text = Seen::new("message", "", "no JSON");
        assert!(Condition::filter("/level!=3").unwrap().holds(&text));
        assert!(!Condition::filter("/level=3").unwrap().holds(&text));
    }

    #[test]
    fn a_star_can_be_meant_and_values_may_have_equals_signs() {
        let seen = Seen::new("message", "", "2*3=6");
        assert!(Condition::filter(r"data=2\*3=6").unwrap().holds(&seen));
        assert!(!Condition::filter(r"data=2\*4=6").unwrap().holds(&seen));
        assert!(!Condition::filter(r"data=\*").unwrap().holds(&seen));
        assert!(Condition::filter("data=*3*").unwrap().holds(&seen));
        assert!(!Condition::filter("data=*6*6").unwrap().holds(&seen));
    }

    #[test]
    fn until_takes_other_text_as_the_data() {
        let done = Condition::until("[DONE]").unwrap();
        assert!(done.holds(&Seen::new("message", "", "[DONE]")));
        assert!(!done.holds(&Seen::new("message", "", "[DONE] ")));
        assert!(Condition::until("a*").unwrap().holds(&Seen::new("message", "", "a*")));
        assert!(!Condition::until("a*").unwrap().holds(&Seen::new("message", "", "ab")));
        assert!(Condition::until("event=end").unwrap().holds(&Seen::new("end", "", "")));
        assert!(Condition::until("/done=true").unwrap().holds(&Seen::new("message", "", r#"{"done":true}"#)));
        assert!(Condition::until("a=b").unwrap().holds(&Seen::new("message", "", "a=b")));
    }

    #[test]
    fn a_wrong_condition_says_how_to_write_it() {
        for text in ["", "add", "name=add", "event", "event~add", "!event"] {
            assert!(Condition::filter(text).unwrap_err().contains("write event=NAME"), "{text}");
        }
        let error = Condition::filter(".choices[0].text=x").unwrap_err();
        assert!(error.ends_with("is it '/choices/0/text=x'?"), "{error}");
        assert!(Condition::filter("$.level=3").unwrap_err().ends_with("is it '/level=3'?"));
        assert!(Condition::filter("/a~b").unwrap_err().contains("~0"));
        assert!(Condition::until("/a~b").is_err());
    }
}
