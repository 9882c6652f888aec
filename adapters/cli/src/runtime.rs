//! The two runtimes the program can run on.

use std::future::Future;

use crate::args::Runtime;
use crate::exit::{Exit, Failure};

impl Runtime {
    /// Runs `future` to its end, on this runtime.
    pub(crate) fn block_on<T>(self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match self {
            Self::Tokio => tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(|error| Failure::new(Exit::Failed, format!("cannot start tokio: {error}")))?
                .block_on(future),
            Self::Smol => smol::block_on(future),
        }
    }
}
