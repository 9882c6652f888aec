//! Tidewire from the command line: `tidewire serve | tail | publish | parse | encode`.

#![forbid(unsafe_code)]
#![allow(dead_code)]

use std::process::ExitCode;

mod args;
mod duration;
mod encode;
mod exit;
mod json_lines;
mod output;
mod parse;
mod plain;

use args::{Arguments, Command};
use exit::Exit;

fn main() -> ExitCode {
    let result = match Arguments::read().into_command() {
        Command::Parse(parse) => parse::run(&parse),

        Command::Encode(_) => encode::run(),
        _ => Err(exit::Failure::new(Exit::Failed, "not there yet")),
    };
    match result {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                eprintln!("tidewire: {}", failure.message);
            }
            failure.exit.into()
        }
    }
}
