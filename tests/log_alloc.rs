//! What a delivery costs in memory: nothing. The whole test counts, so it stands alone in its binary.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use tidewire_core::log::{Config, Epoch, Log, Read, ReaderId, Start};
use tidewire_core::server::{Session, StreamHead};
use tidewire_core::{Instant, Protocol, UnixTime, server};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE_BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const NOW: Instant = Instant::START;
const READERS: usize = 1_000;

/// One test, because a second would be counted with it.
#[test]
fn a_delivery_allocates_nothing_and_what_is_kept_is_bounded() {
    a_delivery_allocates_nothing_and_an_idle_reader_is_small();
    a_log_stays_within_its_bounds_however_much_goes_through_it();
}

fn a_delivery_allocates_nothing_and_an_idle_reader_is_small() {
    let mut log = Log::new(Config::default(), Epoch::new(1));
    let empty = LIVE_BYTES.load(Ordering::Relaxed);
    let readers: Vec<ReaderId> =
        (0..READERS).map(|_| log.open_reader(NOW, ["channel"], Start::Live).unwrap().0).collect();
    let in_log = (LIVE_BYTES.load(Ordering::Relaxed) - empty) / READERS;
    // Rings, queues and slots have grown by doubling: at most twice what is in use, and the list of ids above.
    assert!(in_log <= 2 * 64 + 16, "{in_log} bytes a reader in the log");

    let config = std::sync::Arc::new(server::Config::default());
    let before = LIVE_BYTES.load(Ordering::Relaxed);
    let mut sessions: Vec<Session> = (0..READERS as u64).map(|seed| streaming(&config, seed)).collect();
    let in_sessions = (LIVE_BYTES.load(Ordering::Relaxed) - before) / READERS;
    assert!(in_sessions <= 1_024, "{in_sessions} bytes an idle session");

    for burst in [1, 1, 16] {
        // The first round lets queues grow.
        for round in 0..3 {
            for _ in 0..burst {
                log.publish(NOW, "channel", |_, out| out.extend_from_slice(&[b'x'; 100])).unwrap();
            }
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            let mut deliveries = 0;
            while let Some(woken) = log.poll_wake() {
                let index = readers.iter().position(|reader| *reader == woken).unwrap();
                assert!(sessions[index].wants_publications());
                let Some(Read::Burst { burst: read, more: false }) = log.read(NOW, woken, 64 << 10) else {
                    panic!("woken for nothing")
                };
                sessions[index].push_burst(NOW, read).unwrap();
                let piece = sessions[index].poll_transmit().unwrap();
                assert!(piece.len() > burst * 100);
                deliveries += 1;
            }
            assert_eq!(deliveries, READERS);
            let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
            // Once for all: the count of the references, and the merged bytes of a burst with the list of their positions.
            let once = if burst == 1 { 1 } else { 3 };
            assert!(round == 0 || allocations <= once, "{allocations} allocations for {deliveries} bursts of {burst}");
        }
    }
}

/// A topic that nobody publishes to any more keeps its oldest in the order of all; what others evict must go nevertheless.
fn a_log_stays_within_its_bounds_however_much_goes_through_it() {
    let mut config = Config::default();
    (config.topic.max_publications, config.max_topics) = (10, 20);
    let mut log = Log::new(config, Epoch::new(1));
    let empty = LIVE_BYTES.load(Ordering::Relaxed);
    log.publish(NOW, "quiet", |_, out| out.push(b'x')).unwrap();
    let (never_reads, _) = log.open_reader(NOW, ["quiet", "topic 0"], Start::Live).unwrap();
    let topics: Vec<String> = (0..30).map(|number| format!("topic {number}")).collect();
    for number in 0..100_000 {
        log.publish(NOW, &topics[number % 30], |_, out| out.extend_from_slice(&[b'x'; 100])).unwrap();
    }
    let live = LIVE_BYTES.load(Ordering::Relaxed) - empty;
    let counted = log.stats().bytes;
    assert!(live <= 2 * counted + 20 * 500, "{live} bytes live, {counted} counted");
    log.close_reader(never_reads);
}

fn streaming(config: &std::sync::Arc<server::Config>, seed: u64) -> Session {
    let mut session = Session::new(config.clone(), NOW, UnixTime::default(), seed);
    session.handle_input(NOW, b"GET /v1/events?channel=channel HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(session.poll_event().is_some());
    session.start_stream(NOW, StreamHead::default()).unwrap();
    assert!(session.poll_transmit().is_some());
    session
}
