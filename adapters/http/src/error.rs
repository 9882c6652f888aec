use std::error::Error;
use std::fmt;

use http::Response;
use tidewire_core::sse;

/// Why a reader has no next event.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError<E> {
    /// The body failed.
    Body(E),
    /// A limit was reached, which ends the stream, or a strict parser objects, and asking again goes on.
    Parse(sse::Error),
    /// The stream ended in the middle of an event, which is lost.
    MidEvent,
}

/// Why a request cannot be that of an event source.
#[cfg(feature = "reqwest")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The URL cannot be followed.
    Url(tidewire_core::http::UrlError),
    /// The method is none.
    Method(tidewire_core::http::BadMethod),
    /// The body is read from somewhere and cannot be sent once more.
    Streaming,
}

/// A response that is no event stream, to read what it is.
#[derive(Debug)]
pub struct NotEvents<B> {
    /// The response, its body unread.
    pub response: Response<B>,
}

impl<E: fmt::Display> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(error) => error.fmt(f),
            Self::Parse(error) => error.fmt(f),
            Self::MidEvent => f.write_str("the stream ended in the middle of an event, which is lost"),
        }
    }
}

impl<E: Error + 'static> Error for ReadError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Body(error) => Some(error),
            Self::Parse(error) => Some(error),
            Self::MidEvent => None,
        }
    }
}

#[cfg(feature = "reqwest")]
impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Method(error) => error.fmt(f),
            Self::Streaming => f.write_str("the body is a stream, which cannot be sent once more; give it as bytes"),
        }
    }
}

#[cfg(feature = "reqwest")]
impl Error for RequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::Method(error) => Some(error),
            Self::Streaming => None,
        }
    }
}

impl<B> fmt::Display for NotEvents<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the response is {}", self.response.status())?;
        match self.response.headers().get(http::header::CONTENT_TYPE) {
            Some(found) => write!(f, " with content-type {found:?}")?,
            None => f.write_str(" without a content-type")?,
        }
        f.write_str(", not 200 with `text/event-stream`")
    }
}

impl<B: fmt::Debug> Error for NotEvents<B> {}
