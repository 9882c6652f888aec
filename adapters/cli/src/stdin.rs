//! Standard input.

use std::io::{self, IsTerminal, StdinLock};

use crate::output;

/// Opens standard input; a person who may wonder why nothing happens is told what is awaited.
pub(crate) fn open() -> StdinLock<'static> {
    if io::stdin().is_terminal() {
        output::tell("reading from the keyboard; Ctrl-D on a line of its own ends the input");
    }
    io::stdin().lock()
}
