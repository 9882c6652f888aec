//! What the adapter suite needs of tokio.

use std::future::Future;

pub(crate) use tidewire_tokio::{Connection, Reader};
pub(crate) use tokio::net::{TcpListener, TcpStream};

use crate::lines::PATIENCE;

/// Runs a test, with a limit on its time.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let output = runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await });
    runtime.shutdown_background();
    output.expect("the test ends in time")
}

/// Asserts that this is the runtime we are on.
pub(crate) fn assert_here() {
    assert!(tokio::runtime::Handle::try_current().is_ok());
}
