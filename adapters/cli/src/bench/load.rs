//! The threads of readers: each has a runtime of its own, so that nothing is shared on the way of an event.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures_lite::future;
use smol::channel::{self, Receiver, Sender};
use tidewire_core::client::{Config, Event};
use tidewire_tls::Client;

use super::run::{Run, lock};
use super::shard::Shard;
use super::tally::{Missing, Tally};
use crate::args::Runtime;
use crate::exit::{Exit, Failure};

/// How readers connect, and when.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    pub(super) count: usize,
    pub(super) threads: NonZeroUsize,
    /// How many connect a second; 0: all at once.
    pub(super) ramp: u32,
    pub(super) runtime: Runtime,
    pub(super) config: Config,
    pub(super) tls: Client,
}

/// The threads at work.
#[derive(Debug)]
pub(super) struct Load {
    shards: Vec<Arc<Mutex<Shard>>>,
    threads: Vec<JoinHandle<Result<(), Failure>>>,
    /// Closed to end them.
    stop: Sender<()>,
}

impl Load {
    /// Starts the threads; the first reader connects at once.
    pub(super) fn start(readers: &Readers, run: &Arc<Run>) -> Result<Self, Failure> {
        let (stop, stopped) = channel::bounded(1);
        let mut load = Self { shards: Vec::new(), threads: Vec::new(), stop };
        let count = readers.threads.get().min(readers.count);
        for number in 0..count {
            let part = Part { readers: readers.clone(), first: number, step: count, start: Instant::now() };
            let shard = Arc::new(Mutex::new(Shard::new(part.indices().count())));
            load.shards.push(Arc::clone(&shard));
            let (run, stopped) = (Arc::clone(run), stopped.clone());
            let work = move || part.work(&shard, &run, &stopped);
            let spawned = thread::Builder::new().name(format!("readers-{number}")).spawn(work);
            load.threads.push(spawned.map_err(|error| failed(format!("cannot start a thread: {error}")))?);
        }
        Ok(load)
    }

    /// Returns what was measured so far.
    pub(super) fn tally(&self) -> Tally {
        let mut sum = Tally::new();
        self.shards.iter().for_each(|shard| sum.add(&lock(shard).tally));
        sum
    }

    /// Returns what is missing of the messages below `end`, those in `except` aside.
    pub(super) fn missing(&self, end: u64, except: &[u64]) -> Missing {
        self.shards.iter().fold(Missing::default(), |sum, shard| {
            let missing = Missing::of(lock(shard).sequences(), end, except);
            Missing { events: sum.events + missing.events, readers: sum.readers + missing.readers }
        })
    }

    /// Returns the exit code that the first failure of a reader would have.
    pub(super) fn failed(&self) -> Option<Exit> {
        self.shards.iter().find_map(|shard| lock(shard).failed)
    }

    /// Returns whether a thread ended before it was told to.
    pub(super) fn is_broken(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends the threads, and with them all connections.
    pub(super) fn stop(&mut self) -> Result<(), Failure> {
        self.stop.close();
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| failed("a thread of readers panicked".into()))??;
        }
        Ok(())
    }
}

/// The readers of one thread: every `step`th from `first` on.
struct Part {
    readers: Readers,
    first: usize,
    step: usize,
    start: Instant,
}

impl Part {
    fn work(&self, shard: &Arc<Mutex<Shard>>, run: &Arc<Run>, stopped: &Receiver<()>) -> Result<(), Failure> {
        // An error means that the sender is gone: a reason to end as well.
        let stop = async { stopped.recv().await.map_or((), |()| ()) };
        match self.readers.runtime {
            Runtime::Tokio => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| failed(format!("cannot start tokio: {error}")))?;
                let connector = tidewire_tokio::Connector::new().with_tls(self.readers.tls.clone());
                let tasks = tokio::task::LocalSet::new();
                let spawn = |reader: usize| {
                    let config = self.readers.config.clone();
                    let mut source = tidewire_tokio::EventSource::with_connector(config, connector.clone());
                    let (shard, run) = (Arc::clone(shard), Arc::clone(run));
                    tasks.spawn_local(async move { follow(async || source.next().await, reader, &shard, &run).await });
                };
                tasks.block_on(&runtime, future::or(stop, self.ramp(spawn)));
            }
            Runtime::Smol => {
                let connector = tidewire_smol::Connector::new().with_tls(self.readers.tls.clone());
                let tasks = smol::LocalExecutor::new();
                let spawn = |reader: usize| {
                    let config = self.readers.config.clone();
                    let mut source = tidewire_smol::EventSource::with_connector(config, connector.clone());
                    let (shard, run) = (Arc::clone(shard), Arc::clone(run));
                    let following = async move { follow(async || source.next().await, reader, &shard, &run).await };
                    tasks.spawn(following).detach();
                };
                smol::block_on(tasks.run(future::or(stop, self.ramp(spawn))));
            }
        }
        Ok(())
    }

    /// Starts one reader after the other, and never ends.
    async fn ramp(&self, mut spawn: impl FnMut(usize)) {
        for (reader, index) in self.indices().enumerate() {
            let at = match self.readers.ramp {
                0 => Duration::ZERO,
                ramp => Duration::from_secs_f64(index as f64 / f64::from(ramp)),
            };
            smol::Timer::at(self.start + at).await;
            spawn(reader);
        }
        future::pending().await
    }

    fn indices(&self) -> impl Iterator<Item = usize> {
        (self.first..self.readers.count).step_by(self.step)
    }
}

/// Follows the stream as one of the readers.
async fn follow(mut next: impl AsyncFnMut() -> Option<Event>, reader: usize, shard: &Mutex<Shard>, run: &Run) {
    lock(shard).begin(reader, run);
    while let Some(event) = next().await {
        lock(shard).take(reader, run, &event);
    }
}

fn failed(message: String) -> Failure {
    Failure::new(Exit::Failed, message)
}
