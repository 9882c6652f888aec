//! A task per reader over a shared pending block: the least that tasks and their wake-ups cost on tokio.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Order, Place, STREAM_HEAD, block};
use crate::fan_out::pending::Pending;

/// Serves until the process is killed.
///
/// # Errors
///
/// When it cannot listen.
pub fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let (listener, orders) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        Place { address: listener.local_addr()?, events: "/".into(), publish: Err(orders.local_addr()?) }.print();
        let pending = Arc::new(Pending::default());
        let published = Arc::clone(&pending);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = orders.accept().await {
                let published = Arc::clone(&published);
                tokio::spawn(async move {
                    let (mut order, mut next) = ([0; 8], 0);
                    while socket.read_exact(&mut order).await.is_ok() {
                        published.publish(block(Order::from_bytes(order), &mut next));
                    }
                });
            }
        });
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(reader(socket, Arc::clone(&pending)));
            }
        });
        accepting.await.map_err(io::Error::other)
    })
}

/// A reader that went away is no fault.
async fn reader(mut socket: TcpStream, pending: Arc<Pending>) -> Option<()> {
    socket.set_nodelay(true).ok()?;
    // The buffer of the head does not stay with the task.
    Box::pin(head(&mut socket)).await?;
    let mut cursor = pending.head();
    loop {
        let block = pending.next(&mut cursor).await;
        socket.write_all(&block).await.ok()?;
    }
}

async fn head(socket: &mut TcpStream) -> Option<()> {
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
