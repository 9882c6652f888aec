use std::sync::Arc;
use std::task::{Context, Waker};

use tidewire_core::channels::{Batch, Guest, Load, Read};
use tidewire_core::log::ReaderId;
use tidewire_core::server::Outlet;

use crate::broadcaster::{Flag, Phase};
use crate::{Broadcaster, trace};

/// One connection's place at a [`Broadcaster`]: feeds its stream with the publications of its reader. Dropping it leaves.
#[derive(Debug)]
pub struct Seat {
    broadcaster: Broadcaster,
    flag: Arc<Flag>,
    number: u32,
    guest: Guest,
    reader: Option<ReaderId>,
    /// Whether there may be more to read, of which the log says nothing by itself.
    has_more: bool,
    /// Whether the log was not told yet that all that was given is written.
    unnoted: bool,
    /// How many gaps it was told.
    gaps: u32,
    /// Whether the stream was ended out of turn.
    ended: bool,
    /// Whom the broadcaster wakes.
    waker: Option<Waker>,
    phase: Phase,
}

impl Seat {
    pub(crate) fn new(broadcaster: Broadcaster, flag: Arc<Flag>, number: u32, guest: Guest) -> Self {
        Self {
            broadcaster,
            flag,
            number,
            guest,
            reader: None,
            has_more: false,
            unnoted: false,
            gaps: 0,
            ended: false,
            waker: None,
            phase: Phase::Serving,
        }
    }

    /// Returns whose seat it is.
    pub fn broadcaster(&self) -> &Broadcaster {
        &self.broadcaster
    }

    /// Returns the connection as the channels know it.
    pub const fn guest(&self) -> Guest {
        self.guest
    }

    /// Hands over what the application's repository answered to [`Fed::Load`]. Feed next.
    pub fn loaded(&mut self, answer: Result<Batch, ()>) {
        if let Some(reader) = self.reader {
            self.has_more = true;
            self.broadcaster.with(|channels, now| channels.handle_loaded(now, reader, answer));
        }
    }

    /// Feeds from `reader` from here on, which is closed with the seat or by [`close_reader`](Self::close_reader). Feed next: what there
    /// is to read already calls nobody.
    pub fn subscribed(&mut self, reader: ReaderId) {
        self.close_reader();
        self.reader = Some(reader);
        self.has_more = true;
        self.unnoted = false;
        self.gaps = 0;
        self.ended = false;
        self.broadcaster.lock().seats.set_reader(reader, self.number);
    }

    /// Ends the reading.
    pub fn close_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            let mut locked = self.broadcaster.lock();
            locked.close_reader(reader, self.number);
            self.broadcaster.wake(locked);
        }
    }

    /// Tells whether it reads.
    #[cfg(feature = "serve")]
    pub(crate) const fn is_reading(&self) -> bool {
        self.reader.is_some()
    }

    /// Tells whether the server has begun to end; streams are told so by the channels.
    pub fn is_draining(&self) -> bool {
        self.phase >= Phase::Draining
    }

    /// Gives `outlet` what it is to send next, or has the task woken when there is something.
    pub fn feed(&mut self, context: &Context<'_>, outlet: &mut impl Outlet) -> Fed {
        let known = self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        let sleeps = known && !self.flag.is_called();
        let written = self.unnoted && outlet.is_written();
        let to_note = written && self.broadcaster.has_deliveries();
        if sleeps && !to_note && !(self.has_more && wants(outlet)) {
            return Fed::None;
        }
        if !known {
            self.waker = Some(context.waker().clone());
        }
        let now = self.broadcaster.clock().now();
        let mut locked = self.broadcaster.lock();
        // Behind the lock: a change of phase either is seen here, or finds the waker.
        match self.broadcaster.phase() {
            Phase::Over => return Fed::Over,
            phase => self.phase = phase,
        }
        if let Some(reader) = self.reader.filter(|_| written) {
            self.unnoted = false;
            locked.channels.note_written(reader);
        }
        let heartbeat = self.reader.and_then(|reader| locked.channels.poll_heartbeat(reader));
        let has_other_deadline = heartbeat.is_some();
        if let Some(heartbeat) = heartbeat {
            outlet.set_heartbeat(now, heartbeat);
        }
        let mut gap = None;
        let fed = match self.reader {
            // The socket says when there is room. Who is too slow, or had its time, does not wait for one that may never have any.
            Some(reader) if !wants(outlet) => {
                self.has_more = true;
                match locked.channels.poll_end(now, reader).filter(|_| !self.ended) {
                    Some(end) => {
                        outlet.end_stream(now, end);
                        self.ended = true;
                        Fed::Some
                    }
                    None => Fed::None,
                }
            }
            Some(reader) => {
                self.has_more = false;
                match locked.channels.read(now, reader, usize::MAX) {
                    Some(Read::Burst { burst, more }) => {
                        // It was asked whether it wants it.
                        let _ = outlet.push_burst(now, burst);
                        (self.has_more, self.unnoted) = (more, true);
                        // A gap has always more behind it.
                        if more {
                            gap = locked.channels.reader_stats(reader).filter(|stats| stats.gaps > self.gaps);
                        }
                        Fed::Some
                    }
                    Some(Read::End(end)) => {
                        outlet.end_stream(now, end);
                        Fed::Some
                    }
                    Some(Read::Load(load)) => Fed::Load(load),
                    None => Fed::None,
                }
            }
            None => Fed::None,
        };
        let old = if sleeps { None } else { locked.seats.sleep(self.number, context.waker().clone()) };
        if to_note || matches!(fed, Fed::Load(_)) {
            // Somebody may wait for it to be written; and an answer is waited for until a deadline, of which the keeper must know.
            self.broadcaster.wake(locked);
        } else {
            drop(locked);
        }
        // May run code of its runtime, as waking does.
        drop(old);
        if has_other_deadline {
            // Who has asked its outlet for a deadline already asks again.
            context.waker().wake_by_ref();
        }
        if let Some(stats) = gap {
            self.gaps = stats.gaps;
            trace::gap(self.guest, &stats);
        }
        fed
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.broadcaster.leave(self.number, self.reader.take(), self.guest);
    }
}

/// Not before the last burst is written whole: a reader that does not read holds one of them and no second one.
fn wants(outlet: &impl Outlet) -> bool {
    outlet.wants_publications() && outlet.is_written()
}

/// What became of [`Seat::feed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fed {
    /// The stream was given something.
    Some,
    /// There is nothing for it; the task is woken when there is.
    None,
    /// The application's repository is asked for what comes next; [`Seat::loaded`] takes the answer. A [`Place`](crate::Place) sees to
    /// that itself.
    Load(Load),
    /// The server is over: drop the connection.
    Over,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::Wake;
    use std::thread::{self, Thread};
    use std::time::Duration;

    use tidewire_core::Instant;
    use tidewire_core::channels::{self, Channels, Subscribe};
    use tidewire_core::server::{self, EventStream, Framing, StreamHead};

    use super::*;
    use crate::trace::tests::logged;
    use crate::{Clock, OsRandom};

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// A reader of channel `c`, its stream, and who is woken for it.
    struct Reader {
        seat: Seat,
        stream: EventStream,
        woken: Arc<Woken>,
    }

    impl Reader {
        fn new(broadcaster: &Broadcaster) -> Self {
            let mut seat = broadcaster.seat(None).expect("there is room");
            let guest = seat.guest();
            let asked = Subscribe { guest, channels: &["c"], last_event_id: None };
            let reader = broadcaster.with(|channels, now| channels.subscribe(now, asked).expect("it may").reader);
            seat.subscribed(reader);
            let config = Arc::new(server::Config::default());
            let stream = EventStream::new(config, &StreamHead::default(), Framing::Bare, Instant::START, 1);
            Self { seat, stream, woken: Arc::default() }
        }

        fn feed(&mut self) -> Fed {
            let waker = Waker::from(Arc::clone(&self.woken));
            self.seat.feed(&Context::from_waker(&waker), &mut self.stream)
        }

        /// Feeds until there is nothing more, and returns what is to be written.
        fn take(&mut self) -> String {
            let mut taken = Vec::new();
            loop {
                let fed = self.feed();
                while let Some(piece) = self.stream.poll_transmit() {
                    taken.extend_from_slice(&piece);
                }
                if fed == Fed::None {
                    return String::from_utf8(taken).expect("text");
                }
            }
        }
    }

    fn broadcaster() -> Broadcaster {
        broadcaster_with(|_| {})
    }

    fn broadcaster_with(change: impl FnOnce(&mut channels::Config)) -> Broadcaster {
        let mut config = channels::Config::default();
        config.on_demand = true;
        change(&mut config);
        let clock = Clock::start();
        Broadcaster::new(Channels::new(config, Box::new(OsRandom), clock.now()), clock)
    }

    fn publish(broadcaster: &Broadcaster, text: &str) {
        let encode = |_, out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
        broadcaster.with(|channels, now| channels.publish_with(now, ["c"], encode).expect("publishes"));
    }

    #[test]
    fn a_wake_up_that_is_no_publication_takes_no_lock() {
        let broadcaster = broadcaster();
        let mut reader = Reader::new(&broadcaster);
        assert_eq!(reader.take(), "");
        let locked = broadcaster.lock();
        // It would wait for ever.
        assert_eq!(reader.feed(), Fed::None);
        drop(locked);
        publish(&broadcaster, "one\n");
        assert_eq!(reader.take(), "one\n");
    }

    #[test]
    fn a_burst_wakes_each_reader_once_however_many_there_are() {
        let broadcaster = broadcaster();
        let mut readers: Vec<Reader> = (0..100).map(|_| Reader::new(&broadcaster)).collect();
        readers.iter_mut().for_each(|reader| assert_eq!(reader.take(), ""));
        broadcaster.with(|channels, now| {
            for _ in 0..10 {
                channels.publish_with(now, ["c"], |_, out| out.push(b'x')).expect("publishes");
            }
        });
        for reader in &mut readers {
            assert_eq!(reader.woken.count(), 1);
            assert_eq!(reader.take(), "xxxxxxxxxx");
        }
    }

    #[test]
    fn a_reader_whose_socket_is_full_is_called_once_and_hears_of_the_end() {
        let broadcaster = broadcaster();
        let mut reader = Reader::new(&broadcaster);
        assert_eq!(reader.take(), "");
        publish(&broadcaster, "one\n");
        assert_eq!(reader.feed(), Fed::Some);
        // Nothing is taken from the stream meanwhile.
        for _ in 0..3 {
            publish(&broadcaster, "more\n");
            assert_eq!(reader.feed(), Fed::None);
        }
        assert_eq!(reader.woken.count(), 2);
        broadcaster.abort();
        assert_eq!(reader.woken.count(), 3);
        assert_eq!(reader.feed(), Fed::Over);
    }

    #[test]
    fn a_gap_is_a_warning_that_names_its_connection() {
        let broadcaster = broadcaster_with(|config| config.channel.topic.max_publications = 10);
        let mut reader = Reader::new(&broadcaster);
        assert_eq!(reader.take(), "");
        (0..30).for_each(|_| publish(&broadcaster, "x"));
        let lines = logged(|| assert!(reader.take().ends_with("xxxxxxxxxx")));
        assert_eq!(lines, ["WARN tidewire behind=10 behind_bytes=10 connection=1 gaps=1 message=gap"]);
    }

    #[test]
    fn whoever_polls_last_is_woken() {
        let broadcaster = broadcaster();
        let mut reader = Reader::new(&broadcaster);
        assert_eq!(reader.take(), "");
        let before = std::mem::take(&mut reader.woken);
        assert_eq!(reader.feed(), Fed::None);
        publish(&broadcaster, "one\n");
        assert_eq!((before.count(), reader.woken.count()), (0, 1));
    }

    /// A waker may run anything, also what comes back to the broadcaster.
    #[test]
    fn nobody_is_woken_behind_the_lock() {
        struct Publishes(Broadcaster);
        impl Wake for Publishes {
            fn wake(self: Arc<Self>) {
                publish(&self.0, "two\n");
            }
        }
        let broadcaster = broadcaster();
        let mut reader = Reader::new(&broadcaster);
        assert_eq!(reader.take(), "");
        let waker = Waker::from(Arc::new(Publishes(broadcaster.clone())));
        assert_eq!(reader.seat.feed(&Context::from_waker(&waker), &mut reader.stream), Fed::None);
        publish(&broadcaster, "one\n");
        assert_eq!(reader.take(), "one\ntwo\n");
    }

    #[test]
    fn a_slot_that_has_become_anothers_stays_its() {
        let broadcaster = broadcaster();
        let (mut one, mut two) = (Reader::new(&broadcaster), Reader::new(&broadcaster));
        let old = one.seat.reader.expect("it reads");
        one.seat.close_reader();
        // It stands where the first one stood.
        let mut three = Reader::new(&broadcaster);
        assert_eq!(three.seat.reader.map(ReaderId::index), Some(old.index()));
        broadcaster.lock().close_reader(old, one.seat.number);
        assert_eq!((two.take(), three.take()), (String::new(), String::new()));
        publish(&broadcaster, "one\n");
        assert_eq!((two.woken.count(), three.woken.count(), one.woken.count()), (1, 1, 0));
    }

    /// Wakes a thread.
    struct Unparks(Thread);

    impl Wake for Unparks {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// Readers that look and sleep as fast as they can, while others publish: whoever misses one publication sleeps for ever.
    #[test]
    fn a_publication_between_the_look_and_the_sleep_is_not_missed() {
        const EACH: usize = 5_000;
        let broadcaster = broadcaster();
        let (done, all) = mpsc::channel();
        let readers: Vec<Reader> = (0..3).map(|_| Reader::new(&broadcaster)).collect();
        for mut reader in readers {
            let done = done.clone();
            thread::spawn(move || {
                let waker = Waker::from(Arc::new(Unparks(thread::current())));
                let mut received = 0;
                while received < 2 * EACH {
                    let fed = reader.seat.feed(&Context::from_waker(&waker), &mut reader.stream);
                    while let Some(piece) = reader.stream.poll_transmit() {
                        received += piece.len();
                    }
                    if fed == Fed::None && received < 2 * EACH {
                        thread::park();
                    }
                }
                done.send(received).expect("somebody waits");
            });
        }
        for _ in 0..2 {
            let broadcaster = broadcaster.clone();
            thread::spawn(move || (0..EACH).for_each(|_| publish(&broadcaster, "x")));
        }
        for _ in 0..3 {
            assert_eq!(all.recv_timeout(Duration::from_secs(60)), Ok(2 * EACH));
        }
    }
}
