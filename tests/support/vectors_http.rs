//! The vectors under `vectors/http`.

/// One case of a file of vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What is true.
    pub title: String,
    /// What stands in parentheses before the bytes.
    pub note: Option<String>,
    /// The bytes.
    pub input: Vec<u8>,
    /// What comes of them.
    pub outcome: String,
}

/// Reads a file of vectors; its format is in `vectors/http/README.md`.
///
/// # Panics
///
/// If the file is not in that format.
pub fn cases(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for block in text.split("\n== ").skip(1) {
        let (title, rest) = block.split_once('\n').expect("a title");
        let mut case = Case { title: title.to_owned(), note: None, input: Vec::new(), outcome: String::new() };
        for line in rest.lines().take_while(|line| !line.starts_with('#')) {
            if let Some(outcome) = line.strip_prefix("=>") {
                case.outcome = outcome.trim().to_owned();
            } else if let Some(note) = line.strip_prefix('(') {
                case.note = Some(note.trim_end_matches(')').to_owned());
            } else {
                assert!(case.outcome.is_empty() || line.is_empty(), "{title}: bytes after the outcome");
                case.input.extend(unescape(line));
            }
        }
        assert!(!case.outcome.is_empty(), "{title}: no outcome");
        cases.push(case);
    }
    cases
}

/// Writes bytes as they stand in the vectors.
pub fn escape(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn unescape(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'{' {
            let end = rest.iter().position(|&byte| byte == b'}').expect("a closing brace");
            let count: usize = std::str::from_utf8(&rest[..end]).unwrap().parse().expect("a number in braces");
            bytes.extend(std::iter::repeat_n(rest[end + 1], count));
            rest = &rest[end + 2..];
            continue;
        }
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (escaped, length) = match rest {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'0', ..] => (0, 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', high, low, ..] => {
                let digits = [*high, *low];
                (u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).expect("two digits"), 3)
            }
            _ => panic!("an unknown escape in {line}"),
        };
        bytes.push(escaped);
        rest = &rest[length..];
    }
    bytes
}
