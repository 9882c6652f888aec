use std::io;
use std::time::Duration;

use socket2::SockRef;
use tidewire_core::client::ConnectError;

/// Sets what every TCP stream of ours wants: small writes leave at once, and the kernel takes little more than it can send,
/// so that a slow reader shows as one early. What a system lacks is left out.
///
/// # Errors
///
/// Those of the system, when the socket is broken already.
pub fn tune<'s, S>(stream: &'s S) -> io::Result<()>
where
    SockRef<'s>: From<&'s S>,
{
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "ios"))]
    socket.set_tcp_notsent_lowat(NOT_SENT_LOW)?;
    Ok(())
}

/// Lets as many connections wait to be accepted as the system allows (Linux: `net.core.somaxconn`, 4096). Rust asks for 128; of a fleet
/// that comes back at once those beyond would only try again a second later.
///
/// # Errors
///
/// Those of the system, when the socket does not listen.
pub fn lengthen_queue<'s, S>(listener: &'s S) -> io::Result<()>
where
    SockRef<'s>: From<&'s S>,
{
    SockRef::from(listener).listen(LONGEST_QUEUE)
}

/// Has `stream` reset when it is dropped: what the peer has not read goes with it, and the kernel keeps nothing of it.
///
/// # Errors
///
/// Those of the system, when the socket is broken already.
#[cfg(feature = "server")]
pub fn reset_on_drop<'s, S>(stream: &'s S) -> io::Result<()>
where
    SockRef<'s>: From<&'s S>,
{
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// Names the reason of a failed connect in the core's words.
pub fn connect_error(error: &io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused,
        io::ErrorKind::TimedOut => ConnectError::TimedOut,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            ConnectError::Unreachable
        }
        io::ErrorKind::NotFound => ConnectError::NotFound,
        io::ErrorKind::PermissionDenied => ConnectError::Denied,
        io::ErrorKind::Unsupported => ConnectError::Unsupported,
        io::ErrorKind::AddrNotAvailable => ConnectError::NoPort,
        #[cfg(unix)]
        _ if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) => ConnectError::TooManyOpen,
        _ => ConnectError::Other,
    }
}

/// Returns how long a listener pauses after a failed accept, if it is to pause: an error of one connection that went away
/// does not concern the next; being out of descriptors or memory does, and asking again at once would spin.
pub fn accept_pause(error: &io::Error) -> Option<Duration> {
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionRefused
        | io::ErrorKind::Interrupted => None,
        _ => Some(ACCEPT_PAUSE),
    }
}

/// Bytes not yet sent beyond which the kernel takes no more; a few segments keep the line busy.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "ios"))]
const NOT_SENT_LOW: u32 = 16 * 1024;

/// The errors of a process, and of a system, that has as many files open as it may: the same on all Unixes.
#[cfg(unix)]
const EMFILE: i32 = 24;
#[cfg(unix)]
const ENFILE: i32 = 23;

/// Of which the system takes what it allows.
const LONGEST_QUEUE: i32 = u16::MAX as i32;

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_tuned_stream_sends_at_once() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
        tune(&stream).expect("tunes");
        assert!(stream.nodelay().expect("reads"));
        #[cfg(target_os = "linux")]
        assert_eq!(SockRef::from(&stream).tcp_notsent_lowat().expect("reads"), NOT_SENT_LOW);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn more_connections_than_usual_may_wait_to_be_accepted() {
        let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("reads");
        let count = allowed.trim().parse().map_or(300, |allowed: usize| allowed.min(300));
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        lengthen_queue(&listener).expect("it listens");
        let address = listener.local_addr().expect("bound");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(5)).expect("there is room");
        let waiting: Vec<TcpStream> = (0..count).map(|_| connect()).collect();
        assert_eq!(waiting.len(), count);
    }

    #[test]
    #[cfg(unix)]
    fn what_a_load_runs_out_of_has_a_name() {
        assert_eq!(connect_error(&io::Error::from_raw_os_error(EMFILE)), ConnectError::TooManyOpen);
        assert_eq!(connect_error(&io::ErrorKind::AddrNotAvailable.into()), ConnectError::NoPort);
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_stream_that_is_reset_is_no_end() {
        use std::io::Read;
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let mut peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
        let (stream, _) = listener.accept().expect("accepts");
        reset_on_drop(&stream).expect("sets it");
        drop(stream);
        assert_eq!(peer.read(&mut [0; 8]).map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionReset));
    }

    #[test]
    fn running_out_of_descriptors_pauses_and_a_lost_peer_does_not() {
        assert!(accept_pause(&io::Error::from_raw_os_error(24)).is_some());
        assert!(accept_pause(&io::ErrorKind::ConnectionAborted.into()).is_none());
    }
}
