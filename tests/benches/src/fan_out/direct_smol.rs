//! A task per reader over a shared pending block: the least that tasks and their wake-ups cost on smol.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, Executor};

use super::{Order, Place, STREAM_HEAD, block};
use crate::fan_out::pending::Pending;

/// Serves until the process is killed.
///
/// # Errors
///
/// When it cannot listen.
pub fn serve() -> io::Result<()> {
    let executor = Arc::new(Executor::new());
    let (listener, orders) =
        (Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?, Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?);
    let publish = Err(orders.get_ref().local_addr()?);
    Place { address: listener.get_ref().local_addr()?, events: "/".into(), publish }.print();
    let pending = Arc::new(Pending::default());
    let published = Arc::clone(&pending);
    let publishing = executor.spawn(async move {
        while let Ok((mut socket, _)) = orders.accept().await {
            let (mut order, mut next) = ([0; 8], 0);
            while socket.read_exact(&mut order).await.is_ok() {
                published.publish(block(Order::from_bytes(order), &mut next));
            }
        }
    });
    publishing.detach();
    smol::block_on(executor.run(async {
        while let Ok((socket, _)) = listener.accept().await {
            executor.spawn(reader(socket, Arc::clone(&pending))).detach();
        }
    }));
    Ok(())
}

/// A reader that went away is no fault.
async fn reader(mut socket: Async<TcpStream>, pending: Arc<Pending>) -> Option<()> {
    socket.get_ref().set_nodelay(true).ok()?;
    // The buffer of the head does not stay with the task.
    Box::pin(head(&mut socket)).await?;
    let mut cursor = pending.head();
    loop {
        let block = pending.next(&mut cursor).await;
        socket.write_all(&block).await.ok()?;
    }
}

async fn head(socket: &mut Async<TcpStream>) -> Option<()> {
    let mut head = [0; 1024];
    let mut len = 0;
    while !head[..len].ends_with(b"\r\n\r\n") {
        match socket.read(head.get_mut(len..)?).await.ok()? {
            0 => return None,
            count => len += count,
        }
    }
    socket.write_all(STREAM_HEAD).await.ok()
}
