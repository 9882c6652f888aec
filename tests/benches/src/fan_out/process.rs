//! What the kernel counts of a process, and on which core it runs.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Pins this process to a core of those that it may use: the first, or the last.
///
/// # Errors
///
/// When the kernel says no.
pub fn pin(core: Core) -> io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let chosen = match core {
        Core::First => cores.next(),
        Core::Last => cores.last(),
    };
    let mut set = CpuSet::new();
    set.set(chosen.ok_or(io::ErrorKind::NotFound)?);
    sched_setaffinity(None, &set)?;
    Ok(())
}

/// Where a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// The servers.
    First,
    /// The load.
    Last,
}

/// Raises the limit on descriptors as far as it goes, and returns it.
pub fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // What it is then is returned below.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Processor time of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processor {
    /// All of it.
    pub all: Duration,
    /// Its part outside the kernel, by the kernel's ticks.
    pub user: Duration,
}

/// Returns what all living threads of a process have used.
///
/// # Errors
///
/// When it is not there.
pub fn processor(id: u32) -> io::Result<Processor> {
    let mut all = 0;
    for task in fs::read_dir(format!("/proc/{id}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        all += text.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
    }
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // Behind the name, which may hold anything; utime and stime are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Ok(Processor { all: Duration::from_nanos(all), user: Duration::from_millis(10 * ticks(11)) })
}

/// Returns the anonymous memory of a process in bytes.
///
/// # Errors
///
/// When it is not there.
pub fn memory(id: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Returns the bytes that the kernel holds for the other end of a connection on this machine, by `ss` (Debian's iproute2).
///
/// # Errors
///
/// When it is not there, or says nothing.
pub fn kernel_memory(socket: &TcpStream) -> io::Result<u64> {
    let (ours, theirs) = (socket.local_addr()?.port(), socket.peer_addr()?.port());
    let filter = format!("sport = :{theirs} and dport = :{ours}");
    let out = Command::new("ss").args(["-tmnH", &filter]).output()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    // skmem:(r0,rb131072,t0,tb2626560,f0,w0,o0,bl0,d0): received, sent, forward allocated and queued to be written.
    let memory = text.split("skmem:(").nth(1).and_then(|rest| rest.split(')').next()).ok_or(io::ErrorKind::NotFound)?;
    let of = |name: &str| {
        memory.split(',').filter_map(|field| field.strip_prefix(name)?.parse::<u64>().ok()).next().unwrap_or(0)
    };
    Ok(of("r") + of("f") + of("w"))
}
