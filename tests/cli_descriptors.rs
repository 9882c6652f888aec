//! `tidewire serve` when its descriptors are used up: who is connected is served on, and who waits is served when others have left.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tidewire_tests::command::Running;

#[test]
fn running_out_of_descriptors_is_weathered_on_tokio() {
    running_out("tokio");
}

#[test]
fn running_out_of_descriptors_is_weathered_on_smol() {
    running_out("smol");
}

fn running_out(runtime: &str) {
    let script = format!("ulimit -n {LIMIT}; exec {TIDEWIRE} serve --listen 127.0.0.1:0 --runtime {runtime}");
    let server = Running::start("sh", &["-c", &script]);
    let first = server.line();
    let address = first.rsplit('/').next().expect("an address");
    let connect = || {
        let socket = TcpStream::connect(address).expect("the queue of the listener takes it");
        socket.set_read_timeout(Some(PATIENCE)).expect("sets it");
        socket
    };
    let mut reader = connect();
    write!(reader, "GET /v1/events?channel=c HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("it reads");
    let mut reader = BufReader::new(reader);
    await_line(&mut reader, "event: connected");
    let mut publisher = connect();
    publish(&mut publisher, address);
    await_line(&mut reader, "event: message");

    let others: Vec<TcpStream> = (0..2 * LIMIT).map(|_| connect()).collect();
    let mut last = connect();
    write!(last, "GET /health/live HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("the kernel takes it");
    // Until then there may be one more.
    while descriptors(server.id()) < LIMIT {
        std::thread::yield_now();
    }
    publish(&mut publisher, address);
    await_line(&mut reader, "event: message");

    drop(others);
    let mut answer = [0; 12];
    last.read_exact(&mut answer).expect("it is accepted now");
    assert_eq!(&answer, b"HTTP/1.1 200");
    publish(&mut publisher, address);
    await_line(&mut reader, "event: message");
}

fn publish(publisher: &mut TcpStream, address: &str) {
    write!(publisher, "POST /v1/channels/c/publish HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1\r\n\r\nx")
        .expect("it reads");
    let mut answer = [0; 12];
    publisher.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 200");
    // The rest of the answer, however it comes.
    let mut rest = BufReader::new(publisher);
    let mut length = 0;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        rest.read_line(&mut line).expect("a head");
        let field = line.to_ascii_lowercase();
        if let Some(value) = field.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
    }
    rest.read_exact(&mut vec![0; length]).expect("a body");
}

fn await_line(reader: &mut impl BufRead, wanted: &str) {
    let mut line = String::new();
    while line.trim_end() != wanted {
        line.clear();
        assert!(reader.read_line(&mut line).expect("the stream goes on") > 0, "the stream ended before {wanted:?}");
    }
}

fn descriptors(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).expect("it runs").count()
}

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");
const LIMIT: usize = 48;
const PATIENCE: Duration = Duration::from_secs(30);
