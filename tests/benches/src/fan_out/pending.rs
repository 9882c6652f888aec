//! The block that tasks wait for: the last batches, and the wakers of all who have read them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bytes::Bytes;

/// Batches that are shared by all readers.
#[derive(Debug, Default)]
pub struct Pending {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the first that is kept.
    first: u64,
    blocks: VecDeque<Bytes>,
    wakers: Vec<Waker>,
}

impl Pending {
    /// Appends a batch and wakes all who wait.
    pub fn publish(&self, block: Bytes) {
        let wakers = {
            let mut state = self.lock();
            state.blocks.push_back(block);
            if state.blocks.len() > KEPT {
                state.blocks.pop_front();
                state.first += 1;
            }
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns the number of the next batch.
    pub fn head(&self) -> u64 {
        let state = self.lock();
        state.first + state.blocks.len() as u64
    }

    /// Waits for the batch behind `cursor`.
    pub async fn next(&self, cursor: &mut u64) -> Bytes {
        poll_fn(|context| {
            let mut state = self.lock();
            let at = cursor.saturating_sub(state.first) as usize;
            if let Some(block) = state.blocks.get(at) {
                *cursor += 1;
                return Poll::Ready(block.clone());
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More than any reader of these loads falls behind.
const KEPT: usize = 256;
