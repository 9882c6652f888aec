//! zlib itself, as Python has it: what another compressor makes of messages, and what another decompressor reads.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// What zlib is to do with the messages of one connection.
#[derive(Clone, Debug)]
pub struct Job {
    /// Whether it compresses or decompresses.
    pub compress: bool,
    /// The base-2 logarithm of its window; it cannot compress with 8.
    pub bits: u8,
    /// Whether messages refer to those before.
    pub takeover: bool,
    /// The messages, or their payloads.
    pub messages: Vec<Vec<u8>>,
}

/// Has zlib do jobs, and returns what came out of each: the payloads, or the messages, or its complaint.
///
/// # Panics
///
/// If Python is not installed: a test that cannot run fails.
pub fn zlib(jobs: &[Job]) -> Vec<Result<Vec<Vec<u8>>, String>> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients/venv/bin/python");
    let mut child = Command::new(&python)
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; run tests/run, which installs it", python.display()));
    let mut lines = String::new();
    for Job { compress, bits, takeover, messages } in jobs {
        let messages: Vec<String> = messages.iter().map(|message| hex(message)).collect();
        let job = json!({ "compress": compress, "bits": bits, "takeover": takeover, "messages": messages });
        lines += &format!("{job}\n");
    }
    let mut input = child.stdin.take().expect("it is piped");
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads");
    let text = String::from_utf8(output.stdout).expect("text");
    let told: Vec<_> = text.lines().map(|line| read(&serde_json::from_str(line).expect("JSON"))).collect();
    assert_eq!(told.len(), jobs.len(), "an answer for each");
    told
}

fn read(told: &Value) -> Result<Vec<Vec<u8>>, String> {
    match told.as_array() {
        Some(all) => Ok(all.iter().map(|one| unhex(one.as_str().expect("a string"))).collect()),
        None => Err(told.as_str().expect("a complaint").to_owned()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|char| char.to_digit(16).expect("hex") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A byte at a time comes out, so that zlib sees each reference against its window and not against what it just wrote.
const PROGRAM: &str = r#"
import json, sys, zlib
TAIL = b"\x00\x00\xff\xff"
def inflate(machine, payload):
    out, rest = [], payload + TAIL
    while True:
        piece = machine.decompress(rest, 1)
        rest = machine.unconsumed_tail
        out.append(piece)
        if not piece and not rest:
            return b"".join(out)
def deflate(machine, message):
    payload = machine.compress(message) + machine.flush(zlib.Z_SYNC_FLUSH)
    assert payload.endswith(TAIL)
    return payload[:-4]
def run(job):
    bits, machine, out = job["bits"], None, []
    for message in job["messages"]:
        message = bytes.fromhex(message)
        if machine is None or not job["takeover"]:
            machine = zlib.compressobj(6, zlib.DEFLATED, -bits) if job["compress"] else zlib.decompressobj(-bits)
        out.append((deflate if job["compress"] else inflate)(machine, message).hex())
    return out
for line in sys.stdin:
    try:
        print(json.dumps(run(json.loads(line))))
    except zlib.error as error:
        print(json.dumps(str(error)))
"#;
