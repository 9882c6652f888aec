use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{is_token, is_value_byte, trim};

/// The fields of a head, in order. Names compare without case; a name may stand more than once.
///
/// Names and values are checked when they are added, so that what stands here can be written as it is: a line end cannot
/// be smuggled in. Kept in three allocations, however many fields there are.
#[derive(Clone, Default)]
pub struct Fields {
    names: String,
    values: Vec<u8>,
    /// Where each field's name and value end; they begin where the last field's ended.
    ends: Vec<(usize, usize)>,
}

impl Fields {
    /// Returns no fields.
    pub const fn new() -> Self {
        Self { names: String::new(), values: Vec::new(), ends: Vec::new() }
    }

    /// Adds a field after all others; spaces and tabs around the value are dropped.
    ///
    /// # Errors
    ///
    /// When the name is not a token or the value holds a line end, NUL or another control character but the tab.
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), FieldError> {
        let value = trim(value.as_ref());
        if !is_token(name.as_bytes()) {
            return Err(FieldError::Name);
        }
        if !value.iter().copied().all(is_value_byte) {
            return Err(FieldError::Value);
        }
        self.push(name, value);
        Ok(())
    }

    /// Puts a field in the place of all with its name, at the end.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append); then nothing is changed.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), FieldError> {
        self.append(name, value)?;
        let last = self.len() - 1;
        self.retain(|index, other| index == last || !other.eq_ignore_ascii_case(name));
        Ok(())
    }

    /// Removes all fields with this name and returns whether there were any.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.len();
        self.retain(|_, other| !other.eq_ignore_ascii_case(name));
        self.len() < before
    }

    /// Returns the value of the first field with this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Returns the value of the first field with this name, if it is UTF-8.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| str::from_utf8(value).ok())
    }

    /// Returns the values of all fields with this name.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns whether there is a field with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the members of the comma-separated list that all fields with this name make together (RFC 9110 §5.3),
    /// without the spaces around them; empty members are left out. Commas inside quoted strings separate too.
    pub fn members<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.get_all(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(trim)
            .filter(|member| !member.is_empty())
    }

    /// Returns whether `token` is a member, in any case, of the list under this name: `has_token("connection", "close")`.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.members(name).any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Returns all fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        let mut start = (0, 0);
        self.ends.iter().map(move |&end| {
            let name = self.names.get(start.0..end.0).unwrap_or_default();
            let value = self.values.get(start.1..end.1).unwrap_or_default();
            start = end;
            (name, value)
        })
    }

    /// Returns how many fields there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Appends the field lines to `out`, without the empty line after them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Adds a field that is known to be well formed.
    pub(super) fn push(&mut self, name: &str, value: &[u8]) {
        if self.ends.is_empty() {
            // A usual head, without growing several times.
            self.names.reserve(96);
            self.values.reserve(160);
            self.ends.reserve(8);
        }
        self.names.push_str(name);
        self.values.extend_from_slice(value);
        self.ends.push((self.names.len(), self.values.len()));
    }

    fn value_ends(&self) -> impl Iterator<Item = usize> {
        self.ends.iter().map(|&(_, value_end)| value_end)
    }

    fn retain(&mut self, keep: impl Fn(usize, &str) -> bool) {
        if self.iter().enumerate().all(|(index, (name, _))| keep(index, name)) {
            return;
        }
        let mut kept = Self::new();
        for (index, (name, value)) in self.iter().enumerate() {
            if keep(index, name) {
                kept.push(name, value);
            }
        }
        *self = kept;
    }
}

/// Names compare without case, values byte by byte, order counts.
impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        let same_names = || self.iter().zip(other.iter()).all(|((a, _), (b, _))| a.eq_ignore_ascii_case(b));
        self.values == other.values
            && self.len() == other.len()
            && same_names()
            && self.value_ends().eq(other.value_ends())
    }
}

impl Eq for Fields {}

/// Hides what proves an identity, so that a log line does not give it away.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            if SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
                map.entry(&name, &"(hidden)");
            } else {
                map.entry(&name, &String::from_utf8_lossy(value));
            }
        }
        map.finish()
    }
}

/// Why a field was refused by [`Fields`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldError {
    /// The name is empty or holds something besides letters, digits and ``!#$%&'*+-.^_`|~``.
    Name,
    /// The value holds CR, LF, NUL or another control character but the tab.
    Value,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a field name must be a token: letters, digits and !#$%&'*+-.^_`|~",
            Self::Value => "a field value must not hold line ends or other control characters",
        })
    }
}

impl core::error::Error for FieldError {}

/// The fields of the standards, those that APIs (Anthropic's, Azure's, Google's) take their keys in, the session of MCP, and the
/// subprotocols of WebSocket, as one of which browsers send tokens.
const SECRET: [&str; 10] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-auth-token",
    "mcp-session-id",
    "sec-websocket-protocol",
];

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    fn fields(list: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in list {
            fields.append(name, value).unwrap();
        }
        fields
    }

    fn list(fields: &Fields) -> Vec<(&str, &str)> {
        fields.iter().map(|(name, value)| (name, str::from_utf8(value).unwrap())).collect()
    }

    #[test]
    fn fields_keep_their_order_and_case() {
        let fields = fields(&[("B", "1"), ("a", ""), ("b", "2")]);
        assert_eq!(list(&fields), [("B", "1"), ("a", ""), ("b", "2")]);
        assert_eq!((fields.len(), fields.is_empty()), (3, false));
        assert!(Fields::new().is_empty());
    }

    #[test]
    fn names_are_found_in_any_case() {
        let fields = fields(&[("Last-Event-ID", "1"), ("x", "2"), ("LAST-EVENT-ID", "3")]);
        assert_eq!(fields.get("last-event-id"), Some(&b"1"[..]));
        assert_eq!(fields.get_all("last-event-id").collect::<Vec<_>>(), [b"1", b"3"]);
        assert_eq!(fields.get("last-event"), None);
        assert!(fields.contains("X"));
        assert!(!fields.contains("y"));
    }

    #[test]
    fn only_utf8_is_given_as_text() {
        let mut fields = Fields::new();
        fields.append("a", "é").unwrap();
        fields.append("b", b"\xff").unwrap();
        assert_eq!((fields.get_str("a"), fields.get_str("b"), fields.get_str("c")), (Some("é"), None, None));
    }

    #[test]
    fn what_would_break_a_line_is_refused() {
        let append = |name: &str, value: &[u8]| Fields::new().append(name, value);
        for name in ["", "a b", "a:", "a\r\n", "é", "a\0", "(a)"] {
            assert_eq!(append(name, b""), Err(FieldError::Name), "{name:?}");
        }
        for value in [&b"a\r\nb"[..], b"a\n", b"\ra", b"\0", b"\x1b", b"\x7f"] {
            assert_eq!(append("a", value), Err(FieldError::Value), "{value:?}");
        }
        assert_eq!(append("!#$%&'*+-.^_`|~09azAZ", b" \t!~\x80\xff"), Ok(()));
    }

    #[test]
    fn spaces_around_a_value_are_dropped() {
        assert_eq!(list(&fields(&[("a", " \tb c\t "), ("d", " "), ("e", "")])), [("a", "b c"), ("d", ""), ("e", "")]);
    }

    #[test]
    fn set_replaces_all_of_a_name() {
        let mut fields = fields(&[("a", "1"), ("b", "2"), ("A", "3")]);
        fields.set("a", "4").unwrap();
        assert_eq!(list(&fields), [("b", "2"), ("a", "4")]);
        assert_eq!(fields.set("b", "\n"), Err(FieldError::Value));
        assert_eq!(list(&fields), [("b", "2"), ("a", "4")]);
    }

    #[test]
    fn remove_tells_whether_there_was_one() {
        let mut fields = fields(&[("a", "1"), ("b", "2"), ("A", "3")]);
        assert!(fields.remove("a"));
        assert!(!fields.remove("a"));
        assert_eq!(list(&fields), [("b", "2")]);
    }

    #[test]
    fn lists_are_joined_and_split() {
        let fields = fields(&[("Connection", "a ,, B\t"), ("x", "close"), ("connection", ",close")]);
        assert_eq!(fields.members("connection").collect::<Vec<_>>(), [&b"a"[..], b"B", b"close"]);
        assert!(fields.has_token("connection", "b"));
        assert!(fields.has_token("Connection", "Close"));
        assert!(!fields.has_token("connection", "c"));
    }

    #[test]
    fn equality_is_of_names_without_case_and_of_values_in_order() {
        let one = fields(&[("a", "1"), ("b", "23")]);
        assert_eq!(one, fields(&[("A", "1"), ("b", "23")]));
        assert_ne!(one, fields(&[("a", "12"), ("b", "3")]));
        assert_ne!(one, fields(&[("b", "23"), ("a", "1")]));
        assert_ne!(one, fields(&[("a", "1"), ("c", "23")]));
        assert_ne!(one, fields(&[("a", "1"), ("b", "23"), ("c", "")]));
        assert_ne!(one, fields(&[("a", "1"), ("b", "24")]));
    }

    #[test]
    fn debug_hides_what_proves_an_identity() {
        let shown = format!("{:?}", fields(&[("Authorization", "Bearer x"), ("cookie", "x"), ("Accept", "y")]));
        assert_eq!(shown, r#"{"Authorization": "(hidden)", "cookie": "(hidden)", "Accept": "y"}"#);
        for name in SECRET {
            let shown = format!("{:?}", fields(&[(&name.to_ascii_uppercase(), "secret")]));
            assert!(!shown.contains("secret") && shown.contains("hidden"), "{shown}");
        }
    }

    #[test]
    fn errors_say_what_is_allowed() {
        assert!(FieldError::Name.to_string().contains("token"));
        assert!(FieldError::Value.to_string().contains("control characters"));
    }
}
