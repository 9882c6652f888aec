//! A second reader of chunked bodies, written for clarity: it takes a whole input, line by line, and knows only bodies
//! that are complete. It shares no code with the first.

/// Returns the data of the chunked body at the start of `input` and what follows it, or `None` if there is no complete one.
pub fn decode(input: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut data = Vec::new();
    let mut rest = input;
    loop {
        let (line, after) = take_line(rest)?;
        let size = chunk_size(line)?;
        rest = after;
        if size == 0 {
            break;
        }
        if rest.len() < size {
            return None;
        }
        data.extend(&rest[..size]);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
    loop {
        let (line, after) = take_line(rest)?;
        rest = after;
        if line.is_empty() {
            return Some((data, rest));
        }
        if !is_trailer(line) {
            return None;
        }
    }
}

/// The line before the first CRLF, if no other CR or LF stands in it.
fn take_line(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = input.windows(2).position(|pair| pair == b"\r\n")?;
    let line = &input[..end];
    (!line.contains(&b'\r') && !line.contains(&b'\n')).then(|| (line, &input[end + 2..]))
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let text: String = line.iter().map(|&byte| char::from(byte)).collect();
    let digits: String = text.chars().take_while(char::is_ascii_hexdigit).collect();
    if digits.is_empty() || digits.len() > 16 || !are_extensions(&text[digits.len()..]) {
        return None;
    }
    usize::from_str_radix(&digits, 16).ok()
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`
fn are_extensions(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let Some(text) = bws(text).strip_prefix(';') else { return false };
    let Some(after_name) = token(bws(text)) else { return false };
    if let Some(value) = bws(after_name).strip_prefix('=') {
        let value = bws(value);
        let after_value = if value.starts_with('"') { quoted(value) } else { token(value) };
        return after_value.is_some_and(are_extensions);
    }
    are_extensions(after_name)
}

/// Without the spaces and tabs at its start.
fn bws(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// Behind the token at its start.
fn token(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(is_token_char);
    (rest.len() < text.len()).then_some(rest)
}

/// Behind the quoted string at its start.
fn quoted(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix('"')?;
    loop {
        let char = rest.chars().next()?;
        rest = &rest[char.len_utf8()..];
        match char {
            '"' => return Some(rest),
            '\\' => {
                let escaped = rest.chars().next().filter(|&char| is_text(char))?;
                rest = &rest[escaped.len_utf8()..];
            }
            char if is_text(char) => {}
            _ => return None,
        }
    }
}

fn is_trailer(line: &[u8]) -> bool {
    let text: String = line.iter().map(|&byte| char::from(byte)).collect();
    text.split_once(':')
        .is_some_and(|(name, value)| !name.is_empty() && name.chars().all(is_token_char) && value.chars().all(is_text))
}

fn is_token_char(char: char) -> bool {
    matches!(char, 'a'..='z' | 'A'..='Z' | '0'..='9' | '!' | '#' | '$' | '%' | '&' | '\'' | '*' | '+' | '-' | '.' | '^' | '_' | '`' | '|' | '~')
}

fn is_text(char: char) -> bool {
    char == '\t' || !char.is_ascii_control()
}
