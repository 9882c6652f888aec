use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;

use tidewire_core::channels::{Batch, Load};

use crate::repository::{Loading, Repository, RepositoryError};

/// A [`Repository`] of a function that blocks, such as a query of a database: it is called on threads of its own.
///
/// They are started as they are needed, are no more than it was made with, and end with it. A question that was given up
/// before a thread took it is not asked.
pub struct Blocking<F> {
    shared: Arc<Shared<F>>,
}

impl<F> Blocking<F>
where
    F: Fn(&Load) -> Result<Batch, RepositoryError> + Send + Sync + 'static,
{
    /// Calls `following` on at most that many threads, at least one.
    pub fn new(max_threads: usize, following: F) -> Self {
        let queue = Queue { jobs: VecDeque::new(), threads: 0, idle: 0, over: false };
        let max_threads = max_threads.max(1);
        Self { shared: Arc::new(Shared { following, max_threads, queue: Mutex::new(queue), more: Condvar::new() }) }
    }
}

impl<F> Repository for Blocking<F>
where
    F: Fn(&Load) -> Result<Batch, RepositoryError> + Send + Sync + 'static,
{
    fn following<'a>(&'a self, load: &'a Load) -> Loading<'a> {
        Loading::new(async move {
            let job = Arc::new(Job { load: load.clone(), state: Mutex::new(JobState::default()) });
            self.shared.push(Arc::clone(&job))?;
            let _asked = Asked(Arc::clone(&job));
            poll_fn(|context| {
                let mut state = job.lock();
                match state.answer.take() {
                    Some(answer) => Poll::Ready(answer),
                    None => {
                        state.waker = Some(context.waker().clone());
                        Poll::Pending
                    }
                }
            })
            .await
        })
    }
}

impl<F> Drop for Blocking<F> {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.more.notify_all();
    }
}

impl<F> fmt::Debug for Blocking<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").field("max_threads", &self.shared.max_threads).finish_non_exhaustive()
    }
}

struct Shared<F> {
    following: F,
    max_threads: usize,
    queue: Mutex<Queue>,
    more: Condvar,
}

struct Queue {
    jobs: VecDeque<Arc<Job>>,
    threads: usize,
    /// Threads that wait for a job.
    idle: usize,
    over: bool,
}

struct Job {
    load: Load,
    state: Mutex<JobState>,
}

#[derive(Default)]
struct JobState {
    given_up: bool,
    answer: Option<Result<Batch, RepositoryError>>,
    waker: Option<Waker>,
}

impl Job {
    fn lock(&self) -> MutexGuard<'_, JobState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose answer is no longer waited for once this is dropped.
struct Asked(Arc<Job>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.lock().given_up = true;
    }
}

impl<F> Shared<F>
where
    F: Fn(&Load) -> Result<Batch, RepositoryError> + Send + Sync + 'static,
{
    fn push(self: &Arc<Self>, job: Arc<Job>) -> Result<(), RepositoryError> {
        let mut queue = self.lock();
        queue.jobs.push_back(job);
        if queue.idle >= queue.jobs.len() || queue.threads >= self.max_threads {
            drop(queue);
            self.more.notify_one();
            return Ok(());
        }
        queue.threads += 1;
        drop(queue);
        let shared = Arc::clone(self);
        let started = thread::Builder::new().name("tidewire-repository".into()).spawn(move || shared.work());
        if let Err(error) = started {
            let mut queue = self.lock();
            queue.threads -= 1;
            if queue.threads == 0 {
                // Nobody is left to take it.
                queue.jobs.clear();
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if queue.over {
                return;
            }
            let Some(job) = queue.jobs.pop_front() else {
                queue.idle += 1;
                queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
                continue;
            };
            drop(queue);
            if !job.lock().given_up {
                let answer = catch_unwind(AssertUnwindSafe(|| (self.following)(&job.load)));
                let answer = answer.unwrap_or_else(|_| Err("the repository panicked".into()));
                let waker = {
                    let mut state = job.lock();
                    state.answer = Some(answer);
                    state.waker.take()
                };
                waker.into_iter().for_each(Waker::wake);
            }
            queue = self.lock();
        }
    }
}

impl<F> Shared<F> {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
