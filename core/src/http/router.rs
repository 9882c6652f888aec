use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Target;

/// What belongs to which path.
///
/// A pattern is a path whose segments are texts, compared with those of the request after percent-decoding, or `{name}`, which
/// takes any segment but an empty one. Where several patterns fit, a text beats a name, from the left.
///
/// ```
/// use tidewire_core::http::{Method, Router, Target};
///
/// let mut router = Router::new();
/// router.add("/news", "all")?;
/// router.add("/news/{topic}", "one")?;
///
/// let target = Target::parse(&Method::GET, "/news/caf%C3%A9?since=1")?;
/// let (value, names) = router.find(&target).expect("there is one");
/// assert_eq!((*value, names.get("topic")), ("one", Some("café")));
/// assert!(router.find(&Target::parse(&Method::GET, "/news/")?).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Router<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    pattern: Vec<Segment>,
    value: T,
}

/// Texts come first in the order of what fits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Text(String),
    Name(String),
}

impl<T> Router<T> {
    /// Makes a router that knows no path.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Adds a pattern.
    ///
    /// # Errors
    ///
    /// It does not begin with `/`, has a name that is empty or stands twice, or fits exactly what another one fits.
    pub fn add(&mut self, pattern: &str, value: T) -> Result<(), PatternError> {
        let pattern = parse(pattern)?;
        if self.entries.iter().any(|known| same(&known.pattern, &pattern)) {
            return Err(PatternError::Taken);
        }
        // Sorted so that the first one that fits is the best one.
        let at = self.entries.partition_point(|known| known.pattern < pattern);
        self.entries.insert(at, Entry { pattern, value });
        Ok(())
    }

    /// Finds what belongs to the path of `target`, with the segments that stand for names; its query does not matter.
    pub fn find<'a>(&'a self, target: &Target<'a>) -> Option<(&'a T, PathNames<'a>)> {
        let segments: Vec<Cow<'a, str>> = target.segments().collect::<Result<_, _>>().ok()?;
        self.entries.iter().find_map(|entry| {
            let names = fit(&entry.pattern, &segments)?;
            Some((&entry.value, PathNames { names }))
        })
    }
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The segments of a path that stand where its pattern has names.
#[derive(Clone, Debug, Default)]
pub struct PathNames<'a> {
    names: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl PathNames<'_> {
    /// Copies what is borrowed.
    pub fn into_owned(self) -> PathNames<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        PathNames { names: self.names.into_iter().map(|(name, segment)| (owned(name), owned(segment))).collect() }
    }

    /// Returns the segment that stood where the pattern has `{name}`, percent-decoded.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.names.iter().find(|(known, _)| *known == name).map(|(_, segment)| &**segment)
    }

    /// Replaces each `{name}` of the pattern in `text` by its segment.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            filled.push_str(before);
            match self.get(name) {
                Some(segment) => filled.push_str(segment),
                None => filled.extend(["{", name, "}"]),
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

/// Why a pattern was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternError {
    /// It does not begin with `/`.
    NoPath,
    /// A name in it is empty or stands twice, or a brace stands elsewhere than around a segment.
    Name,
    /// Another pattern fits exactly the same paths.
    Taken,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPath => "a path begins with `/`",
            Self::Name => "a segment of a path is a text, or `{name}` with a name of its own",
            Self::Taken => "the path is taken already",
        })
    }
}

impl core::error::Error for PatternError {}

fn parse(pattern: &str) -> Result<Vec<Segment>, PatternError> {
    let path = pattern.strip_prefix('/').ok_or(PatternError::NoPath)?;
    let mut segments: Vec<Segment> = Vec::new();
    for text in path.split('/') {
        let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let inner = name.unwrap_or(text);
        if inner.contains(['{', '}']) || name == Some("") {
            return Err(PatternError::Name);
        }
        let segment = if name.is_some() { Segment::Name(inner.into()) } else { Segment::Text(inner.into()) };
        if name.is_some() && segments.contains(&segment) {
            return Err(PatternError::Name);
        }
        segments.push(segment);
    }
    Ok(segments)
}

/// Tells whether both patterns fit the same paths.
fn same(one: &[Segment], other: &[Segment]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|pair| match pair {
            (Segment::Name(_), Segment::Name(_)) => true,
            (one, other) => one == other,
        })
}

fn fit<'a>(pattern: &'a [Segment], segments: &[Cow<'a, str>]) -> Option<Vec<(Cow<'a, str>, Cow<'a, str>)>> {
    if pattern.len() != segments.len() {
        return None;
    }
    let mut names = Vec::new();
    for (part, segment) in pattern.iter().zip(segments) {
        match part {
            Segment::Text(text) if **text == **segment => {}
            Segment::Name(name) if !segment.is_empty() => names.push((Cow::Borrowed(&**name), segment.clone())),
            Segment::Text(_) | Segment::Name(_) => return None,
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;

    fn router(patterns: &[&'static str]) -> Router<&'static str> {
        let mut router = Router::new();
        for pattern in patterns {
            router.add(pattern, *pattern).unwrap();
        }
        router
    }

    fn found(router: &Router<&'static str>, path: &str) -> Option<&'static str> {
        let target = Target::parse(&Method::GET, path).unwrap();
        router.find(&target).map(|(value, _)| *value)
    }

    #[test]
    fn a_text_beats_a_name_from_the_left_whatever_came_first() {
        let patterns = ["/{a}/{b}", "/x/{b}", "/{a}/y", "/x/y"];
        for rotation in 0..patterns.len() {
            let mut patterns = patterns;
            patterns.rotate_left(rotation);
            let router = router(&patterns);
            for (path, expected) in [("/x/y", "/x/y"), ("/x/z", "/x/{b}"), ("/z/y", "/{a}/y"), ("/z/z", "/{a}/{b}")] {
                assert_eq!(found(&router, path), Some(expected), "{path}");
            }
        }
    }

    #[test]
    fn paths_are_compared_decoded_and_whole() {
        let router = router(&["/", "/news", "/a b", "/n/{x}"]);
        assert_eq!(found(&router, "/n%65ws?x=/"), Some("/news"));
        assert_eq!(found(&router, "/a%20b"), Some("/a b"));
        assert_eq!(found(&router, "/"), Some("/"));
        for path in ["/news/", "/News", "/new", "/n/", "/n/a/b", "/%ff", "//"] {
            assert_eq!(found(&router, path), None, "{path}");
        }
    }

    #[test]
    fn names_are_put_into_texts() {
        let router = router(&["/{room}/{kind}"]);
        let target = Target::parse(&Method::GET, "/a%2F{kind}/b").unwrap();
        let (_, names) = router.find(&target).unwrap();
        assert_eq!(names.fill("room:{room}:{kind}{other}{"), "room:a/{kind}:b{other}{");
        assert_eq!(names.get("other"), None);
    }

    #[test]
    fn patterns_that_cannot_be_meant_are_refused() {
        let mut router = router(&["/a/{b}"]);
        for (pattern, error) in [
            ("a", PatternError::NoPath),
            ("", PatternError::NoPath),
            ("/{}", PatternError::Name),
            ("/{a}/{a}", PatternError::Name),
            ("/a{b}", PatternError::Name),
            ("/{a", PatternError::Name),
            ("/a/{c}", PatternError::Taken),
        ] {
            assert_eq!(router.add(pattern, "x"), Err(error), "{pattern}");
        }
        assert_eq!(router.add("/a/b", "x"), Ok(()));
        assert_eq!(found(&router, "/a/c"), Some("/a/{b}"));
    }
}
