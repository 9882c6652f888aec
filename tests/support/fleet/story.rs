//! What happens, by chance.

use std::time::Duration;

use tidewire_core::Random;

use super::{Fleet, NAMES};

const SEVERAL: bool = true;

impl Fleet {
    /// Plays the story of a seed: things happen, then all is healed, and everybody has to have everything.
    ///
    /// # Panics
    ///
    /// When something is not as it has to be.
    pub fn play(&mut self) {
        for _ in 0..self.plan.steps {
            self.happen();
            self.check_memory();
        }
        self.heal();
        self.check_all_given();
        self.check_memory();
    }

    /// Heals the network, and lets everybody come back and read.
    pub fn heal(&mut self) {
        self.note("all is healed".into());
        for link in self.readers.iter_mut().filter_map(|reader| reader.link.as_mut()) {
            (link.stalled, link.cut_after) = (None, None);
        }
        self.store_fails = false;
        self.publish_stored(usize::MAX);
        self.advance(Duration::from_secs(120));
        self.publish_stored(usize::MAX);
        for name in NAMES {
            self.publish(vec![name], format!("the last of {name}"));
        }
        // Where streams have a longest time some are away, for half a minute at most.
        self.advance(Duration::from_secs(40));
    }

    /// One thing happens.
    fn happen(&mut self) {
        match self.below(100) {
            0..45 => self.publish_something(),
            45..48 => {
                let name = NAMES[self.below(3) as usize];
                self.comment(name);
            }
            48..63 => {
                let time = Duration::from_micros(self.below(3_000_000));
                self.advance(time);
            }
            63..66 => {
                let time = Duration::from_secs(self.below(60));
                self.advance(time);
            }
            66..80 => self.set_cut(),
            80..88 => {
                let (reader, time) = (self.below(self.readers.len() as u64) as usize, self.below(40_000));
                self.stall(reader, Duration::from_millis(time));
            }
            88..92 => {
                let reader = self.below(self.readers.len() as u64) as usize;
                self.break_link(reader);
            }
            92..94 => self.join(),
            94..96 => self.part(),
            96..98 => {
                let (down, keeps) = (self.below(5_000), self.random.next_u64().is_multiple_of(2));
                if self.channels.is_some() {
                    self.crash(Duration::from_millis(down), keeps);
                }
            }
            98 => {
                let (drain, down) = (self.below(3_000), self.below(3_000));
                if self.channels.is_some() {
                    self.say_goodbye(Duration::from_millis(drain));
                    self.crash(Duration::from_millis(down), false);
                }
            }
            _ => self.settle(),
        }
        // Half of the time several things happen at once.
        if self.random.next_u64().is_multiple_of(2) {
            self.settle();
        }
    }

    fn publish_something(&mut self) {
        if self.plan.store {
            for _ in 0..self.below(3) {
                self.store_something();
            }
            if self.below(2) == 0 {
                self.publish_stored(3);
            }
        }
        let several = 1 + self.below(4);
        for _ in 0..several {
            let first = NAMES[self.below(3) as usize];
            let mut names = vec![first];
            if self.below(5) == 0 && SEVERAL {
                names.extend(NAMES.into_iter().filter(|name| *name != first).take(1));
            }
            let (number, len) = (self.ledger.len(), self.below(260) as usize);
            let filler: String = "lorem ipsum\ndolor ".chars().cycle().take(len).collect();
            self.publish(names, format!("{number} {filler}"));
        }
    }

    fn set_cut(&mut self) {
        let (reader, after) = (self.below(self.readers.len() as u64) as usize, 1 + self.below(1_500) as usize);
        if let Some(link) = &mut self.readers[reader].link {
            link.cut_after = Some(after);
        }
    }

    /// Lets a reader read nothing for a while.
    pub fn stall(&mut self, reader: usize, time: Duration) {
        if let Some(link) = &mut self.readers[reader].link {
            link.stalled = Some(self.now + time);
        }
    }

    /// A reader goes for good.
    fn part(&mut self) {
        if self.readers.len() < 2 {
            return;
        }
        let reader = self.below(self.readers.len() as u64) as usize;
        let reader = self.readers.swap_remove(reader);
        if let Some(link) = reader.link {
            self.leave(link);
        }
    }
}
