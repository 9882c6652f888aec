//! One blocking `write` per reader and batch: what sending costs, and nothing else.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::{Order, Place, STREAM_HEAD, block, read_head};

/// Serves until the process is killed.
///
/// # Errors
///
/// When it cannot listen.
pub fn serve() -> io::Result<()> {
    let (listener, orders) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    let place = Place { address: listener.local_addr()?, events: "/".into(), publish: Err(orders.local_addr()?) };
    let readers: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let accepted = Arc::clone(&readers);
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let begun = socket.set_nodelay(true).and_then(|()| read_head(&mut socket));
            if begun.and_then(|_| socket.write_all(STREAM_HEAD)).is_ok() {
                accepted.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
            }
        }
    });
    place.print();
    let mut next = 0;
    for mut socket in orders.incoming().flatten() {
        let mut order = [0; 8];
        while socket.read_exact(&mut order).is_ok() {
            let block = block(Order::from_bytes(order), &mut next);
            let mut readers = readers.lock().unwrap_or_else(PoisonError::into_inner);
            readers.retain_mut(|reader| reader.write_all(&block).is_ok());
        }
    }
    Ok(())
}
