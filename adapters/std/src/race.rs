use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// Connects to whichever of `addresses` answers first, in the manner of RFC 8305: the families take turns, the next address
/// is tried when the one before failed, or after a quarter of a second without an answer, while that goes on.
///
/// # Errors
///
/// The first address's error, when all have failed; `NotFound` when there are none.
pub async fn connect_any<S, C, P>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    connect: impl Fn(SocketAddr) -> C,
    pause: impl Fn(Duration) -> P,
) -> io::Result<S>
where
    C: Future<Output = io::Result<S>>,
    P: Future,
{
    let mut waiting = take_turns(addresses);
    let mut running: Vec<Pin<Box<C>>> = Vec::new();
    let mut first_error = None;
    let mut next_at: Option<Pin<Box<P>>> = None;
    poll_fn(|context| {
        loop {
            let mut failed = false;
            let mut index = 0;
            while let Some(attempt) = running.get_mut(index) {
                match attempt.as_mut().poll(context) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        first_error.get_or_insert(error);
                        drop(running.remove(index));
                        failed = true;
                    }
                    Poll::Pending => index += 1,
                }
            }
            if waiting.is_empty() && running.is_empty() {
                return Poll::Ready(Err(first_error.take().unwrap_or_else(|| io::ErrorKind::NotFound.into())));
            }
            if waiting.is_empty() {
                return Poll::Pending;
            }
            let due = failed || next_at.as_mut().is_none_or(|at| at.as_mut().poll(context).is_ready());
            if !due {
                return Poll::Pending;
            }
            running.extend(waiting.pop_front().map(|address| Box::pin(connect(address))));
            next_at = Some(Box::pin(pause(ATTEMPT_DELAY)));
        }
    })
    .await
}

/// Orders as RFC 8305 §4 has it: the resolver's first family first, then alternating.
pub(crate) fn take_turns(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut first = VecDeque::new();
    let mut second = VecDeque::new();
    for address in addresses {
        match first.front() {
            Some(other) if address.is_ipv4() != SocketAddr::is_ipv4(other) => second.push_back(address),
            _ => first.push_back(address),
        }
    }
    let mut ordered = VecDeque::new();
    while let Some(address) = first.pop_front() {
        ordered.push_back(address);
        ordered.extend(second.pop_front());
    }
    ordered.extend(second);
    ordered
}

/// RFC 8305 §5: "One recommended value for a default delay is 250 milliseconds."
pub(crate) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::{pending, ready};
    use std::task::{Context, Waker};

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
        Box::pin(future).as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    fn tried(given: &[&str], answer: impl Fn(SocketAddr) -> Option<io::Result<SocketAddr>>, late: bool) -> Tried {
        let log = RefCell::new(Vec::new());
        let connect = |address: SocketAddr| {
            log.borrow_mut().push(address.to_string());
            let answer = answer(address);
            async move {
                match answer {
                    Some(answer) => answer,
                    None => pending().await,
                }
            }
        };
        let pause = |_| async move { if late { ready(()).await } else { pending().await } };
        let result = poll_once(connect_any(addresses(given), connect, pause));
        (log.into_inner(), result.map_err(|error| error.kind()))
    }

    type Tried = (Vec<String>, Poll<Result<SocketAddr, io::ErrorKind>>);

    #[test]
    fn families_take_turns() {
        let ordered = take_turns(addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"]));
        assert_eq!(ordered, addresses(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"]));
    }

    #[test]
    fn a_refusal_goes_on_with_the_next_address_at_once() {
        let (log, result) = tried(
            &["[::1]:1", "1.0.0.1:1"],
            |address| Some(if address.is_ipv4() { Ok(address) } else { Err(io::ErrorKind::ConnectionRefused.into()) }),
            false,
        );
        assert_eq!(log, ["[::1]:1", "1.0.0.1:1"]);
        assert!(matches!(result, Poll::Ready(Ok(address)) if address.is_ipv4()));
    }

    #[test]
    fn silence_starts_the_next_address_only_after_the_delay() {
        let silent_v6 = |address: SocketAddr| address.is_ipv4().then_some(Ok(address));
        assert_eq!(tried(&["[::1]:1", "1.0.0.1:1"], silent_v6, false), (vec!["[::1]:1".into()], Poll::Pending));
        assert!(matches!(tried(&["[::1]:1", "1.0.0.1:1"], silent_v6, true).1, Poll::Ready(Ok(_))));
    }

    #[test]
    fn all_failing_gives_the_first_error_and_none_is_not_found() {
        let errors = |address: SocketAddr| {
            let kind = if address.is_ipv4() { io::ErrorKind::TimedOut } else { io::ErrorKind::ConnectionRefused };
            Some(Err(kind.into()))
        };
        let (_, result) = tried(&["[::1]:1", "1.0.0.1:1"], errors, false);
        assert_eq!(result, Poll::Ready(Err(io::ErrorKind::ConnectionRefused)));
        assert_eq!(tried(&[], errors, false).1, Poll::Ready(Err(io::ErrorKind::NotFound)));
    }
}
