//! Logs whose publications say where they stand, and what readers of them read, in one text.

use tidewire_core::Instant;
use tidewire_core::log::{
    Config, Epoch, EventId, Gap, LagPolicy, Log, OnLag, Position, Read, ReaderId, Start, TopicConfig,
};

/// When all of it happens that does not say another time.
pub const NOW: Instant = Instant::START;
/// Its text is `100`.
pub const EPOCH: Epoch = Epoch::new(1_296);

/// Opens a log with other bounds.
pub fn log(change: impl FnOnce(&mut Config)) -> Log {
    let mut config = Config::default();
    change(&mut config);
    Log::new(config, EPOCH)
}

/// Opens a log whose topics have other bounds.
pub fn log_of(change: impl FnOnce(&mut TopicConfig)) -> Log {
    log(|config| change(&mut config.topic))
}

/// Allows `max_behind` publications, whatever their bytes.
pub fn policy(max_behind: usize, then: OnLag) -> LagPolicy {
    LagPolicy::new(max_behind, then)
}

/// Returns the id of a position.
pub fn id(position: u64) -> EventId {
    EventId { epoch: EPOCH, position: Position::new(position) }
}

/// Publishes the name of the first topic and the position: `a1 `.
pub fn publish_to(log: &mut Log, topics: &[&str]) -> EventId {
    log.publish_to(NOW, topics, text(topics[0])).unwrap()
}

/// As `publish_to`, so many times to one topic.
pub fn publish(log: &mut Log, topic: &str, times: usize) {
    (0..times).for_each(|_| _ = publish_to(log, &[topic]));
}

/// Publishes with an id of the application's own.
pub fn publish_own(log: &mut Log, topic: &str, own_id: &str) -> EventId {
    log.publish_own(NOW, &[topic], own_id, text(topic)).unwrap()
}

fn text(topic: &str) -> impl FnOnce(EventId, &mut Vec<u8>) {
    move |id, out| out.extend_from_slice(format!("{topic}{} ", id.position).as_bytes())
}

/// Opens a reader.
pub fn open(log: &mut Log, topics: &[&str], start: Start<'_>) -> (ReaderId, Option<Gap>) {
    log.open_reader(NOW, topics.iter().copied(), start).unwrap()
}

/// All that a reader reads at once, in one text; gaps as `[reason after→next at resume]`.
pub fn read_all(log: &mut Log, reader: ReaderId) -> String {
    let mut text = String::new();
    while let Some(read) = log.read(NOW, reader, usize::MAX) {
        match read {
            Read::Burst { burst, .. } => text += std::str::from_utf8(&burst.bytes()).unwrap(),
            Read::Gap(gap) => text += &format!("{} ", show(&gap)),
        }
    }
    text.trim_end().to_owned()
}

/// A gap as text.
pub fn show(gap: &Gap) -> String {
    let position = |id: &EventId| id.position.to_string();
    let next = gap.next.as_ref().map_or("-".to_owned(), position);
    format!("[{} {}→{next} at {}]", gap.reason, gap.after, gap.resume.position)
}

/// What a resume is told and then reads.
pub fn resume(log: &mut Log, topics: &[&str], after: &str) -> String {
    let (reader, gap) = open(log, topics, Start::After(after));
    let gap = gap.map_or(String::new(), |gap| show(&gap) + " ");
    let text = gap + &read_all(log, reader);
    log.close_reader(reader);
    text.trim_end().to_owned()
}
