//! `tidewire bench`: loads an SSE server with readers, publishes to it, and measures.
//!
//! [`load`] runs the readers on threads of their own, each thread with its [`shard`] of what was measured; [`publisher`]
//! publishes to the clock of [`schedule`]; [`stamp`] and [`sequence`] know the messages again; [`report`] tells it all.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future;
use smol::channel::{self, Receiver};
use tidewire_core::client::Config;
use tidewire_core::sse::EventId;
use tidewire_smol::Connector;

use crate::args::Bench;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::stop::{self, Cause};

mod histogram;
mod limits;
mod load;
mod numbers;
mod progress;
mod publisher;
mod report;
mod run;
mod schedule;
mod sequence;
mod shard;
mod stamp;
mod tally;
mod target;

use load::{Load, Readers};
use progress::Progress;
use publisher::{Published, Publisher};
use report::Report;
use run::{Run, lock, micros};
use schedule::Schedule;
use target::Target;

pub(crate) fn run(args: &Bench) -> Result<(), Failure> {
    let config = config(args)?;
    let tls = args.network.tls()?;
    let target = Target::of(args, &config.url, &config.fields)?;
    limits::prepare(args)?;
    let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let readers = Readers {
        count: args.readers.get(),
        threads: args.threads.unwrap_or(processors),
        ramp: args.ramp,
        runtime: args.runtime,
        config,
        tls,
    };
    let stopped = stop::watch(None, Some(GRACE))?;
    let bench = Running { args, readers: &readers, target: target.as_ref(), stopped };
    let (report, failed) = bench.measure()?;
    let exit = report.exit(failed);
    let mut out = Output::new();
    let lines = if args.json { vec![report.json(exit).to_string()] } else { report.text() };
    for line in lines {
        out.lines.extend_from_slice(output::printable(&line).as_bytes());
        out.lines.push(b'\n');
    }
    out.flush()?;
    if exit == Exit::Done { Ok(()) } else { Err(Failure { exit, message: why(&report, exit) }) }
}

/// What a run is made of.
struct Running<'a> {
    args: &'a Bench,
    readers: &'a Readers,
    target: Option<&'a Target>,
    stopped: Receiver<Cause>,
}

impl<'a> Running<'a> {
    /// Connects, publishes, and waits for the rest; returns the report, and the exit code of the first failure of a reader.
    fn measure(&self) -> Result<(Report<'a>, Option<Exit>), Failure> {
        let (args, run) = (self.args, Arc::new(Run::start()));
        let (began, worked) = (Instant::now(), limits::processor_time());
        let mut load = Load::start(self.readers, &run)?;
        let mut progress = Progress::new();
        let mut interrupted = self.connect(&load, &mut progress);
        let mut report = Report {
            args,
            url: self.readers.config.url.to_string(),
            threads: self.readers.threads.get(),
            tally: tally::Tally::new(),
            missing: tally::Missing::default(),
            published: None,
            listened: 0,
            processors: None,
            interrupted: false,
        };
        if !interrupted && load.tally().opened > 0 {
            // A server may subscribe its readers a moment after it answers them.
            interrupted = self.wait(SETTLE);
            match self.target {
                Some(target) => {
                    let published = self.publish(target, &load, &run, &mut progress, &mut interrupted)?;
                    report.missing = load.missing(published.sent, &published.unaccepted);
                    report.published = Some(published);
                }
                None => report.listened = self.listen(&load, &mut progress, &mut interrupted),
            }
        }
        progress.end();
        report.tally = load.tally();
        report.interrupted = interrupted;
        let failed = load.failed();
        load.stop()?;
        let seconds = began.elapsed().as_secs_f64();
        report.processors = worked.zip(limits::processor_time()).map(|(before, after)| (after - before) / seconds);
        Ok((report, failed))
    }

    /// Waits until all readers have tried; returns whether the run was interrupted.
    fn connect(&self, load: &Load, progress: &mut Progress) -> bool {
        let all = self.readers.count as u64;
        loop {
            let tally = load.tally();
            if tally.tried >= all || load.is_broken() {
                return false;
            }
            progress.show("connecting", tally.tried, all, || tally);
            if self.wait(TICK) {
                return true;
            }
        }
    }

    fn publish(
        &self,
        target: &Target,
        load: &Load,
        run: &Run,
        progress: &mut Progress,
        interrupted: &mut bool,
    ) -> Result<Published, Failure> {
        let args = self.args;
        let schedule = Schedule { rate: args.rate, burst: args.burst.get() as u64 };
        let messages = args.messages.unwrap_or_else(|| schedule.count(args.duration.unwrap_or(DURATION)));
        let published = Mutex::new(Published::new());
        let publisher = Publisher {
            target,
            schedule,
            messages,
            size: args.size,
            timeout: args.timeout,
            way: self.way(target)?,
            connector: Connector::new().with_tls(self.readers.tls.clone()),
            run,
            published: &published,
        };
        run.begin_publishing();
        thread::scope(|scope| {
            // Dropped at the end of this scope's body, which ends the publisher too.
            let (stop, stopping) = channel::bounded(1);
            let thread = thread::Builder::new().name("publisher".into());
            let thread = thread.spawn_scoped(scope, move || smol::block_on(publisher.publish(&stopping)));
            let thread =
                thread.map_err(|error| Failure::new(Exit::Failed, format!("cannot start a thread: {error}")))?;
            while !*interrupted && !thread.is_finished() {
                progress.show("publishing", lock(&published).sent, messages, || load.tally());
                *interrupted = self.wait(TICK);
            }
            drop(stop);
            thread.join().map_err(|_| Failure::new(Exit::Failed, "the thread that publishes panicked"))
        })?;
        let published = lock(&published).clone();
        self.await_rest(load, &published, progress, interrupted);
        Ok(published)
    }

    /// Waits until every reader has everything, or nothing more comes. What is under way when the run is interrupted is not missing.
    fn await_rest(&self, load: &Load, published: &Published, progress: &mut Progress, interrupted: &mut bool) {
        let (mut before, mut since) = (0, Instant::now());
        while load.missing(published.sent, &published.unaccepted).events > 0 {
            let fresh = load.tally().fresh();
            if fresh > before {
                (before, since) = (fresh, Instant::now());
            }
            let patience = if *interrupted { TICK * 10 } else { self.args.timeout.min(QUIET) };
            if since.elapsed() > patience {
                return;
            }
            progress.show("awaiting the rest", fresh, fresh, || load.tally());
            *interrupted |= self.wait(TICK);
        }
        // What comes twice comes right behind.
        *interrupted |= self.wait(SETTLE);
    }

    /// Counts what comes for as long as asked; returns how long that was.
    fn listen(&self, load: &Load, progress: &mut Progress, interrupted: &mut bool) -> u64 {
        let (start, time) = (Instant::now(), self.args.duration.unwrap_or(DURATION));
        while !*interrupted && start.elapsed() < time && !self.has_enough(load) {
            progress.show("listening", start.elapsed().as_secs(), time.as_secs(), || load.tally());
            *interrupted = self.wait(TICK.min(time.saturating_sub(start.elapsed())));
        }
        micros(start.elapsed())
    }

    /// Whether as many events came as `--messages` says each reader gets.
    fn has_enough(&self, load: &Load) -> bool {
        let tally = load.tally();
        self.args.messages.is_some_and(|messages| tally.others >= messages * tally.opened)
    }

    /// Lets time pass; returns whether the run was interrupted meanwhile.
    fn wait(&self, time: Duration) -> bool {
        let interrupted = async {
            // An error would mean that nobody watches for signals any more: a reason to end as well.
            let _ = self.stopped.recv().await;
            true
        };
        smol::block_on(future::or(interrupted, async {
            smol::Timer::after(time).await;
            false
        }))
    }

    /// By which way what is published goes.
    fn way(&self, target: &Target) -> Result<Config, Failure> {
        let mut way = Config::new(target.url.clone());
        self.args.network.apply(&mut way)?;
        Ok(way)
    }
}

fn config(args: &Bench) -> Result<Config, Failure> {
    let mut config = Config::new(crate::target::http_url(&args.url)?);
    config.fields = crate::target::fields(&args.header, args.bearer.as_deref())?;
    config.last_event_id = args
        .last_event_id
        .clone()
        .map(EventId::new)
        .transpose()
        .map_err(|error| Failure::new(Exit::Usage, format!("--last-event-id: {error}")))?;
    for limit in [
        &mut config.resolve_timeout,
        &mut config.connect_timeout,
        &mut config.tunnel_timeout,
        &mut config.tls_timeout,
        &mut config.head_timeout,
    ] {
        *limit = Some(args.timeout);
    }
    args.network.apply(&mut config)?;
    Ok(config)
}

/// Says in a sentence why the exit code is not 0.
fn why(report: &Report<'_>, exit: Exit) -> String {
    let gave_up = report.published.as_ref().and_then(|published| published.gave_up.as_ref());
    match (exit, gave_up) {
        (Exit::Interrupted, _) => String::new(),
        (_, Some(failure)) => failure.message.clone(),
        (Exit::Faulty, _) => "not every reader got every event once and in order; see the report".into(),
        _ => {
            let cause = report.tally.failures.iter().max_by_key(|(_, count)| **count);
            let cause = cause.map(|(cause, _)| cause.as_str()).unwrap_or("no reader could connect");
            format!("{}: {cause}", report.url)
        }
    }
}

const DURATION: Duration = Duration::from_secs(10);
/// How often it is looked whether something ended.
const TICK: Duration = Duration::from_millis(50);
const SETTLE: Duration = Duration::from_millis(200);
/// After such a silence the rest does not come any more.
const QUIET: Duration = Duration::from_secs(3);
/// How long a run that is over may take to say so.
const GRACE: Duration = Duration::from_secs(10);
