//! Comments are told when their line ends.

use serde_json::json;

use crate::harness::{Contract, event};

pub(crate) fn one_comment(contract: &mut Contract) {
    contract.create(json!({}));
    let mut stream = contract.stream();
    stream.send(":Hello\n");
    contract.comment("Hello");
    contract.nothing_else(&mut stream);
}

pub(crate) fn two_comments_in_a_row(contract: &mut Contract) {
    contract.create(json!({}));
    let mut stream = contract.stream();
    stream.send(":Hello\n");
    contract.comment("Hello");
    stream.send(":World\n");
    contract.comment("World");
    contract.nothing_else(&mut stream);
}

pub(crate) fn comment_before_an_event(contract: &mut Contract) {
    contract.create(json!({}));
    let mut stream = contract.stream();
    stream.send(":Hello\n");
    stream.send("data: Hello\n\n");
    contract.comment("Hello");
    contract.events(&[event("Hello")]);
    contract.nothing_else(&mut stream);
}

pub(crate) fn comment_after_an_event(contract: &mut Contract) {
    contract.create(json!({}));
    let mut stream = contract.stream();
    stream.send("data: Hello\n\n");
    stream.send(":Hello\n");
    contract.events(&[event("Hello")]);
    contract.comment("Hello");
    contract.nothing_else(&mut stream);
}
