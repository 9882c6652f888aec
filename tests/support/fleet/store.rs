//! A store of the application's own, which has everything from the first on: it stores first, publishes later and in the same order, and
//! answers late, or not at all, what a channel asks it.

use std::time::Duration;

use tidewire_core::channels::{Batch, ChannelConfig, Load, Replay};
use tidewire_core::sse::{EventId, Message};
use tidewire_core::{Instant, Random};

use super::{Fleet, Link, Seen};

/// The channel whose ids are the store's.
pub(super) const OWN: &str = "orders";

/// What is stored, and how much of it was published.
#[derive(Debug, Default)]
pub(super) struct Store {
    stored: Vec<Message>,
    published: usize,
}

impl Store {
    /// How the channel is: without an id all of it is given.
    pub(super) fn channel(mut of: ChannelConfig) -> ChannelConfig {
        (of.repository, of.replay, of.debounce) = (true, Replay::All, None);
        of
    }

    /// Answers what follows an id.
    fn answer(&self, load: &Load) -> Batch {
        let from = match &load.after {
            None => 0,
            Some(after) => {
                let at = self.stored.iter().position(|message| message.own_id() == Some(after));
                at.map_or(self.stored.len(), |at| at + 1)
            }
        };
        let mut batch = Batch::default();
        let mut bytes = 0;
        for message in &self.stored[from..] {
            if batch.publications.len() >= load.max_publications.min(4) || bytes > load.max_bytes {
                batch.more = true;
                break;
            }
            bytes += message.data().len();
            batch.push(message).expect("it has an id");
        }
        batch
    }

    /// Notes a message that a reader was given: each comes once, in the order of the store, from the first on.
    ///
    /// # Errors
    ///
    /// What is wrong about it.
    pub(super) fn given(&self, seen: &mut Seen, message: &Message) -> Result<(), String> {
        if message.event_type() == "gap" {
            seen.gaps += 1;
            seen.may_miss = true;
            // Told when the store failed, or when the reader was slower than what is kept live. It knows no ids but the store's.
            let gap: serde_json::Value = serde_json::from_str(message.data()).map_err(|error| error.to_string())?;
            let is_known = |id: &str| self.stored.iter().any(|one| one.own_id() == Some(id));
            let ids = ["after", "next"].map(|name| gap[name].as_str().unwrap_or_default());
            let is_true = matches!(gap["reason"].as_str(), Some("unavailable" | "lag"))
                && ids.iter().all(|id| id.is_empty() || is_known(id));
            return if is_true { Ok(()) } else { Err(message.data().into()) };
        }
        let at = self.stored.iter().position(|one| one == message).ok_or_else(|| format!("unknown: {message:?}"))?;
        if at < seen.may_double {
            return Ok(());
        }
        if at < seen.given || (at > seen.given && !seen.may_miss) {
            return Err(format!("{at} of the store, where {} was to come", seen.given));
        }
        (seen.given, seen.may_miss) = (at + 1, false);
        seen.messages += 1;
        Ok(())
    }

    /// Notes that a reader subscribes. With an id that is stored and not published yet it may be given twice what is published then: nobody
    /// but the store knows that it had it.
    pub(super) fn subscribed(&self, seen: &mut Seen) {
        if self.published < seen.given {
            seen.may_double = seen.given;
        }
    }

    /// Tells what a reader still has to be given.
    pub(super) fn missing(&self, seen: &Seen) -> Option<String> {
        (seen.given < self.stored.len() && !seen.may_miss)
            .then(|| format!("{} of the store was never given", seen.given))
    }
}

impl Fleet {
    /// The application stores something, and does not publish it yet.
    pub(super) fn store_something(&mut self) {
        let number = self.store.stored.len() as u64;
        // Neither in order nor of one length.
        let id = format!("{:x}", (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (number % 40));
        let mut message = Message::new(format!("order {number}"));
        message.set_id(EventId::new(format!("{id}-{number}")).expect("no line end"));
        self.store.stored.push(message);
    }

    /// The application publishes what it stored, so much of it at most.
    ///
    /// # Panics
    ///
    /// If an open server does not take it.
    pub(super) fn publish_stored(&mut self, most: usize) {
        let now = self.now;
        for _ in 0..most {
            let Some(channels) = self.channels.as_mut().filter(|channels| !channels.is_closed()) else { return };
            let Some(message) = self.store.stored.get(self.store.published) else { return };
            self.meter.of(|| channels.publish(now, [OWN], message)).expect("it is taken");
            self.store.published += 1;
        }
    }

    /// Lets the store answer what has waited long enough: one in eight times that it failed, and now and then too late.
    pub(super) fn answer_loads(&mut self) -> bool {
        let now = self.now;
        let mut answered = false;
        for reader in &mut self.readers {
            let (Some(link), Some(channels)) = (&mut reader.link, &mut self.channels) else { continue };
            let Link { reader: Some(id), asked, awake, .. } = link else { continue };
            let Some((load, _)) = asked.take_if(|(_, at)| *at <= now) else { continue };
            let fails = self.store_fails && self.random.next_u64().is_multiple_of(8);
            let answer = if fails { Err(()) } else { Ok(self.store.answer(&load)) };
            // What the answer is made of was the application's.
            self.meter.of(|| {
                let answer = answer.map(|batch| {
                    let publications = batch.publications.iter().map(|(id, bytes)| (id.clone(), bytes.to_vec().into()));
                    Batch { publications: publications.collect(), ..batch }
                });
                channels.handle_loaded(now, *id, answer);
                drop(load);
            });
            *awake = true;
            answered = true;
        }
        answered
    }

    /// Draws when the store will answer: mostly at once, seldom after the server has given up.
    pub(super) fn draw_answer(&mut self) -> Instant {
        let millis = if self.below(30) == 0 && self.store_fails { 11_000 } else { self.below(300) };
        self.now + Duration::from_millis(millis)
    }
}
