//! The body of the fuzz target of channels: any order of what publishers, readers, their sockets, the store and the clock do, beside
//! lists in which everything is looked up.

use std::collections::BTreeMap;
use std::time::Duration;

use tidewire_core::channels::{
    Batch, ChannelConfig, Channels, Config, Guest, Load, PublishError, Read, Replay, Subscribe, Unregister,
};
use tidewire_core::log::ReaderId;
use tidewire_core::server::CloseReason;
use tidewire_core::sse::{EventId, Message};
use tidewire_core::{Instant, SplitMix64};

/// Runs a script, a letter each step, and at last has everything published, loaded and read.
///
/// `a`, `b`, `r`, `d`: a message to that channel, `c`: to a and b, `:`: a comment to a; `s`: a message for o is stored, `p`: the first that is
/// not published yet is, `o`: both. `A`: a reader of a, `B`: of a and b, `R`, `O`, `D`: of that channel; after `L` with the id that the
/// last reader of that kind had that was cut. `0`…`9` choose a reader; it reads once (`q`), is cut (`x`), has its load answered with what
/// the store has (`l`), what it had when it was asked (`m`), one message of it (`n`), or a failure (`f`). `Q`: all readers read all they can.
/// `+`: 100 ms pass, `T`: 10 s. `K`, `U`: r is unregistered, its readers kept or ended; `G`: it is registered. `S`: the server shuts down.
/// A `!` as the first letter keeps two messages of a channel only.
pub fn channels(input: &[u8]) {
    let (max_kept, steps) = match input {
        [b'!', steps @ ..] => (2, steps),
        steps => (10_000, steps),
    };
    let mut world = World::new(max_kept);
    for step in steps.iter().take(2_000) {
        world.step(*step);
    }
    world.finish();
}

struct World {
    channels: Channels,
    guest: Guest,
    now: Instant,
    max_kept: usize,
    /// Every message, in the order of publishing; of o in the order of storing.
    messages: Vec<Published>,
    /// How often r was registered anew.
    incarnation: usize,
    is_registered: bool,
    /// Serials of what o has stored, and how many of them are published.
    stored: Vec<usize>,
    published_of_store: usize,
    readers: Vec<Reader>,
    chosen: usize,
    resume: bool,
    /// The readers that were cut last, by their kind.
    cut: BTreeMap<u8, Cut>,
    closed: bool,
}

/// A channel in one of its lives.
type Topic = (u8, usize);

struct Published {
    topics: Vec<Topic>,
    at: Instant,
    id: String,
}

struct Reader {
    kind: u8,
    id: ReaderId,
    topics: Vec<Topic>,
    /// Serials below are none of its business: what is published before it came, or was given to the one it goes on for.
    from: usize,
    /// The first serial that may follow its last event ID.
    resumable: usize,
    /// The serial that it was given last.
    last: Option<usize>,
    last_event_id: String,
    /// The gaps that may hide what it is given next.
    gaps: Vec<Told>,
    /// Those whose ids its last event ID stands for.
    id_gaps: Vec<Told>,
    awake: bool,
    load: Option<(Load, usize)>,
    end: Option<CloseReason>,
    /// When it is first given something that it was not given at once.
    is_replaying: bool,
}

/// What a reader that was cut comes back with.
#[derive(Clone)]
struct Cut {
    last_event_id: String,
    topics: Vec<Topic>,
    /// The first serial that may follow the id.
    from: usize,
    /// The gaps that the id stands for.
    gaps: Vec<Told>,
}

/// A gap that a reader was told.
#[derive(Clone)]
struct Told {
    reason: String,
    /// From which serial on nothing is missing.
    next: Option<usize>,
}

impl World {
    fn new(max_kept: usize) -> Self {
        let mut config = Config::default();
        config.channel.topic.max_publications = max_kept;
        config.max_time = Some(Duration::from_secs(100));
        config.load_publications = 3;
        let mut channels = Channels::new(config, Box::new(SplitMix64::new(1)), Instant::START);
        let mut own = channel(max_kept);
        own.repository = true;
        channels.register("o", own).unwrap();
        let mut debounced = channel(max_kept);
        debounced.debounce = Some(DEBOUNCE);
        channels.register("d", debounced).unwrap();
        channels.register("r", channel(max_kept)).unwrap();
        let guest = channels.admit(None).unwrap();
        Self {
            channels,
            guest,
            now: Instant::START,
            max_kept,
            messages: Vec::new(),
            incarnation: 0,
            is_registered: true,
            stored: Vec::new(),
            published_of_store: 0,
            readers: Vec::new(),
            chosen: 0,
            resume: false,
            cut: BTreeMap::new(),
            closed: false,
        }
    }

    fn step(&mut self, step: u8) {
        match step {
            b'a' | b'b' | b'r' | b'd' => self.publish(&[step], false),
            b'c' => self.publish(b"ab", false),
            b':' => self.publish(b"a", true),
            b's' => self.store(),
            b'p' => self.publish_stored(),
            b'o' => {
                self.store();
                while self.published_of_store < self.stored.len() && !self.closed {
                    self.publish_stored();
                }
            }
            b'A' => self.subscribe(step, b"a"),
            b'B' => self.subscribe(step, b"ab"),
            b'R' => self.subscribe(step, b"r"),
            b'O' => self.subscribe(step, b"o"),
            b'D' => self.subscribe(step, b"d"),
            b'L' => self.resume = true,
            b'0'..=b'9' => self.chosen = usize::from(step - b'0'),
            b'q' => drop(self.with_chosen(Self::read)),
            b'x' => drop(self.with_chosen(|world, at| {
                world.cut(at);
                true
            })),
            b'l' => drop(self.with_chosen(|world, at| world.answer(at, usize::MAX, usize::MAX))),
            b'm' => drop(self.with_chosen(|world, at| {
                let asked = world.readers[at].load.as_ref().map_or(0, |(_, stored)| *stored);
                world.answer(at, asked, usize::MAX)
            })),
            b'n' => drop(self.with_chosen(|world, at| world.answer(at, usize::MAX, 1))),
            b'f' => drop(self.with_chosen(Self::fail)),
            b'Q' => self.read_all(),
            b'+' => self.wait(Duration::from_millis(100)),
            b'T' => self.wait(Duration::from_secs(10)),
            b'K' => self.unregister(Unregister::KeepReaders),
            b'U' => self.unregister(Unregister::EndReaders),
            b'G' => {
                self.channels.register("r", channel(self.max_kept)).unwrap();
                if !self.is_registered {
                    // On demand it was the same channel already.
                    self.is_registered = true;
                }
            }
            b'S' => {
                self.channels.shutdown(self.now);
                self.closed = true;
            }
            _ => {}
        }
        self.wake();
    }

    fn with_chosen(&mut self, act: impl FnOnce(&mut Self, usize) -> bool) -> bool {
        self.chosen < self.readers.len() && act(self, self.chosen)
    }

    fn wake(&mut self) {
        while let Some(id) = self.channels.poll_wake() {
            if let Some(reader) = self.readers.iter_mut().find(|reader| reader.id == id) {
                reader.awake = true;
            }
        }
    }

    fn topics(&self, names: &[u8]) -> Vec<Topic> {
        names.iter().map(|name| (*name, if *name == b'r' { self.incarnation } else { 0 })).collect()
    }

    fn publish(&mut self, names: &[u8], is_comment: bool) {
        let serial = self.messages.len();
        let texts: Vec<String> = names.iter().map(|name| char::from(*name).to_string()).collect();
        let to = texts.iter().map(String::as_str);
        let published = if is_comment {
            self.channels.comment(self.now, to, &format!("{serial}"))
        } else {
            self.channels.publish(self.now, to, format!("{serial}").as_str())
        };
        if self.closed {
            assert_eq!(published, Err(PublishError::Closed));
            return;
        }
        let id = published.unwrap().to_string();
        self.messages.push(Published { topics: self.topics(names), at: self.now, id });
    }

    /// Stores a message of o. It takes its place in the list of all here.
    fn store(&mut self) {
        if !self.closed {
            self.stored.push(self.messages.len());
            let id = self.messages.len().to_string();
            self.messages.push(Published { topics: self.topics(b"o"), at: self.now, id });
        }
    }

    fn publish_stored(&mut self) {
        let Some(serial) = self.stored.get(self.published_of_store) else { return };
        if !self.closed {
            self.channels.publish(self.now, ["o"], &stored_message(*serial)).unwrap();
            self.published_of_store += 1;
        }
    }

    fn subscribe(&mut self, kind: u8, names: &[u8]) {
        let resume = std::mem::take(&mut self.resume);
        if self.readers.len() >= 10 {
            return;
        }
        let topics = self.topics(names);
        let cut = resume
            .then(|| self.cut.get(&kind).filter(|cut| !cut.last_event_id.is_empty() && cut.topics == topics).cloned())
            .flatten();
        let texts: Vec<String> = names.iter().map(|name| char::from(*name).to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let last_event_id = cut.as_ref().map(|cut| cut.last_event_id.as_str());
        let asked = Subscribe { guest: self.guest, channels: &texts, last_event_id };
        let subscribed = self.channels.subscribe(self.now, asked);
        if self.closed {
            assert!(subscribed.is_err());
            return;
        }
        let subscribed = subscribed.unwrap();
        // Of o, what was stored before and not published comes later, live.
        let live = if kind == b'O' {
            self.stored.get(self.published_of_store).copied().unwrap_or(self.messages.len())
        } else {
            self.messages.len()
        };
        let gap = subscribed.gap.map(|gap| {
            let next = gap.next.map(|next| self.serial_of(&next.to_string()));
            Told { reason: gap.reason.to_string(), next }
        });
        let start = subscribed.start.as_deref().unwrap_or_default();
        let (from, last_event_id, mut gaps) = match cut {
            Some(cut) => (cut.from, cut.last_event_id, cut.gaps),
            None => (live, start.to_owned(), Vec::new()),
        };
        gaps.extend(gap);
        self.readers.push(Reader {
            kind,
            id: subscribed.reader,
            topics,
            from,
            resumable: from,
            last: None,
            last_event_id,
            id_gaps: gaps.clone(),
            gaps,
            awake: true,
            load: None,
            end: None,
            is_replaying: resume,
        });
    }

    /// Reads once; tells whether there was something.
    fn read(&mut self, at: usize) -> bool {
        let reader = &mut self.readers[at];
        if !reader.awake || reader.end.is_some() {
            return false;
        }
        match self.channels.read(self.now, reader.id, 100) {
            None => {
                reader.awake = false;
                false
            }
            Some(Read::Burst { burst, more }) => {
                reader.awake = more;
                let text = String::from_utf8(burst.bytes().to_vec()).unwrap();
                self.take(at, &text);
                true
            }
            Some(Read::Load(load)) => {
                assert_eq!((&*load.channel, reader.kind), ("o", b'O'));
                assert_eq!(load.after.as_deref().unwrap_or_default(), reader.last_event_id);
                assert!(reader.load.is_none(), "asked twice");
                reader.load = Some((load, self.stored.len()));
                true
            }
            Some(Read::End(end)) => {
                assert!(end.retry.is_some());
                reader.end = Some(end.reason);
                let (drained, is_lazy) =
                    (end.reason != CloseReason::MaxStreamTime, reader.kind == b'D' || reader.is_loading());
                if drained && !is_lazy {
                    self.check_complete(at);
                }
                true
            }
        }
    }

    /// Takes what a reader was given: nothing doubled, nothing out of order, nothing left out without a word.
    fn take(&mut self, at: usize, text: &str) {
        for block in blocks(text) {
            let reader = &mut self.readers[at];
            if let Some(id) = block.id {
                reader.last_event_id = id.to_owned();
            }
            if block.event == Some("gap") {
                let mut texts = block.data.split('"').skip(3).step_by(4);
                let (reason, _, next) = (texts.next().unwrap().to_owned(), texts.next(), texts.next());
                let next = next.map(|next| self.serial_of(next));
                let reader = &mut self.readers[at];
                reader.gaps.push(Told { reason, next });
                if block.id.is_some() {
                    reader.id_gaps.clone_from(&reader.gaps);
                }
                continue;
            }
            let serial: usize = block.data.parse().unwrap();
            let reader = &self.readers[at];
            assert!(serial >= reader.from, "{serial} is from before");
            assert!(reader.last.is_none_or(|last| last < serial), "{serial} comes after {:?}", reader.last);
            assert!(self.is_for(reader, serial), "{serial} is none of its channels'");
            if reader.kind == b'D' {
                self.check_debounced(at, serial);
            } else {
                self.check_missed(at, serial);
            }
            let reader = &mut self.readers[at];
            reader.last = Some(serial);
            if block.id.is_some() {
                reader.resumable = serial + 1;
            }
            reader.gaps.retain(|gap| gap.next.is_some_and(|next| next > serial));
            if block.id.is_some() {
                reader.id_gaps.clone_from(&reader.gaps);
            }
        }
    }

    fn serial_of(&self, id: &str) -> usize {
        self.messages.iter().position(|message| message.id == id).unwrap()
    }

    fn is_for(&self, reader: &Reader, serial: usize) -> bool {
        self.messages[serial].topics.iter().any(|topic| reader.topics.contains(topic))
    }

    /// What was left out before `serial` was evicted, and the reader was told.
    fn check_missed(&self, at: usize, serial: usize) {
        let reader = &self.readers[at];
        let first = reader.last.map_or(reader.from, |last| last + 1).max(reader.from);
        for missed in (first..serial).filter(|missed| self.is_for(reader, *missed)) {
            assert!(self.is_told(reader, missed), "{missed} is left out before {serial}");
        }
    }

    /// Tells whether a gap has told the reader that it would not be given this, which may be so.
    fn is_told(&self, reader: &Reader, serial: usize) -> bool {
        reader.gaps.iter().any(|gap| match &*gap.reason {
            "unavailable" => true,
            "lag" | "evicted" => self.may_be_gone(serial),
            _ => false,
        })
    }

    /// Tells whether one of the channels of a message has had so many since that it keeps it no more.
    fn may_be_gone(&self, serial: usize) -> bool {
        let topics = &self.messages[serial].topics;
        topics.iter().any(|topic| {
            let since = self.messages[serial + 1..].iter().filter(|message| message.topics.contains(topic));
            since.count() >= self.max_kept
        })
    }

    /// It is the last, and was held back since the first after a pause.
    fn check_debounced(&self, at: usize, serial: usize) {
        let reader = &self.readers[at];
        if reader.is_replaying {
            return;
        }
        let later = self.messages[serial + 1..].iter().any(|message| message.topics.contains(&(b'd', 0)));
        assert!(!later, "{serial} is not the last");
        let first = (reader.last.map_or(reader.from, |last| last + 1)..=serial).find(|one| self.is_for(reader, *one));
        let first = first.unwrap();
        assert!(self.closed || self.now - self.messages[first].at > DEBOUNCE / 2, "too early");
    }

    fn check_complete(&self, at: usize) {
        let reader = &self.readers[at];
        let first = reader.last.map_or(reader.from, |last| last + 1).max(reader.from);
        let missed = (first..self.messages.len()).filter(|one| self.is_for(reader, *one));
        for missed in missed {
            let told = self.is_told(reader, missed);
            let unpublished =
                self.stored.iter().position(|one| *one == missed).is_some_and(|at| at >= self.published_of_store);
            assert!(told || unpublished, "{missed} was never given to {}", char::from(reader.kind));
        }
    }

    fn cut(&mut self, at: usize) {
        let reader = self.readers.remove(at);
        self.channels.close(reader.id);
        let Reader { last_event_id, topics, resumable: from, id_gaps: gaps, .. } = reader;
        self.cut.insert(reader.kind, Cut { last_event_id, topics, from, gaps });
    }

    /// Answers a load with at most `most` of what the store has; it had `stored` when it looked.
    fn answer(&mut self, at: usize, stored: usize, most: usize) -> bool {
        let Some((load, _)) = self.readers[at].load.take() else { return false };
        let all = &self.stored[..stored.min(self.stored.len())];
        let from = match &load.after {
            None => 0,
            Some(id) => all.iter().position(|serial| serial.to_string() == **id).map_or(all.len(), |at| at + 1),
        };
        let most = most.min(load.max_publications);
        let mut batch = Batch { more: all.len() - from > most, ..Batch::default() };
        for serial in all[from..].iter().take(most) {
            batch.push(&stored_message(*serial)).unwrap();
        }
        self.channels.handle_loaded(self.now, self.readers[at].id, Ok(batch));
        true
    }

    fn fail(&mut self, at: usize) -> bool {
        if self.readers[at].load.take().is_none() {
            return false;
        }
        self.channels.handle_loaded(self.now, self.readers[at].id, Err(()));
        true
    }

    fn unregister(&mut self, how: Unregister) {
        self.channels.unregister(self.now, "r", how);
        self.incarnation += 1;
        self.is_registered = false;
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.channels.poll_timeout().filter(|at| *at <= end) {
            assert!(at >= self.now || self.channels.poll_timeout().is_some(), "time goes back");
            self.now = self.now.max(at);
            self.channels.handle_timeout(self.now);
            assert!(self.channels.poll_timeout().is_none_or(|next| next > self.now), "it is still due");
            for reader in &mut self.readers {
                // Its repository had 10 s.
                if !self.channels.reader_stats(reader.id).is_some_and(|stats| stats.loading) {
                    reader.load = None;
                }
            }
        }
        self.now = end;
        self.wake();
    }

    fn read_all(&mut self) {
        self.wake();
        for at in 0..self.readers.len() {
            let mut times = 0;
            while self.read(at) {
                times += 1;
                assert!(times < 100_000, "a reader never comes to rest");
            }
        }
    }

    /// Has everything published, loaded and read.
    fn finish(&mut self) {
        while self.published_of_store < self.stored.len() && !self.closed {
            self.publish_stored();
        }
        for _ in 0..self.stored.len() + 4 {
            self.read_all();
            for at in 0..self.readers.len() {
                self.answer(at, usize::MAX, usize::MAX);
            }
        }
        self.wait(DEBOUNCE);
        self.read_all();
        for at in 0..self.readers.len() {
            let reader = &self.readers[at];
            assert!(reader.load.is_none() || reader.end.is_some(), "it loads for ever");
            let is_over = self.closed || reader.end.is_some();
            assert_eq!(is_over, reader.end.is_some(), "it does not end");
            match (reader.kind, reader.end) {
                (b'D', None) => {
                    let last = (reader.from..self.messages.len()).rev().find(|one| self.is_for(reader, *one));
                    assert!(last.is_none() || reader.last >= last, "the last never came");
                }
                (_, None) => self.check_complete(at),
                _ => {}
            }
        }
        while !self.readers.is_empty() {
            self.cut(0);
        }
        assert_eq!(self.channels.stats().readers, 0);
        self.channels.leave(self.guest);
        assert_eq!(self.channels.stats().connections, 0);
    }
}

impl Reader {
    fn is_loading(&self) -> bool {
        self.load.is_some() || self.kind == b'O'
    }
}

fn channel(max_kept: usize) -> ChannelConfig {
    let mut config = ChannelConfig::default();
    config.topic.max_publications = max_kept;
    config.replay = Replay::FromId;
    config
}

/// What the store has under this serial, which is its id as well.
fn stored_message(serial: usize) -> Message {
    let text = serial.to_string();
    Message::new(&*text).with_id(EventId::new(text.clone()).unwrap())
}

struct Block<'a> {
    id: Option<&'a str>,
    event: Option<&'a str>,
    data: &'a str,
}

/// Takes a text of events and comments apart; what a comment says is its data.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut block = Block { id: None, event: None, data: "" };
    for line in text.lines() {
        match line.split_once(':').map(|(name, value)| (name, value.trim_start())) {
            Some(("", comment)) => blocks.push(Block { id: None, event: None, data: comment }),
            Some(("id", id)) => block.id = Some(id),
            Some(("event", event)) => block.event = Some(event),
            Some(("data", data)) => block.data = data,
            Some(other) => panic!("{other:?}"),
            None => blocks.push(std::mem::replace(&mut block, Block { id: None, event: None, data: "" })),
        }
    }
    blocks
}

const DEBOUNCE: Duration = Duration::from_secs(1);
