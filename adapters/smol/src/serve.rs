use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use tidewire_core::server::Session;
use tidewire_std::{DRAIN, Fed, Seat, SharedApi, Turns, accept_pause, trace, tune};
#[cfg(feature = "tls")]
use tidewire_tls::Server;

#[cfg(feature = "tls")]
use crate::accept::Securing;
use crate::alarm::Alarm;
use crate::connection::Connection;
use crate::runtime::{AsyncRead, AsyncWrite, Tasks, TcpListener, TcpStream, accept, pause};

/// Serves `api` on `listener` until `shutdown` is ready. Then it stops listening, says goodbye to all, and returns when they
/// are gone, or drops those that are not after [`DRAIN`].
///
/// Its connections are tasks: on tokio of the runtime, on smol of an executor of its own that has a thread for each core.
pub async fn serve(listener: TcpListener, api: Arc<SharedApi>, shutdown: impl Future) {
    let serve_one = |api, stream| async move { serve_connection(&api, stream).await };
    let tasks = Tasks::new();
    tasks.run(drive(listener, api, shutdown, serve_one, &tasks)).await;
}

/// Does what [`serve`] does, over TLS: each client shakes hands first, for which it has the time of its first request.
#[cfg(feature = "tls")]
pub async fn serve_tls(listener: TcpListener, tls: Server, api: Arc<SharedApi>, shutdown: impl Future) {
    let serve_one = move |api, stream| {
        let tls = tls.clone();
        async move { serve_connection_tls(&api, stream, &tls).await }
    };
    let tasks = Tasks::new();
    tasks.run(drive(listener, api, shutdown, serve_one, &tasks)).await;
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
    let (session, seat) = api.open();
    serve_session(Connection::new(io, session, api.clock()), seat).await
}

/// Serves `api` on one connection over TLS, until its end.
///
/// # Errors
///
/// Those of the handshake, in words, and those of the stream.
#[cfg(feature = "tls")]
pub async fn serve_connection_tls<IO>(api: &Arc<SharedApi>, io: IO, tls: &Server) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (mut session, mut seat) = api.open();
    let stream = {
        // Boxed, as the stream is: a connection that rests for hours keeps no room for its handshake.
        let mut securing = Box::new(Securing::new(io, tls));
        let secured = poll_fn(|context| {
            loop {
                // A shutdown ends the session, and that the handshake.
                match seat.feed(context, &mut session) {
                    Fed::Some => {}
                    Fed::None => break,
                    Fed::Over => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
                }
            }
            securing.poll(context, &api.clock(), &mut session)
        });
        Box::new(secured.await?)
    };
    serve_session(Connection::new(stream, session, api.clock()), seat).await
}

/// No `async fn`: that would hold the connection twice, as argument and as variable.
fn serve_session<IO>(mut connection: Connection<IO, Session>, mut seat: Seat) -> impl Future<Output = io::Result<()>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut turns = Turns::default();
    poll_fn(move |context| {
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
}

async fn drive<S>(
    listener: TcpListener,
    api: Arc<SharedApi>,
    shutdown: impl Future,
    serve_one: impl Fn(Arc<SharedApi>, TcpStream) -> S,
    tasks: &Tasks,
) where
    S: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut alarm = Alarm::default();
    let clock = api.clock();
    {
        let mut shutdown = pin!(shutdown);
        let mut accepting = pin!(accept_all(&listener, &api, serve_one, tasks));
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

async fn accept_all<S>(
    listener: &TcpListener,
    api: &Arc<SharedApi>,
    serve_one: impl Fn(Arc<SharedApi>, TcpStream) -> S,
    tasks: &Tasks,
) where
    S: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut turns = Turns::default();
    loop {
        poll_fn(|context| turns.poll(context)).await;
        match accept(listener).await {
            Ok((stream, peer)) => {
                trace::accept(peer);
                // A socket that cannot be set up is broken, which reading it will show.
                let _ = tune(&stream);
                let serving = serve_one(Arc::clone(api), stream);
                tasks.spawn(async move { trace::ended(&serving.await) });
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
