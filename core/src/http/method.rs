use alloc::borrow::Cow;
use alloc::borrow::ToOwned;
use core::fmt;

use super::is_token;

/// A request method: a token, with case (RFC 9110 §9.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(Cow<'static, str>);

impl Method {
    /// `CONNECT`
    pub const CONNECT: Self = Self::known("CONNECT");
    /// `DELETE`
    pub const DELETE: Self = Self::known("DELETE");
    /// `GET`
    pub const GET: Self = Self::known("GET");
    /// `HEAD`
    pub const HEAD: Self = Self::known("HEAD");
    /// `OPTIONS`
    pub const OPTIONS: Self = Self::known("OPTIONS");
    /// `PATCH`
    pub const PATCH: Self = Self::known("PATCH");
    /// `POST`
    pub const POST: Self = Self::known("POST");
    /// `PUT`
    pub const PUT: Self = Self::known("PUT");

    /// Returns the method with this name.
    ///
    /// # Errors
    ///
    /// When the name is not a token.
    pub fn new(name: &str) -> Result<Self, BadMethod> {
        if !is_token(name.as_bytes()) {
            return Err(BadMethod);
        }
        let known = KNOWN.into_iter().find(|known| *known == name);
        Ok(Self(known.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A [`Method`] was refused: its name is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMethod;

impl fmt::Display for BadMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a method must be a token, such as GET or POST")
    }
}

impl core::error::Error for BadMethod {}

const KNOWN: [&str; 8] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn known_methods_equal_their_constants() {
        for name in KNOWN {
            let method = Method::new(name).unwrap();
            assert!(matches!(method.0, Cow::Borrowed(_)));
            assert_eq!(method.to_string(), name);
        }
        assert_eq!(Method::new("GET"), Ok(Method::GET));
        assert_eq!(Method::new("PURGE").unwrap().as_str(), "PURGE");
    }

    #[test]
    fn case_counts() {
        assert_ne!(Method::new("get"), Ok(Method::GET));
    }

    #[test]
    fn only_tokens_are_methods() {
        for name in ["", "GET ", "G\r\n", "é", "A/B"] {
            assert_eq!(Method::new(name), Err(BadMethod), "{name:?}");
        }
        assert!(BadMethod.to_string().contains("token"));
    }
}
