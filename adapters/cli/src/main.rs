//! Tidewire from the command line: `tidewire serve | tail | publish | doctor | bench | parse | encode`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

mod args;
mod bench;
mod descriptors;
mod doctor;
mod duration;
mod encode;
mod exit;
mod input;
mod json_lines;
mod logging;
mod network;
mod output;
mod parse;
mod plain;
mod pretty;
mod publish;
mod runtime;
mod serve;
mod stdin;
mod stop;
mod tail;
mod target;
mod time;
mod wording;

use args::{Arguments, Command};
use exit::Exit;

fn main() -> ExitCode {
    let result = match Arguments::read().into_command() {
        Command::Serve(serve) => serve::run(&serve),
        Command::Tail(tail) => tail::run(&tail),
        Command::Publish(publish) => publish::run(&publish),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Bench(bench) => bench::run(&bench),
        Command::Parse(parse) => parse::run(&parse),
        Command::Encode(_) => encode::run(),
    };
    match result {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                output::tell(&format!("tidewire: {}", output::printable(&failure.message)));
            }
            failure.exit.into()
        }
    }
}
