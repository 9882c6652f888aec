use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Makes room for one more, an eighth at a time: doubling would leave half of what a large log takes unused.
pub(super) fn for_one_more<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 8 + LEAST);
    }
}

/// As [`for_one_more`], in a queue.
pub(super) fn for_one_more_in<T>(queue: &mut VecDeque<T>) {
    if queue.len() == queue.capacity() {
        queue.reserve_exact(queue.len() / 8 + LEAST);
    }
}

/// Gives back the room of a queue of which more than a quarter is unused.
pub(super) fn give_back<T>(queue: &mut VecDeque<T>) {
    if queue.len() < queue.capacity() / 4 * 3 {
        queue.shrink_to(queue.len() + queue.len() / 8 + LEAST / 2);
    }
}

const LEAST: usize = 4;
