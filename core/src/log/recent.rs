use alloc::collections::VecDeque;

use super::Burst;

/// The bursts that were last made ready in some form, so that each is once for all who read it so.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// What was asked for last; what was asked for before, the newest first.
    last: Option<Burst>,
    older: VecDeque<Burst>,
}

impl Recent {
    pub(super) const fn new() -> Self {
        Self { last: None, older: VecDeque::new() }
    }

    /// Returns the burst as `make` made it, which is called if that was not done yet.
    pub(super) fn find(&mut self, burst: &Burst, make: impl FnOnce(&mut Burst)) -> &mut Burst {
        // What is kept here was not freed: so the same place in memory is the same bytes.
        let same =
            |made: &Burst| made.chunk().as_ptr() == burst.chunk().as_ptr() && made.chunk().len() == burst.chunk().len();
        let last = self.last.take();
        let made = match last {
            Some(last) if same(&last) => last,
            last => {
                let known = self.older.iter().position(same).and_then(|at| self.older.remove(at));
                self.older.truncate(SLOTS - 2);
                last.into_iter().for_each(|last| self.older.push_front(last));
                known.unwrap_or_else(|| {
                    let mut burst = burst.clone();
                    make(&mut burst);
                    burst
                })
            }
        };
        self.last.insert(made)
    }
}

/// Readers stand at few places at a time, most of them at the newest publication.
const SLOTS: usize = 16;
