//! What happens to a log, played to it and to the naive one: each reader sees the same, and the laws hold.

use std::time::Duration;

use tidewire_core::Instant;
use tidewire_core::log::{Config, EventId, Gap, Log, OnLag, Read, ReaderId, Start, TopicConfig};

use crate::logs::{EPOCH, NOW};
use crate::naive_log::NaiveLog;

/// Something that happens.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the variants say what their fields are")]
pub enum Step {
    /// One publication, of so many digits, perhaps with an own id and watched.
    Publish { topics: Vec<u8>, len: u8, own: Option<u8>, watch: bool },
    /// A reader comes.
    Open { topics: Vec<u8>, start: AnyStart },
    /// One of the readers reads once.
    Read { reader: u8, max: u8 },
    /// It has written what it read.
    Write { reader: u8 },
    /// It leaves.
    Close { reader: u8 },
    /// It leaves, and comes back with its cursor.
    Resume { reader: u8 },
    /// It skips to the latest.
    Skip { reader: u8 },
    /// A topic gets bounds of its own.
    Configure { topic: u8, bounds: [u8; 5], then: u8 },
    /// A topic is removed.
    Remove { topic: u8 },
    /// Time passes.
    Wait { secs: u8 },
}

/// Where a reader begins.
#[derive(Clone, Debug)]
pub enum AnyStart {
    /// At the head.
    Live,
    /// With the oldest that is kept.
    Oldest,
    /// After a position, by how far it is from the head in eighths.
    After(u8),
    /// After one of eight own ids.
    Own(u8),
}

/// Plays it; panics where the two logs differ or a law is broken.
pub fn play(steps: Vec<Step>) {
    let mut config = Config::default();
    config.topic.max_publications = 5;
    config.topic.max_bytes = 1_100;
    config.max_bytes = 2_500;
    config.max_age = Some(Duration::from_secs(5));
    config.max_topics = 4;
    config.max_readers = 6;
    let mut model = NaiveLog::new(&config, EPOCH);
    let mut log = Log::new(config, EPOCH);
    let mut now = NOW;
    let mut readers: Vec<Driven> = Vec::new();
    let mut all: Vec<Published> = Vec::new();

    for step in steps {
        let mut told = None;
        match step {
            Step::Publish { topics, len, own, watch } => {
                let topics: Vec<String> = topics.into_iter().map(name).collect();
                let own = own.map(|own| format!("o{}", own % 8));
                let text = |id: EventId| format!("{:0>width$} ", id.position.number(), width = usize::from(len));
                let names: Vec<&str> = topics.iter().map(String::as_str).collect();
                let encode = |id: EventId, out: &mut Vec<u8>| out.extend_from_slice(text(id).as_bytes());
                let got = match &own {
                    Some(own) => log.publish_own(now, &names, own, encode),
                    None => log.publish_to(now, &names, encode),
                };
                assert_eq!(got, model.publish(now, &topics, own.as_deref(), text));
                if let Ok(id) = got {
                    all.push(Published { position: id.position.number(), topics, own });
                    if watch {
                        assert_eq!(log.watch(id).map(drop), model.watch(id));
                    }
                }
            }
            Step::Open { topics, start } => {
                let topics: Vec<String> = topics.into_iter().map(name).collect();
                let after = match start {
                    AnyStart::After(back) => {
                        format!("100-{}", (log.head().position.number() + 1).saturating_sub(u64::from(back) / 8))
                    }
                    AnyStart::Own(own) => format!("o{}", own % 8),
                    AnyStart::Live | AnyStart::Oldest => String::new(),
                };
                let start = match start {
                    AnyStart::Oldest => Start::Oldest,
                    AnyStart::Live | AnyStart::After(_) | AnyStart::Own(_) => Start::After(&after),
                };
                open_both(&mut log, &mut model, now, &topics, start, &mut readers);
            }
            Step::Read { reader, max } if !readers.is_empty() => {
                let index = usize::from(reader) % readers.len();
                let reader = &mut readers[index];
                let head = log.head().position.number();
                let got = log.read(now, reader.id, max.into());
                let expected = model.read(now, index, max.into());
                let shown = match &got {
                    Some(Read::Burst { burst, more }) => {
                        let text = String::from_utf8(burst.bytes().to_vec()).unwrap();
                        reader.given.extend(text.split_whitespace().map(|one| one.parse::<u64>().unwrap()));
                        Some((Ok(text), *more))
                    }
                    Some(Read::Gap(gap)) => {
                        reader.tell(gap, head);
                        told = Some(reader.id);
                        Some((Err(gap.clone()), true))
                    }
                    None => None,
                };
                reader.awake = reader.awake && shown.as_ref().is_some_and(|(_, more)| *more);
                reader.named = reader.named && shown.as_ref().is_some_and(|(_, more)| *more);
                assert_eq!(shown, expected);
            }
            Step::Write { reader } if !readers.is_empty() => {
                let index = usize::from(reader) % readers.len();
                log.note_written(readers[index].id);
                model.note_written(index);
            }
            Step::Close { reader } if !readers.is_empty() => {
                let index = usize::from(reader) % readers.len();
                log.close_reader(readers.remove(index).id);
                model.close(index);
            }
            Step::Resume { reader } if !readers.is_empty() => {
                let index = usize::from(reader) % readers.len();
                let old = readers.remove(index);
                let cursor = log.cursor(old.id).unwrap();
                log.close_reader(old.id);
                model.close(index);
                let count = readers.len();
                open_both(&mut log, &mut model, now, &old.topics, Start::After(&cursor.to_string()), &mut readers);
                // It goes on as the same reader.
                if let Some(new) = readers.get_mut(count) {
                    new.from = old.from;
                    new.given = old.given;
                    new.missing.extend(old.missing);
                }
            }
            Step::Skip { reader } if !readers.is_empty() => {
                let index = usize::from(reader) % readers.len();
                let reader = &mut readers[index];
                let before = log.cursor(reader.id).unwrap().position.number();
                assert_eq!(log.skip_to_latest(reader.id), model.skip_to_latest(index));
                reader.missing.push((before, log.cursor(reader.id).unwrap().position.number()));
            }
            Step::Configure { topic, bounds: numbers, then } => {
                let config = bounds(numbers, then);
                assert_eq!(log.configure(&name(topic), config), model.configure(&name(topic), config));
            }
            Step::Remove { topic } => {
                log.remove_topic(&name(topic));
                model.remove_topic(&name(topic));
            }
            Step::Wait { secs } => {
                now = now + Duration::from_secs(secs.into());
                log.handle_timeout(now);
                model.evict_aged(now);
                assert!(log.poll_timeout().is_none_or(|at| at > now));
            }
            Step::Read { .. } | Step::Write { .. } | Step::Close { .. } | Step::Resume { .. } | Step::Skip { .. } => {}
        }

        let stats = log.stats();
        assert_eq!((stats.publications, stats.bytes, stats.topics), model.stats());
        let mut written = Vec::new();
        while let Some(done) = log.poll_written() {
            written.push([done.written, done.missed, done.left]);
        }
        written.sort_unstable();
        assert_eq!(written, model.take_written());
        // Who has something to read is awake, or is woken, once.
        while let Some(woken) = log.poll_wake() {
            let reader = readers.iter_mut().find(|reader| reader.id == woken);
            let reader = reader.expect("a reader that is open is woken");
            assert!(!reader.awake, "woken twice");
            reader.awake = true;
        }
        // Who is too far behind is named, once; nobody else is.
        while let Some(named) = log.poll_lagging() {
            let index = readers.iter().position(|reader| reader.id == named);
            let index = index.expect("a reader that is open is named");
            let lost = model.has_lost(index) || told == Some(named);
            assert!(model.is_to_end(index) || lost, "named for nothing");
            assert!(!readers[index].named, "named twice");
            readers[index].named = true;
        }
        for (index, reader) in readers.iter().enumerate() {
            let left = model.unread(index).len();
            assert!(reader.awake || left == 0, "{} sleeps", index);
            assert!(log.has_next(reader.id) || left == 0);
            assert_eq!(log.lag(reader.id), Some(model.lag(index)));
            assert!(reader.named || !model.is_to_end(index), "{} was not named", index);
            let in_topic = reader.topics.iter().all(|topic| log.readers_of(topic).any(|id| id == reader.id));
            assert!(in_topic);
        }
    }

    // Each publication was given once and in order, was told missing, was replaced, or is still to be read.
    for reader in &readers {
        assert!(reader.given.is_sorted_by(|a, b| a < b), "{:?}", reader.given);
        let cursor = log.cursor(reader.id).unwrap().position.number();
        for (index, it) in all.iter().enumerate() {
            let replaced = || it.own.is_some() && all[index + 1..].iter().any(|later| later.own == it.own);
            let known = it.position <= reader.from
                || it.position > cursor
                || !reader.topics.iter().any(|topic| it.topics.contains(topic))
                || reader.given.contains(&it.position)
                || reader.missing.iter().any(|(after, until)| *after < it.position && it.position <= *until)
                || replaced();
            assert!(known, "{} of {:?} is lost: {:?} {:?}", it.position, it.topics, reader.given, reader.missing);
        }
    }
}

fn name(topic: u8) -> String {
    format!("t{topic}")
}

fn bounds([publications, bytes, replay, behind, behind_bytes]: [u8; 5], then: u8) -> TopicConfig {
    let mut config = TopicConfig::default();
    config.max_publications = 1 + usize::from(publications % 8);
    config.max_bytes = 400 + 8 * usize::from(bytes);
    config.max_replay = usize::from(replay % 6);
    config.lag.max_behind = 1 + usize::from(behind % 6);
    // Below 32 bytes the sixteenth that a reader may be named late is less than a byte.
    config.lag.max_behind_bytes = usize::from(behind_bytes % 32);
    config.lag.then = [OnLag::Gap, OnLag::End, OnLag::Latest][usize::from(then % 3)];
    config.own_ids = then >= 128;
    config
}

/// What the driver holds: which readers it must read, and what each was given.
struct Driven {
    id: ReaderId,
    topics: Vec<String>,
    /// Whether it was woken and has not read everything since.
    awake: bool,
    /// Whether it was named as lagging since it last had read everything.
    named: bool,
    /// Everything up to the first position was before its time; then what was given, and what was told missing.
    from: u64,
    given: Vec<u64>,
    missing: Vec<(u64, u64)>,
}

impl Driven {
    fn tell(&mut self, gap: &Gap, head: u64) {
        let after = gap.after.parse::<EventId>().ok().filter(|id| id.epoch == EPOCH).map(|id| id.position.number());
        let until = gap.next.map_or(head, |next| next.position.number() - 1);
        self.missing.push((after.unwrap_or(0), until));
    }
}

/// A publication: where it went, and its own id.
struct Published {
    position: u64,
    topics: Vec<String>,
    own: Option<String>,
}

fn open_both(
    log: &mut Log,
    model: &mut NaiveLog,
    now: Instant,
    topics: &[String],
    start: Start<'_>,
    readers: &mut Vec<Driven>,
) {
    let got = log.open_reader(now, topics.iter().map(String::as_str), start);
    let expected = model.open(now, topics, start);
    assert_eq!(got.as_ref().map(|(_, gap)| gap.clone()).map_err(|error| *error), expected);
    if let Ok((id, gap)) = got {
        let from = match start {
            // The rest of what is not kept, or not replayed, is noted below.
            Start::Oldest => 0,
            Start::Live => log.head().position.number(),
            Start::After(text) => {
                let own = || log.find_own(&topics[0], text).unwrap_or(log.head().position).number();
                text.parse::<EventId>().map_or_else(|_| own(), |id| id.position.number())
            }
        };
        let mut reader = Driven {
            id,
            topics: topics.to_vec(),
            awake: false,
            named: false,
            from,
            given: Vec::new(),
            missing: Vec::new(),
        };
        if let Some(gap) = gap {
            reader.tell(&gap, log.head().position.number());
        }
        if start == Start::Oldest {
            let unread = model.unread(model.readers() - 1);
            let before = (1..=log.head().position.number()).filter(|position| !unread.contains(position));
            reader.missing.extend(before.map(|position| (position - 1, position)));
        }
        readers.push(reader);
    }
}
