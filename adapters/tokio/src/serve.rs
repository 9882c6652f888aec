use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use tidewire_core::server::Session;
use tidewire_std::{Fed, Host, Place, Turns, accept_pause, lengthen_queue, trace, tune};
#[cfg(feature = "tls")]
use tidewire_tls::Server;

#[cfg(feature = "tls")]
use crate::accept::Securing;
use crate::alarm::Alarm;
use crate::connection::Connection;
#[cfg(feature = "tls")]
use crate::runtime::TlsStream;
use crate::runtime::{AsyncRead, AsyncWrite, Socket, Tasks, TcpListener, accept, pause, reset};

/// Serves `host` on `listener` until `shutdown` is ready. Then it stops listening, says goodbye to all, and returns when they
/// are gone, or drops those that are not after [`Host::drain`].
///
/// A host is the program's `Arc<SharedApi>`, or what else implements [`Host`]. Its connections are tasks: on tokio of the
/// runtime, on smol of an executor of its own that has a thread for each core.
pub async fn serve<H: Host>(listener: TcpListener, host: H, shutdown: impl Future) {
    let serve_one = |host: &H, stream, peer| serve_from(host, stream, Some(peer), reset);
    let tasks = Tasks::new();
    tasks.run(drive(listener, host, shutdown, serve_one, &tasks)).await;
}

/// Does what [`serve`] does, over TLS: each client shakes hands first, for which it has the time of its first request.
#[cfg(feature = "tls")]
pub async fn serve_tls<H: Host>(listener: TcpListener, tls: Server, host: H, shutdown: impl Future) {
    let serve_one = move |host: &H, stream, peer| {
        let (host, tls) = (host.clone(), tls.clone());
        async move { serve_from_tls(&host, stream, Some(peer), &tls, |io| reset(io.get_ref().0)).await }
    };
    let tasks = Tasks::new();
    tasks.run(drive(listener, host, shutdown, serve_one, &tasks)).await;
}

/// Serves `host` on one connection, until its end: a socket or any other stream.
///
/// # Errors
///
/// Those of the stream.
pub fn serve_connection<H: Host, IO>(host: &H, io: IO) -> impl Future<Output = io::Result<()>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    serve_from(host, io, None, |_| {})
}

/// Does what [`serve_connection`] does, for a peer whose connections are counted; `reset` is for a stream that is cut off.
///
/// # Errors
///
/// Those of the stream.
pub fn serve_connection_from<H: Host, IO>(
    host: &H,
    io: IO,
    peer: IpAddr,
    reset: fn(&IO),
) -> impl Future<Output = io::Result<()>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    serve_from(host, io, Some(peer), reset)
}

/// Serves `host` on one connection over TLS, until its end.
///
/// # Errors
///
/// Those of the handshake, in words, and those of the stream.
#[cfg(feature = "tls")]
pub fn serve_connection_tls<H: Host, IO>(host: &H, io: IO, tls: &Server) -> impl Future<Output = io::Result<()>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    serve_from_tls(host, io, None, tls, |_| {})
}

/// Takes the seat at once, so that the task holds nothing but the connection.
fn serve_from<H: Host, IO>(
    host: &H,
    io: IO,
    peer: Option<IpAddr>,
    reset: fn(&IO),
) -> impl Future<Output = io::Result<()>> + use<H, IO>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (session, place) = host.open(peer);
    serve_session(Connection::new(io, session, host.clock()).resetting(reset), place)
}

#[cfg(feature = "tls")]
async fn serve_from_tls<H: Host, IO>(
    host: &H,
    io: IO,
    peer: Option<IpAddr>,
    tls: &Server,
    reset: fn(&Box<TlsStream<IO>>),
) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (mut session, mut place) = host.open(peer);
    let stream = {
        // Boxed, as the stream is: a connection that rests for hours keeps no room for its handshake.
        let mut securing = Box::new(Securing::new(io, tls));
        let secured = poll_fn(|context| {
            loop {
                // A shutdown ends the session, and that the handshake.
                match place.feed(context, &mut session) {
                    Fed::Some | Fed::Load(_) => {}
                    Fed::None => break,
                    Fed::Over => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
                }
            }
            securing.poll(context, &host.clock(), &mut session)
        });
        Box::new(secured.await?)
    };
    serve_session(Connection::new(stream, session, host.clock()).resetting(reset), place).await
}

/// No `async fn`: that would hold the connection twice, as argument and as variable.
fn serve_session<IO, P>(mut connection: Connection<IO, Session>, mut place: P) -> impl Future<Output = io::Result<()>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    P: Place,
{
    let mut turns = Turns::default();
    poll_fn(move |context| {
        let result = ready!(poll_session(context, &mut connection, &mut place, &mut turns));
        trace::ended(&result);
        Poll::Ready(result)
    })
}

fn poll_session<IO, P>(
    context: &mut Context<'_>,
    connection: &mut Connection<IO, Session>,
    place: &mut P,
    turns: &mut Turns,
) -> Poll<io::Result<()>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    P: Place,
{
    // First: mostly it is a publication that has woken this task, and one turn takes it to the socket.
    if place.feed(context, connection.protocol_mut()) == Fed::Over {
        connection.abort();
        return Poll::Ready(Ok(()));
    }
    loop {
        ready!(turns.poll(context));
        let takes = place.wants_events();
        let event = if takes { connection.poll_next(context)? } else { connection.poll_on(context)? };
        let waits = event.is_pending();
        match event {
            Poll::Ready(Some(event)) => place.handle(connection.protocol_mut(), event),
            Poll::Ready(None) => return Poll::Ready(Ok(())),
            Poll::Pending => {}
        }
        // Last, too: when the socket has taken all that waited, nobody else says that there is room for more.
        match place.feed(context, connection.protocol_mut()) {
            Fed::None if waits => {
                turns.rest();
                return Poll::Pending;
            }
            Fed::Some | Fed::None | Fed::Load(_) => {}
            Fed::Over => {
                connection.abort();
                return Poll::Ready(Ok(()));
            }
        }
    }
}

async fn drive<H: Host, S>(
    listener: TcpListener,
    host: H,
    shutdown: impl Future,
    serve_one: impl Fn(&H, Socket, IpAddr) -> S,
    tasks: &Tasks,
) where
    S: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut alarm = Alarm::default();
    let clock = host.clock();
    {
        let mut shutdown = pin!(shutdown);
        let mut accepting = pin!(accept_all(&listener, &host, serve_one, tasks));
        poll_fn(|context| {
            if shutdown.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            // Goes on for ever.
            let _ = accepting.as_mut().poll(context);
            while alarm.poll(context, &clock, clock.now(), host.poll_keep(context)).is_ready() {}
            Poll::Pending
        })
        .await;
    }
    drop(listener);
    host.shutdown();
    let mut late = pin!(pause(host.drain()));
    poll_fn(|context| {
        if late.as_mut().poll(context).is_ready() {
            host.abort();
            return Poll::Ready(());
        }
        while alarm.poll(context, &clock, clock.now(), host.poll_keep(context)).is_ready() {}
        host.poll_empty(context)
    })
    .await;
}

async fn accept_all<H: Host, S>(
    listener: &TcpListener,
    host: &H,
    serve_one: impl Fn(&H, Socket, IpAddr) -> S,
    tasks: &Tasks,
) where
    S: Future<Output = io::Result<()>> + Send + 'static,
{
    // One that does not listen shows in what it accepts.
    let _ = lengthen_queue(listener);
    let mut turns = Turns::default();
    loop {
        poll_fn(|context| turns.poll(context)).await;
        match accept(listener).await {
            Ok((stream, peer)) => {
                trace::accept(peer);
                // A socket that cannot be set up is broken, which reading it will show.
                let _ = tune(&stream);
                tasks.spawn(serve_one(host, Socket::from(stream), peer.ip()));
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
