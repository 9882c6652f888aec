//! A peer that asks far ahead of the answers is held back by its socket, on both runtimes, and answered in order.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use tidewire_core::server::{Config, Event, Reply, Session};
use tidewire_std::Clock;

/// More than sockets take: some 5 MB, whose answers are 12 MB.
const REQUESTS: usize = 150_000;

fn session(clock: Clock) -> Session {
    Session::new(Config::default(), clock.now(), clock.unix(), 1)
}

/// Answers with the target; returns whether the session goes on.
fn answer(clock: Clock, session: &mut Session, event: Event) {
    if let Event::Request(request) = event {
        let mut reply = Reply::new(200);
        reply.body = format!("{}\n", request.head.target).into();
        session.reply(clock.now(), reply).expect("it was asked");
    }
}

fn asks_ahead(serve: impl FnOnce(TcpListener) + Send + 'static) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let serving = thread::spawn(move || serve(listener));
    let mut socket = TcpStream::connect(address).unwrap();
    let asked: String = (0..REQUESTS).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();

    // Nothing is read until the server takes no more.
    socket.set_nonblocking(true).unwrap();
    let mut written = 0;
    let held_back = loop {
        match socket.write(&asked.as_bytes()[written..]) {
            Ok(0) => panic!("the connection has ended"),
            Ok(count) => written += count,
            Err(error) => break error,
        }
    };
    assert_eq!(held_back.kind(), ErrorKind::WouldBlock);

    socket.set_nonblocking(false).unwrap();

    let mut rest = socket.try_clone().unwrap();
    let asking = thread::spawn(move || {
        rest.write_all(&asked.as_bytes()[written..]).unwrap();
        rest.shutdown(Shutdown::Write).unwrap();
    });
    let targets = BufReader::new(socket).lines().map(Result::unwrap).filter(|line| line.starts_with('/'));
    let mut count = 0;
    for (number, target) in targets.enumerate() {
        assert_eq!(target, format!("/{number}"));
        count += 1;
    }
    assert_eq!(count, REQUESTS);
    asking.join().unwrap();
    serving.join().unwrap();
}

#[test]
fn tokio_holds_back_who_asks_ahead() {
    asks_ahead(|listener| {
        listener.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let (stream, _) = tokio::net::TcpListener::from_std(listener).unwrap().accept().await.unwrap();
            let clock = Clock::start();
            let mut connection = tidewire_tokio::Connection::new(stream, session(clock), clock);
            while let Some(event) = connection.next().await.unwrap() {
                answer(clock, connection.protocol_mut(), event);
            }
        });
    });
}

#[test]
fn smol_holds_back_who_asks_ahead() {
    asks_ahead(|listener| {
        smol::block_on(async move {
            let (stream, _) = smol::net::TcpListener::try_from(listener).unwrap().accept().await.unwrap();
            let clock = Clock::start();
            let mut connection = tidewire_smol::Connection::new(stream, session(clock), clock);
            while let Some(event) = connection.next().await.unwrap() {
                answer(clock, connection.protocol_mut(), event);
            }
        });
    });
}
