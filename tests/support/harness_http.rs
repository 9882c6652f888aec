//! As much HTTP/1.1 as the harness needs, over blocking sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A request, whole.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Returns all values of a field; `name` in lower case.
    pub(crate) fn fields(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Has `take` answer each request, told with a socket to write to and the number of the connection.
pub(crate) fn listen(listener: TcpListener, take: impl Fn(Request, TcpStream, usize) + Clone + Send + 'static) {
    thread::spawn(move || {
        for (number, socket) in listener.incoming().flatten().enumerate() {
            let take = take.clone();
            thread::spawn(move || {
                // A chunk leaves when it is written.
                socket.set_nodelay(true).expect("a socket of ours");
                let mut input = BufReader::new(socket.try_clone().expect("a socket of ours"));
                while let Some(request) = read_request(&mut input) {
                    take(request, socket.try_clone().expect("a socket of ours"), number);
                }
            });
        }
    });
}

/// Writes the head of an answer.
pub(crate) fn respond(socket: &mut TcpStream, status: u16, fields: &[(&str, &str)]) {
    let mut head = format!("HTTP/1.1 {status} Harness\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    write(socket, head.as_bytes());
}

/// Writes in one go; a peer that is gone is no matter of ours.
pub(crate) fn write(socket: &mut TcpStream, bytes: &[u8]) {
    let _ = socket.write_all(bytes).and_then(|()| socket.flush());
}

/// Sends a request and reads its answer.
pub(crate) fn ask(address: SocketAddr, method: &str, target: &str, body: &str) -> Response {
    let mut socket = TcpStream::connect(address).expect("the service listens");
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    write(&mut socket, request.as_bytes());
    let mut input = BufReader::new(socket);
    let (line, fields) = read_head(&mut input).expect("an answer");
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Response { status, body: read_body(&mut input, &fields), fields }
}

fn read_request(input: &mut impl BufRead) -> Option<Request> {
    let (line, fields) = read_head(input)?;
    let [method, target, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("no request: {line}") };
    Some(Request { method: method.into(), target: target.into(), body: read_body(input, &fields), fields })
}

/// Reads a start line and fields, their names in lower case; none at the end of the input.
fn read_head(input: &mut impl BufRead) -> Option<(String, Vec<(String, String)>)> {
    let mut lines = input.lines().map_while(Result::ok);
    let first = lines.next()?;
    let fields = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line}"));
        (name.to_ascii_lowercase(), value.trim().into())
    });
    Some((first, fields.collect()))
}

fn read_body(input: &mut impl Read, fields: &[(String, String)]) -> Vec<u8> {
    let length = fields.iter().find(|(name, _)| name == "content-length").map(|(_, length)| length.parse());
    let mut body = vec![0; length.map_or(0, |length| length.expect("a length"))];
    input.read_exact(&mut body).expect("the whole body");
    body
}
