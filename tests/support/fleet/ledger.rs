//! What was published, and what each reader has to be given of it.

use tidewire_core::log::{EventId, Position};
use tidewire_core::sse::Message;

/// Everything that was ever published, in order.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Whether what is replaced by something later is no loss: channels that hold back what comes after a pause.
    pub latest_only: bool,
    published: Vec<Published>,
    readers: u64,
}

#[derive(Debug)]
struct Published {
    id: EventId,
    names: Vec<&'static str>,
    /// `None`: a comment, which no reader has to be given.
    text: Option<String>,
}

/// What a reader was given so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// Up to here it was given or told everything; `None`: it was never answered.
    pub at: Option<EventId>,
    /// Up to here something may be missing, as it was told.
    excused: Option<EventId>,
    /// Messages that it was given.
    pub messages: usize,
    /// Gaps that it was told.
    pub gaps: usize,
    /// Of the application's store: how many it was given, or missed.
    pub given: usize,
    /// Those before this one may come twice.
    pub may_double: usize,
    /// Whether some of them may be missing before the next, as it was told.
    pub may_miss: bool,
    /// How often what was held back for it was replaced.
    pub replaced: usize,
}

impl Ledger {
    /// Notes what was accepted.
    pub fn published(&mut self, id: EventId, names: Vec<&'static str>, text: Option<String>) {
        self.published.push(Published { id, names, text });
    }

    /// Counts readers.
    pub fn next_reader(&mut self) -> u64 {
        self.readers += 1;
        self.readers
    }

    /// Returns how many publications there were.
    pub fn len(&self) -> usize {
        self.published.len()
    }

    /// Tells whether nothing was published.
    pub fn is_empty(&self) -> bool {
        self.published.is_empty()
    }

    /// Notes a message that a reader of `names` was given.
    ///
    /// # Errors
    ///
    /// What is wrong about it.
    pub fn given(&self, names: &[&str], seen: &mut Seen, message: &Message) -> Result<(), String> {
        let id: EventId = match message.own_id().map(str::parse) {
            Some(Ok(id)) => id,
            other => return Err(format!("an event without an id of the log: {other:?}")),
        };
        if message.event_type() == "gap" {
            return self.told(names, seen, id, message.data());
        }
        let at = seen.at.ok_or("a message before the stream was opened")?;
        if at.epoch != id.epoch {
            return Err(format!("{id} after {at}, and no gap was told"));
        }
        if id.position <= at.position {
            return Err(format!("{id} after {at}: doubled, or out of order"));
        }
        let lost = self.of(names).find(|one| is_between(one, at, id) && !seen.excuses(one) && one.id != id);
        if self.latest_only {
            seen.replaced += usize::from(lost.is_some());
        } else if let Some(lost) = lost {
            return Err(format!("{} was lost between {at} and {id}", lost.id));
        }
        let published = self.of(names).find(|one| one.id == id).ok_or_else(|| format!("{id} is not for it"))?;
        if published.text.as_deref() != Some(message.data()) {
            return Err(format!("{id} is {:?} and not {:?}", message.data(), published.text));
        }
        seen.at = Some(id);
        seen.messages += 1;
        Ok(())
    }

    /// Notes a gap that a reader was told: it has to have a reason.
    fn told(&self, names: &[&str], seen: &mut Seen, resume: EventId, data: &str) -> Result<(), String> {
        let gap: serde_json::Value = serde_json::from_str(data).map_err(|error| error.to_string())?;
        let text = |name: &str| gap[name].as_str().unwrap_or_default();
        let at = seen.at.ok_or("a gap before the stream was opened")?;
        // A cursor has passed comments, too, which have no id on the wire.
        let after = text("after").parse::<EventId>().ok().filter(|after| after.epoch == at.epoch && *after >= at);
        let passed = after.is_some_and(|after| {
            self.of(names)
                .filter(|one| is_between(one, at, after) || one.id == after)
                .all(|one| one.id <= at || one.text.is_none())
        });
        if !passed {
            return Err(format!("told a gap after {} at {at}", text("after")));
        }
        let next = text("next").parse::<EventId>().ok();
        let before_next = next.map(|next| EventId { position: Position::new(next.position.number() - 1), ..next });
        let until = before_next.unwrap_or(resume).max(resume);
        let is_true = match text("reason") {
            "epoch" => at.epoch != resume.epoch,
            "evicted" | "lag" | "limit" => {
                at.epoch == resume.epoch && self.of(names).any(|one| is_between(one, at, until) || one.id == until)
            }
            _ => false,
        };
        if !is_true {
            return Err(format!("told of {data} up to {until} at {at}, where nothing is missing"));
        }
        (seen.at, seen.excused) = (Some(resume), Some(until));
        seen.gaps += 1;
        Ok(())
    }

    /// Tells what a reader of `names` still has to be given of the life of the log that `head` is of.
    pub fn missing(&self, names: &[&str], seen: &Seen, head: EventId) -> Option<String> {
        let Some(at) = seen.at else { return Some("it was never answered".into()) };
        if at.epoch != head.epoch {
            return Some(format!("it is still at {at}, and the head at {head}"));
        }
        let is_missing =
            |one: &&Published| one.text.is_some() && one.id.epoch == head.epoch && one.id > at && !seen.excuses(one);
        let mut missing = self.of(names).filter(is_missing);
        // Of what is replaced the last has to come.
        let first = if self.latest_only { None } else { missing.next() };
        first
            .or_else(|| missing.last().filter(|last| Some(last.id) == self.last_of(names)))
            .map(|one| format!("{} was never given", one.id))
    }

    fn last_of(&self, names: &[&str]) -> Option<EventId> {
        self.of(names).filter(|one| one.text.is_some()).map(|one| one.id).last()
    }

    fn of<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a Published> {
        self.published.iter().filter(|one| one.names.iter().any(|name| names.contains(name)))
    }
}

impl Seen {
    fn excuses(&self, one: &Published) -> bool {
        one.text.is_none() || self.excused.is_some_and(|until| until.epoch == one.id.epoch && one.id <= until)
    }
}

fn is_between(one: &Published, after: EventId, before: EventId) -> bool {
    one.id.epoch == after.epoch && one.id > after && one.id < before
}
