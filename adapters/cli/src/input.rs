//! What options name instead of saying it: files, and standard input.

use std::fs;
use std::io::Read;

use crate::exit::{Exit, Failure};
use crate::stdin;

/// Reads the value of an option: `@FILE` is what is in that file, `-` and `@-` standard input, anything else itself.
pub(crate) fn read(option: &str, value: &str) -> Result<Vec<u8>, Failure> {
    let read = match value.strip_prefix('@').unwrap_or(value) {
        "-" => {
            let mut input = Vec::new();
            stdin::open().read_to_end(&mut input).map(|_| input)
        }
        file if value.starts_with('@') => fs::read(file),
        value => Ok(value.into()),
    };
    read.map_err(|error| Failure::new(Exit::Failed, format!("{option} {value}: {error}")))
}
