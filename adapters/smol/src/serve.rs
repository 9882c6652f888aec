use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use tidewire_std::{DRAIN, Fed, SharedApi, Turns, accept_pause, trace, tune};

use crate::alarm::Alarm;
use crate::connection::Connection;
use crate::runtime::{AsyncRead, AsyncWrite, Tasks, TcpListener, accept, pause};

/// Serves `api` on `listener` until `shutdown` is ready. Then it stops listening, says goodbye to all, and returns when they
/// are gone, or drops those that are not after [`DRAIN`].
///
/// Its connections are tasks: on tokio of the runtime, on smol of an executor of its own that has a thread for each core.
pub async fn serve(listener: TcpListener, api: Arc<SharedApi>, shutdown: impl Future) {
    let tasks = Tasks::new();
    tasks.run(drive(listener, api, shutdown, &tasks)).await;
}

/// Serves `api` on one connection, until its end: a socket or any other stream.
///
/// # Errors
///
/// Those of the stream.
pub async fn serve_connection<IO>(api: &Arc<SharedApi>, io: IO) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (session, mut seat) = api.open();
    let mut connection = Connection::new(io, session, api.clock());
    let mut turns = Turns::default();
    poll_fn(|context| {
        loop {
            ready!(turns.poll(context));
            let event = connection.poll_next(context)?;
            let waits = event.is_pending();
            match event {
                Poll::Ready(Some(event)) => seat.handle(connection.protocol_mut(), event),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => {}
            }
            // Last: when the socket has taken all that waited, nobody else says that there is room for more.
            match seat.feed(context, connection.protocol_mut()) {
                Fed::None if waits => {
                    turns.rest();
                    return Poll::Pending;
                }
                Fed::Some | Fed::None => {}
                Fed::Over => return Poll::Ready(Ok(())),
            }
        }
    })
    .await
}

async fn drive(listener: TcpListener, api: Arc<SharedApi>, shutdown: impl Future, tasks: &Tasks) {
    let mut alarm = Alarm::default();
    let clock = api.clock();
    {
        let mut shutdown = pin!(shutdown);
        let mut accepting = pin!(accept_all(&listener, &api, tasks));
        poll_fn(|context| {
            if shutdown.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            // Goes on for ever.
            let _ = accepting.as_mut().poll(context);
            while alarm.poll(context, &clock, api.poll_keep(context)).is_ready() {}
            Poll::Pending
        })
        .await;
    }
    drop(listener);
    api.shutdown();
    let mut late = pin!(pause(DRAIN));
    poll_fn(|context| {
        if late.as_mut().poll(context).is_ready() {
            api.abort();
            return Poll::Ready(());
        }
        api.poll_empty(context)
    })
    .await;
}

async fn accept_all(listener: &TcpListener, api: &Arc<SharedApi>, tasks: &Tasks) {
    let mut turns = Turns::default();
    loop {
        poll_fn(|context| turns.poll(context)).await;
        match accept(listener).await {
            Ok((stream, peer)) => {
                trace::accept(peer);
                let api = Arc::clone(api);
                tasks.spawn(async move {
                    // A socket that cannot be set up is broken, which reading it will show.
                    let _ = tune(&stream);
                    trace::ended(&serve_connection(&api, stream).await);
                });
            }
            Err(error) => {
                trace::accept_failed(&error);
                if let Some(time) = accept_pause(&error) {
                    pause(time).await;
                }
            }
        }
    }
}
