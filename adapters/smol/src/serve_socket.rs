use std::future::{Future, poll_fn};
use std::io;
use std::task::{Poll, ready};

use tidewire_core::ws;
use tidewire_std::{Clock, SocketSeat, Turns};

use crate::connection::Connection;
use crate::runtime::{AsyncRead, AsyncWrite};

/// Drives the server's end of a WebSocket over `io`, on which somebody else's HTTP has answered 101, until its end; what is said goes
/// through the [`Socket`](tidewire_std::Socket) that `seat` came with. `connection` was told the time of `clock`.
///
/// # Errors
///
/// Those of the stream.
pub fn serve_socket<IO>(
    io: IO,
    connection: ws::Connection,
    seat: SocketSeat,
    clock: Clock,
) -> impl Future<Output = io::Result<()>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = Connection::new(io, connection, clock);
    let mut turns = Turns::default();
    poll_fn(move |context| {
        loop {
            ready!(turns.poll(context));
            let takes = seat.wants_events();
            let event = if takes { connection.poll_next(context)? } else { connection.poll_on(context)? };
            let waits = event.is_pending();
            match event {
                Poll::Ready(Some(event)) => seat.handle(event),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => {}
            }
            if !seat.feed(context, clock.now(), connection.protocol_mut()) && waits {
                turns.rest();
                return Poll::Pending;
            }
        }
    })
}
