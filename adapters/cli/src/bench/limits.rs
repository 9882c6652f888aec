//! What the system lets one program have: descriptors, and ports towards one address.

use std::fs;

use crate::args::Bench;
use crate::exit::{Exit, Failure};
use crate::{descriptors, output};

/// Makes sure that so many readers can be, or says how they could.
pub(super) fn prepare(args: &Bench) -> Result<(), Failure> {
    let readers = args.readers.get() as u64;
    let needed = readers + OTHERS;
    if let Err(most) = descriptors::allow(needed) {
        return Err(Failure::new(
            Exit::Failed,
            format!(
                "{readers} readers need {needed} descriptors, and the system lets this program have {most}: first run \
                 `ulimit -n {needed}`, as root if the shell refuses; or take --readers {}",
                most.saturating_sub(OTHERS).max(1)
            ),
        ));
    }
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    if let Some(ports) =
        range.and_then(|range| ports(&range)).filter(|ports| *ports < readers && args.network.unix_socket.is_none())
    {
        output::tell(&format!(
            "tidewire: {readers} readers of one address need as many local ports, and the system has {ports}; for more, as \
             root: sysctl -w net.ipv4.ip_local_port_range='1024 65535'"
        ));
    }
    Ok(())
}

/// Returns how many local ports connections to one address can have, of the system's first and last.
fn ports(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some(last.checked_sub(first)? + 1)
}

/// How long the program has run on processors, in seconds, where the system tells.
pub(super) fn processor_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may have spaces; utime and stime are the 14th and 15th field.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).map(str::parse::<u64>);
    let ticks = fields.next()?.ok()? + fields.next()?.ok()?;
    Some(ticks as f64 / TICKS)
}

/// Standard streams, the runtime's own, what is published, and some to spare.
const OTHERS: u64 = 64;

/// USER_HZ of Linux, the same everywhere.
const TICKS: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_a_range_are_counted_with_both_ends() {
        assert_eq!(ports("32768\t60999\n"), Some(28_232));
        assert_eq!(ports("7 7"), Some(1));
        for nonsense in ["", "1", "2 1", "a b"] {
            assert_eq!(ports(nonsense), None, "{nonsense}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_time_on_processors_grows_with_work() {
        let before = processor_time().expect("Linux tells");
        let mut spun = 0_u64;
        while processor_time().expect("Linux tells") < before + 0.03 {
            spun += 1;
        }
        assert!(spun > 0);
    }
}
