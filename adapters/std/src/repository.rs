use std::error::Error;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tidewire_core::channels::{Batch, Load};

/// An application's store of what was published to its channels: answers what follows an id.
///
/// It is asked when a reader brings an id that is no longer in memory, or has no id and is to be given everything; a batch at a time,
/// as fast as the reader reads. The application stores first and publishes after, in one order: what is missing between the
/// last batch and what is published live is what is in memory, and the reader is given each event once. An answer that fails, or takes
/// longer than [`load_timeout`](tidewire_core::channels::Config::load_timeout), is a gap to the reader.
///
/// ```
/// use tidewire_core::channels::{Batch, Load};
/// use tidewire_core::sse::{EventId, Message};
/// use tidewire_std::{Loading, Repository};
///
/// /// The numbers from 1 to 1000.
/// struct Numbers;
///
/// impl Repository for Numbers {
///     fn following<'a>(&'a self, load: &'a Load) -> Loading<'a> {
///         Loading::new(async {
///             // Of a database: SELECT … WHERE id > after ORDER BY id LIMIT max
///             let after: usize = load.after.as_deref().unwrap_or("0").parse()?;
///             let mut batch = Batch::default();
///             for number in (after + 1..=1000).take(load.max_publications) {
///                 let id = number.to_string();
///                 batch.push(&Message::new("a number").with_id(EventId::new(&*id)?))?;
///             }
///             batch.more = after + load.max_publications < 1000;
///             Ok(batch)
///         })
///     }
/// }
/// ```
pub trait Repository: Send + Sync + 'static {
    /// Returns what follows the id in the channel, oldest first: at most so many publications, and about so many bytes, as `load` says.
    ///
    /// The future is polled by the connection's task and must not block; [`Blocking`](crate::Blocking) is for what does. It is dropped
    /// when the reader has gone.
    fn following<'a>(&'a self, load: &'a Load) -> Loading<'a>;
}

impl<R: Repository + ?Sized> Repository for Arc<R> {
    fn following<'a>(&'a self, load: &'a Load) -> Loading<'a> {
        R::following(self, load)
    }
}

/// Why a repository has no answer; it is logged, and the reader is told of a gap.
pub type RepositoryError = Box<dyn Error + Send + Sync>;

/// The answer of a [`Repository`] to come.
pub struct Loading<'a>(Pin<Box<dyn Future<Output = Result<Batch, RepositoryError>> + Send + 'a>>);

impl<'a> Loading<'a> {
    /// Answers with what `future` returns.
    pub fn new(future: impl Future<Output = Result<Batch, RepositoryError>> + Send + 'a) -> Self {
        Self(Box::pin(future))
    }

    /// Answers at once.
    pub fn ready(answer: Result<Batch, RepositoryError>) -> Self {
        Self::new(ready(answer))
    }
}

impl Future for Loading<'_> {
    type Output = Result<Batch, RepositoryError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Loading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loading").finish_non_exhaustive()
    }
}

/// A question to a repository that is under way, with all that it borrows.
pub(crate) fn ask(repository: Arc<dyn Repository>, load: Load) -> Loading<'static> {
    Loading::new(async move { repository.following(&load).await })
}
