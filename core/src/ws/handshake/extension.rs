use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::http::{Fields, is_token, is_token_byte};

/// An extension with its parameters, as a client offers it or a server agrees to it (RFC 6455 §9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its registered name, a token.
    pub name: Box<str>,
    /// Its parameters in order: names and, where there are, values; all of them tokens.
    pub params: Vec<(Box<str>, Option<Box<str>>)>,
}

impl Extension {
    /// Makes one without parameters. `name` is to be a token.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), params: Vec::new() }
    }

    /// Reads the extensions of a head, in order; none when there is no `Sec-WebSocket-Extensions`.
    ///
    /// # Errors
    ///
    /// When the field does not conform to the grammar of RFC 6455 §9.1.
    pub fn parse_all(fields: &Fields) -> Result<Vec<Self>, ExtensionError> {
        let mut extensions = Vec::new();
        // RFC 6455 §9.1: "this header field MAY be split or combined across multiple lines."
        for value in fields.get_all("sec-websocket-extensions") {
            Cursor { rest: value }.list(&mut extensions)?;
        }
        // `extension-list = 1#extension`
        let is_empty = extensions.is_empty() && fields.contains("sec-websocket-extensions");
        if is_empty { Err(ExtensionError) } else { Ok(extensions) }
    }
}

/// As it stands in the field.
impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (name, value) in &self.params {
            match value {
                Some(value) => write!(f, "; {name}={value}")?,
                None => write!(f, "; {name}")?,
            }
        }
        Ok(())
    }
}

/// A `Sec-WebSocket-Extensions` field that does not conform to its grammar (RFC 6455 §9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionError;

impl fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sec-websocket-extensions field is malformed; send `name; parameter=value, …`")
    }
}

impl core::error::Error for ExtensionError {}

/// What is left of a field value.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn list(&mut self, extensions: &mut Vec<Extension>) -> Result<(), ExtensionError> {
        loop {
            // RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list elements".
            if !matches!(self.rest.first(), None | Some(b',')) {
                extensions.push(self.extension()?);
            }
            if self.rest.is_empty() {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn extension(&mut self) -> Result<Extension, ExtensionError> {
        let mut extension = Extension { name: self.token()?, params: Vec::new() };
        while self.rest.first() == Some(&b';') {
            self.expect(b';')?;
            let name = self.token()?;
            let value = if self.rest.first() == Some(&b'=') { Some(self.value()?) } else { None };
            extension.params.push((name, value));
        }
        Ok(extension)
    }

    fn value(&mut self) -> Result<Box<str>, ExtensionError> {
        self.expect(b'=')?;
        if self.rest.first() == Some(&b'"') { self.quoted() } else { self.token() }
    }

    fn quoted(&mut self) -> Result<Box<str>, ExtensionError> {
        let mut value = String::new();
        let mut bytes = self.rest.iter().copied().enumerate().skip(1);
        while let Some((at, byte)) = bytes.next() {
            let byte = match byte {
                b'"' => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    self.skip_spaces();
                    // RFC 6455 §9.1: "the value after quoted-string unescaping MUST conform to the 'token' ABNF."
                    return if is_token(value.as_bytes()) { Ok(value.into()) } else { Err(ExtensionError) };
                }
                b'\\' => bytes.next().ok_or(ExtensionError)?.1,
                byte => byte,
            };
            value.push(char::from(byte));
        }
        Err(ExtensionError)
    }

    /// Takes a token and the spaces behind it.
    fn token(&mut self) -> Result<Box<str>, ExtensionError> {
        let end = self.rest.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(self.rest.len());
        let (token, rest) =
            self.rest.split_at_checked(end).filter(|(token, _)| !token.is_empty()).ok_or(ExtensionError)?;
        self.rest = rest;
        self.skip_spaces();
        str::from_utf8(token).map(Into::into).map_err(|_| ExtensionError)
    }

    /// Takes a separator and the spaces behind it.
    fn expect(&mut self, separator: u8) -> Result<(), ExtensionError> {
        self.rest = self.rest.strip_prefix(&[separator]).ok_or(ExtensionError)?;
        self.skip_spaces();
        Ok(())
    }

    fn skip_spaces(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }
}
