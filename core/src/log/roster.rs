use alloc::vec::Vec;

use super::room;

/// Who reads a topic: slots of readers, round a ring of three parts.
///
/// ```text
///   | asleep | awake | queued |  and round again
///   ^ start  ^ asleep ^ woken, counted from start
/// ```
///
/// A publication makes queued ones of all that sleep by moving `start`: that costs the same however many they are. Readers that
/// are woken and read in turn, the usual case, change their part without changing their place, and each of the two moves only one mark.
#[derive(Debug, Default)]
pub(super) struct Roster {
    places: Vec<u32>,
    start: usize,
    asleep: usize,
    woken: usize,
    /// As `woken`: whoever is queued before it is woken before it is another topic's turn.
    turn: usize,
}

impl Roster {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.places.iter().map(|place| place & !MANY)
    }

    pub(super) fn has_queued(&self) -> bool {
        self.woken < self.places.len()
    }

    /// Queues all that sleep.
    pub(super) fn queue_all(&mut self) {
        self.start = self.at(self.asleep);
        self.woken -= self.asleep;
        self.turn = self.turn.saturating_sub(self.asleep);
        self.asleep = 0;
    }

    /// Has a turn begin for those that are queued.
    pub(super) fn begin_turn(&mut self) {
        self.turn = self.places.len();
    }

    /// Returns the next of this turn, which is awake from then on, and whether it reads other topics, too.
    #[inline]
    pub(super) fn wake_next(&mut self) -> Option<(u32, bool)> {
        if self.woken >= self.turn {
            return None;
        }
        let at = self.start + self.woken;
        // Mostly it is not beyond the end.
        let place = self.places.get(at).or_else(|| self.places.get(at - self.places.len())).copied()?;
        self.woken += 1;
        Some((place & !MANY, place & MANY != 0))
    }

    pub(super) fn is_awake(&self, at: usize) -> bool {
        self.part(self.offset(at)) == Part::Awake
    }

    /// Puts the reader at `at` among those that are awake.
    pub(super) fn wake(&mut self, at: usize, mut moved: impl FnMut(u32, usize)) {
        let offset = self.offset(at);
        match self.part(offset) {
            Part::Asleep => {
                self.asleep -= 1;
                self.swap(offset, self.asleep, &mut moved);
            }
            Part::Awake => {}
            Part::Queued => {
                self.swap(offset, self.woken, &mut moved);
                self.woken += 1;
            }
        }
    }

    /// Puts the reader at `at` among those that sleep; `moved` is told who stands where then.
    #[inline]
    pub(super) fn put_asleep(&mut self, at: usize, moved: impl FnMut(u32, usize)) {
        let first_awake = self.start + self.asleep;
        if (at == first_awake || at + self.places.len() == first_awake) && self.asleep < self.woken {
            self.asleep += 1;
        } else {
            self.move_asleep(at, moved);
        }
    }

    #[cold]
    fn move_asleep(&mut self, at: usize, mut moved: impl FnMut(u32, usize)) {
        let mut offset = self.offset(at);
        if offset < self.asleep {
            return;
        }
        if offset >= self.woken {
            self.swap(offset, self.woken, &mut moved);
            offset = self.woken;
            self.woken += 1;
        }
        self.swap(offset, self.asleep, &mut moved);
        self.asleep += 1;
    }

    /// Makes a place for a reader, in whichever part the end of the list lies.
    pub(super) fn push(&mut self) -> usize {
        let at = self.places.len();
        let offset = at - self.start;
        if offset < self.asleep {
            self.asleep += 1;
        }
        if offset < self.woken {
            self.woken += 1;
        }
        self.turn = self.woken;
        room::for_one_more(&mut self.places);
        self.places.push(NOBODY);
        at
    }

    /// Gives a new place to the reader in `slot`, among those that sleep.
    pub(super) fn set(&mut self, at: usize, slot: u32, many: bool, moved: impl FnMut(u32, usize)) {
        if let Some(place) = self.places.get_mut(at) {
            *place = if many { slot | MANY } else { slot };
        }
        self.put_asleep(at, moved);
    }

    /// Takes the reader at `at` out; `moved` is told who stands where then.
    pub(super) fn remove(&mut self, at: usize, mut moved: impl FnMut(u32, usize)) {
        let Some(last) = self.places.len().checked_sub(1).filter(|last| at <= *last) else { return };
        // Into the part of the last place, from where it can go.
        let (mut offset, to) = (self.offset(at), self.part(self.offset(last)));
        let mut part = self.part(offset);
        while part > to {
            let mark = if part == Part::Queued { &mut self.woken } else { &mut self.asleep };
            let first = *mark;
            *mark += 1;
            part = if part == Part::Queued { Part::Awake } else { Part::Asleep };
            self.swap(offset, first, &mut moved);
            offset = first;
        }
        while part < to {
            let mark = if part == Part::Asleep { &mut self.asleep } else { &mut self.woken };
            *mark -= 1;
            let end = *mark;
            part = if part == Part::Asleep { Part::Awake } else { Part::Queued };
            self.swap(offset, end, &mut moved);
            offset = end;
        }
        self.swap(offset, self.offset(last), &mut moved);
        if to == Part::Asleep {
            self.asleep -= 1;
        }
        if to <= Part::Awake {
            self.woken -= 1;
        }
        self.turn = self.woken;
        self.places.pop();
        if self.start == last {
            self.start = 0;
        }
        if self.places.is_empty() {
            self.places = Vec::new();
        }
    }

    /// Returns those that may have something to read: all that do not sleep.
    pub(super) fn not_asleep(&self) -> impl Iterator<Item = u32> {
        (self.asleep..self.places.len()).filter_map(|offset| Some(self.places.get(self.at(offset))? & !MANY))
    }

    fn part(&self, offset: usize) -> Part {
        if offset < self.asleep {
            Part::Asleep
        } else if offset < self.woken {
            Part::Awake
        } else {
            Part::Queued
        }
    }

    #[inline]
    fn at(&self, offset: usize) -> usize {
        let at = self.start + offset;
        if at >= self.places.len() { at - self.places.len() } else { at }
    }

    fn offset(&self, at: usize) -> usize {
        if at >= self.start { at - self.start } else { at + self.places.len() - self.start }
    }

    fn swap(&mut self, a: usize, b: usize, moved: &mut impl FnMut(u32, usize)) {
        let (a, b) = (self.at(a), self.at(b));
        if a == b || a.max(b) >= self.places.len() {
            return;
        }
        self.places.swap(a, b);
        for at in [a, b] {
            if let Some(place) = self.places.get(at) {
                moved(place & !MANY, at);
            }
        }
    }
}

/// Marks the reader of several topics: whether it is awake, its place in one of them does not tell.
const MANY: u32 = 1 << 31;
/// A place that is not given yet.
const NOBODY: u32 = !MANY;
/// The slots that readers may have are below it.
pub(super) const MAX_SLOT: u32 = NOBODY;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Asleep,
    Awake,
    Queued,
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;

    /// Every short sequence of what can happen to a roster, against a map from reader to part.
    #[test]
    fn parts_and_places_are_right_whatever_happens() {
        const ACTS: usize = 16;
        for sequence in 0..ACTS.pow(4) {
            let mut roster = Roster::default();
            let mut parts: BTreeMap<u32, Part> = BTreeMap::new();
            let mut places: BTreeMap<u32, usize> = BTreeMap::new();
            let mut left = sequence;
            for slot in [100, 101, 102] {
                add(&mut roster, &mut parts, &mut places, slot);
            }
            for step in 0..4 {
                let act = left % ACTS;
                left /= ACTS;
                match act {
                    0 => add(&mut roster, &mut parts, &mut places, step),
                    1 | 2 => {
                        roster.queue_all();
                        parts.values_mut().filter(|part| **part == Part::Asleep).for_each(|part| *part = Part::Queued);
                    }
                    3 | 4 => {
                        roster.begin_turn();
                        let woken = roster.wake_next();
                        assert_eq!(woken.is_some(), parts.values().any(|part| *part == Part::Queued));
                        if let Some((woken, many)) = woken {
                            assert_eq!(many, woken.is_multiple_of(2));
                            assert_eq!(parts.insert(woken, Part::Awake), Some(Part::Queued));
                        }
                    }
                    nth => {
                        let Some(slot) = parts.keys().copied().nth((nth - 5) % 4) else { continue };
                        let at = places[&slot];
                        if nth < 9 {
                            roster.wake(at, |slot, at| _ = places.insert(slot, at));
                            parts.insert(slot, Part::Awake);
                            assert!(roster.is_awake(places[&slot]));
                        } else if nth < 13 {
                            roster.put_asleep(at, |slot, at| _ = places.insert(slot, at));
                            parts.insert(slot, Part::Asleep);
                        } else {
                            roster.remove(at, |slot, at| _ = places.insert(slot, at));
                            parts.remove(&slot);
                            places.remove(&slot);
                        }
                    }
                }
                for (slot, at) in &places {
                    assert_eq!(roster.places.get(*at).map(|place| place & !MANY), Some(*slot), "{sequence} {step}");
                    assert!(roster.part(roster.offset(*at)) == parts[slot], "{sequence} {step} {slot}");
                }
                assert_eq!(roster.places.len(), parts.len());
                assert_eq!(roster.not_asleep().count(), parts.values().filter(|part| **part != Part::Asleep).count());
            }
        }
    }

    fn add(roster: &mut Roster, parts: &mut BTreeMap<u32, Part>, places: &mut BTreeMap<u32, usize>, slot: u32) {
        let at = roster.push();
        places.insert(slot, at);
        roster.set(at, slot, slot.is_multiple_of(2), |slot, at| _ = places.insert(slot, at));
        parts.insert(slot, Part::Asleep);
    }
}
