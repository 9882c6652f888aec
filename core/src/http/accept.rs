/// A content coding that an event stream can be given in; without the feature `deflate` there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// `gzip` (RFC 1952).
    #[cfg(feature = "deflate")]
    Gzip,
}
