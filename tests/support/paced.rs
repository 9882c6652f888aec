//! A server of numbered events, one each few milliseconds: what it sends when is what a test is about.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Serves endless streams on a free port, each with `fields` in its head and an event of `size` bytes of data each `pause`; resumes
/// after `Last-Event-ID` if it `resumes`.
///
/// # Panics
///
/// If there is no port.
pub fn serve(fields: &'static str, size: usize, pause: Duration, resumes: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            thread::spawn(move || stream(socket, fields, size, pause, resumes));
        }
    });
    address
}

fn stream(mut socket: TcpStream, fields: &str, size: usize, pause: Duration, resumes: bool) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).ok()?;
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let after = head.lines().find_map(|line| line.strip_prefix("last-event-id:")?.trim().parse().ok());
    let first = after.filter(|_| resumes).unwrap_or(0u64) + 1;
    let opening = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n{fields}\r\n");
    socket.write_all(opening.as_bytes()).ok()?;
    let data = "x".repeat(size);
    for id in first.. {
        socket.write_all(format!("id: {id}\ndata: {data}\n\n").as_bytes()).ok()?;
        thread::sleep(pause);
    }
    None
}
