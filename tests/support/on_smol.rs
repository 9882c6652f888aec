//! What the adapter suite needs of smol.

use std::future::Future;

pub(crate) use smol::net::{TcpListener, TcpStream};
pub(crate) use tidewire_smol::{Connection, Reader};

use crate::lines::PATIENCE;

/// Runs a test, with a limit on its time.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let late = async {
        smol::Timer::after(PATIENCE).await;
        panic!("the test does not end in time")
    };
    smol::block_on(smol::future::or(test, late))
}

/// Asserts that this is the runtime we are on: nothing of tokio is at hand.
pub(crate) fn assert_here() {
    assert!(tokio::runtime::Handle::try_current().is_err());
}
