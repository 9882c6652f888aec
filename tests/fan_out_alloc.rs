//! What a server of channels costs in memory, from the publication to the bytes for the socket: nothing a delivery, and at most what is
//! written down in `tidewire_std::Broadcaster`. The whole test counts, so it stands alone in its binary.

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use tidewire_core::channels::{self, Answer, Channels, Endpoint};
use tidewire_core::server::{self, Event, Session};
use tidewire_core::{Protocol, UnixTime};
use tidewire_std::{Broadcaster, Clock, Fed, OsRandom, Seat};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE_BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const READERS: usize = 1_000;
/// Bytes of a connection: session, seat, and their places in tables that grow by doubling.
const A: usize = 896;
/// Bytes of each channel that it reads.
const B: usize = 128;
/// Bytes that wait for all readers at once, besides one burst of each that does not read.
const BURSTS: usize = 16 * (64 << 10);

/// One connection.
struct Reader {
    session: Session,
    seat: Seat,
}

impl Reader {
    /// Feeds it until it has everything, and returns how many pieces it was given to write.
    fn run(&mut self, reads: bool) -> usize {
        let context = Context::from_waker(Waker::noop());
        let mut pieces = 0;
        loop {
            let fed = self.seat.feed(&context, &mut self.session);
            while reads && self.session.poll_transmit().is_some() {
                pieces += 1;
            }
            if fed == Fed::None {
                return pieces;
            }
        }
    }
}

/// One test, because a second would be counted with it.
#[test]
fn a_delivery_allocates_nothing_and_a_server_stays_within_its_bound() {
    a_delivery_allocates_nothing();
    a_server_stays_within_its_bound();
}

fn a_delivery_allocates_nothing() {
    let broadcaster = broadcaster(channels::Config::default());
    let mut readers = connect(&broadcaster, &["one"]);
    for burst in [1, 1, 16] {
        // The first round lets queues grow.
        for round in 0..3 {
            publish(&broadcaster, "one", burst, 100);
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            let pieces: usize = readers.iter_mut().map(|reader| reader.run(true)).sum();
            let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
            assert_eq!(pieces, READERS);
            // Once for all: the count of the references, and the merged bytes of a burst.
            let once = if burst == 1 { 1 } else { 2 };
            assert!(round == 0 || allocations <= once, "{allocations} allocations for {pieces} bursts of {burst}");
        }
    }
}

fn a_server_stays_within_its_bound() {
    const HISTORY: usize = 2 << 20;
    let mut config = channels::Config::default();
    config.log.max_bytes = HISTORY;
    let empty = LIVE_BYTES.load(Ordering::Relaxed);
    let live = || LIVE_BYTES.load(Ordering::Relaxed) - empty;
    let broadcaster = broadcaster(config);
    let mut readers = connect(&broadcaster, &["one", "two"]);
    let rests = live();
    assert!(rests <= READERS * (A + 2 * B), "{} bytes a connection that rests", rests / READERS);

    // Ten do not read, each from another place on; the others read everything; five times the history goes through.
    let mut most = 0;
    for round in 0..100 {
        publish(&broadcaster, ["one", "two"][round % 2], 100, 1_000);
        for (index, reader) in readers.iter_mut().enumerate() {
            let stalls = index < 10 && round >= index;
            assert!(stalls || reader.run(true) > 0);
            if stalls {
                reader.run(false);
            }
        }
        most = most.max(live());
    }
    let write_budget = BURSTS + 10 * (64 << 10);
    let bound = READERS * (A + 2 * B) + HISTORY + write_budget;
    assert!(most <= bound, "{most} bytes, {bound} allowed");
    // And nothing is left of those who have gone.
    drop(readers);
    let left = live();
    assert!(left <= READERS * B + HISTORY + BURSTS, "{left} bytes");
}

fn broadcaster(mut config: channels::Config) -> Broadcaster {
    (config.on_demand, config.max_connections_per_ip) = (true, READERS);
    let clock = Clock::start();
    Broadcaster::new(Channels::new(config, Box::new(OsRandom), clock.now()), clock)
}

fn publish(broadcaster: &Broadcaster, channel: &str, count: usize, size: usize) {
    broadcaster.with(|channels, now| {
        for _ in 0..count {
            let encode = |_, out: &mut Vec<u8>| out.resize(size, b'x');
            channels.publish_with(now, [channel], encode).expect("publishes");
        }
    });
}

fn connect(broadcaster: &Broadcaster, names: &[&str]) -> Vec<Reader> {
    let config = Arc::new(server::Config::default());
    let mut readers = Vec::with_capacity(READERS);
    for seed in 0..READERS as u64 {
        let clock = broadcaster.clock();
        let mut session = Session::new(Arc::clone(&config), clock.now(), UnixTime::default(), seed);
        let mut seat = broadcaster.seat(Some(IpAddr::V4(Ipv4Addr::LOCALHOST))).expect("there is room");
        session.handle_input(clock.now(), b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let Some(Event::Request(request)) = session.poll_event() else { panic!("a request") };
        let guest = seat.guest();
        let answer =
            broadcaster.with(|channels, now| Endpoint::default().answer(channels, now, guest, &request.head, names));
        let Answer::Stream { reader, head, first } = answer else { panic!("a stream") };
        seat.subscribed(reader);
        session.start_stream(clock.now(), head).expect("the request waits");
        session.send(clock.now(), &first).expect("there is room");
        let mut reader = Reader { session, seat };
        reader.run(true);
        readers.push(reader);
    }
    readers
}
