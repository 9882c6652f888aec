//! What carries a publication to all members of a channel in one process, no sockets: the log beside channels and queues.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use tidewire_core::Instant;
use tidewire_core::log::{Config, Epoch, Log, Read, Start};

/// A way to reach all members of a channel.
pub struct Contestant {
    /// Its name.
    pub name: &'static str,
    /// Makes one with so many members.
    pub make: fn(usize) -> Box<dyn Members>,
}

/// The members of one channel.
pub trait Members {
    /// Publishes once.
    fn publish(&mut self, bytes: &[u8]);

    /// Has every member that has something to take take all of it: its number and the bytes, framed or not.
    fn take_all(&mut self, taken: &mut dyn FnMut(usize, &[u8]));
}

/// All of them: ours, the peers, and what shows what is possible (`~`).
pub const ALL: [Contestant; 8] = [
    Contestant { name: "tidewire log", make: |members| Box::new(OfLog::new(members)) },
    Contestant { name: "tokio broadcast", make: |members| Box::new(OfBroadcast::new(members)) },
    Contestant { name: "async-broadcast", make: |members| Box::new(OfAsyncBroadcast::new(members)) },
    Contestant { name: "tokio mpsc each", make: |members| Box::new(OfMpsc::new(members)) },
    Contestant { name: "flume each", make: |members| Box::new(OfFlume::new(members)) },
    Contestant { name: "VecDeque<Bytes> each", make: |members| Box::new(OfQueues::new(members)) },
    Contestant { name: "~VecDeque<Rc> each", make: |members| Box::new(OfRc::new(members)) },
    Contestant { name: "~bare cursors", make: |members| Box::new(OfCursors::new(members)) },
];

/// Publications that are kept for who has not read them: more than a burst.
const KEPT: usize = 64;

struct OfLog(Log);

impl OfLog {
    fn new(members: usize) -> Self {
        let mut config = Config::default();
        config.topic.max_publications = KEPT;
        let mut log = Log::new(config, Epoch::new(1));
        for _ in 0..members {
            log.open_reader(Instant::START, ["channel"], Start::Live).expect("there is room");
        }
        Self(log)
    }
}

impl Members for OfLog {
    fn publish(&mut self, bytes: &[u8]) {
        self.0.publish(Instant::START, "channel", |_, out| out.extend_from_slice(bytes)).expect("there is room");
    }

    fn take_all(&mut self, taken: &mut dyn FnMut(usize, &[u8])) {
        while let Some(reader) = self.0.poll_wake() {
            while let Some(Read::Burst { burst, more }) = self.0.read(Instant::START, reader, usize::MAX) {
                taken(reader.index(), burst.chunk());
                if !more {
                    break;
                }
            }
        }
    }
}

struct OfBroadcast(tokio::sync::broadcast::Sender<Bytes>, Vec<tokio::sync::broadcast::Receiver<Bytes>>);

impl OfBroadcast {
    fn new(members: usize) -> Self {
        let (sender, _) = tokio::sync::broadcast::channel(KEPT);
        let receivers = (0..members).map(|_| sender.subscribe()).collect();
        Self(sender, receivers)
    }
}

impl Members for OfBroadcast {
    fn publish(&mut self, bytes: &[u8]) {
        self.0.send(Bytes::copy_from_slice(bytes)).expect("there are receivers");
    }

    fn take_all(&mut self, taken: &mut dyn FnMut(usize, &[u8])) {
        for (member, receiver) in self.1.iter_mut().enumerate() {
            while let Ok(bytes) = receiver.try_recv() {
                taken(member, &bytes);
            }
        }
    }
}

struct OfAsyncBroadcast(async_broadcast::Sender<Bytes>, Vec<async_broadcast::Receiver<Bytes>>);

impl OfAsyncBroadcast {
    fn new(members: usize) -> Self {
        let (sender, receiver) = async_broadcast::broadcast(KEPT);
        let receivers = (0..members).map(|_| receiver.new_receiver()).collect();
        Self(sender, receivers)
    }
}

impl Members for OfAsyncBroadcast {
    fn publish(&mut self, bytes: &[u8]) {
        self.0.try_broadcast(Bytes::copy_from_slice(bytes)).expect("there is room");
    }

    fn take_all(&mut self, taken: &mut dyn FnMut(usize, &[u8])) {
        for (member, receiver) in self.1.iter_mut().enumerate() {
            while let Ok(bytes) = receiver.try_recv() {
                taken(member, &bytes);
            }
        }
    }
}

type Mpsc = (tokio::sync::mpsc::Sender<Bytes>, tokio::sync::mpsc::Receiver<Bytes>);

struct OfMpsc(Vec<Mpsc>);

impl OfMpsc {
    fn new(members: usize) -> Self {
        Self((0..members).map(|_| tokio::sync::mpsc::channel(KEPT)).collect())
    }
}

impl Members for OfMpsc {
    fn publish(&mut self, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        for (sender, _) in &self.0 {
            sender.try_send(bytes.clone()).expect("there is room");
        }
    }

    fn take_all(&mut self, taken: &mut dyn FnMut(usize, &[u8])) {
        for (member, (_, receiver)) in self.0.iter_mut().enumerate() {
            while let Ok(bytes) = receiver.try_recv() {
                taken(member, &bytes);
            }
        }
    }
}

struct OfFlume(Vec<(flume::Sender<Bytes>, flume::Receiver<Bytes>)>);

impl OfFlume {
    fn new(members: usize) -> Self {
        Self((0..members).map(|_| flume::bounded(KEPT)).collect())
    }
}

impl Members for OfFlume {
    fn publish(&mut self, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        for (sender, _) in &self.0 {
            sender.try_send(bytes.clone()).expect("there is room");
        }
    }

    fn take_all(&mut self, taken: &mut dyn FnMut(usize, &[u8])) {
        for (member, (_, receiver)) in self.0.iter().enumerate() {
            while let Ok(bytes) = receiver.try_recv() {
                taken(member, &bytes);
            }
        }
    }
}

struct OfQueues(Vec<VecDeque<Bytes>>);

impl OfQueues {
    fn new(members: usize) -> Self {
        Self((0..members).map(|_| VecDeque::new()).collect())
    }
}

impl Members for OfQueues {
    fn publish(&mut self, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        for queue in &mut self.0 {
            queue.push_back(bytes.clone());
        }
    }

    fn take_all(&mut self, taken: &mut dyn FnMut(usize, &[u8])) {
        for (member, queue) in self.0.iter_mut().enumerate() {
            while let Some(bytes) = queue.pop_front() {
                taken(member, &bytes);
            }
        }
    }
}

struct OfRc(Vec<VecDeque<Rc<[u8]>>>);

impl OfRc {
    fn new(members: usize) -> Self {
        Self((0..members).map(|_| VecDeque::new()).collect())
    }
}

impl Members for OfRc {
    fn publish(&mut self, bytes: &[u8]) {
        let bytes: Rc<[u8]> = bytes.into();
        for queue in &mut self.0 {
            queue.push_back(bytes.clone());
        }
    }

    fn take_all(&mut self, taken: &mut dyn FnMut(usize, &[u8])) {
        for (member, queue) in self.0.iter_mut().enumerate() {
            while let Some(bytes) = queue.pop_front() {
                taken(member, &bytes);
            }
        }
    }
}

/// No wake-ups, no policy, no leaving: a list and how much of it each has seen.
struct OfCursors {
    ring: VecDeque<Bytes>,
    first: u64,
    cursors: Vec<u64>,
}

impl OfCursors {
    fn new(members: usize) -> Self {
        Self { ring: VecDeque::new(), first: 0, cursors: vec![0; members] }
    }
}

impl Members for OfCursors {
    fn publish(&mut self, bytes: &[u8]) {
        self.ring.push_back(Bytes::copy_from_slice(bytes));
        if self.ring.len() > KEPT {
            self.ring.pop_front();
            self.first += 1;
        }
    }

    fn take_all(&mut self, taken: &mut dyn FnMut(usize, &[u8])) {
        let end = self.first + self.ring.len() as u64;
        for (member, cursor) in self.cursors.iter_mut().enumerate() {
            while *cursor < end {
                taken(member, &self.ring[(*cursor - self.first) as usize]);
                *cursor += 1;
            }
        }
    }
}
