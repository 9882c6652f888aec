//! Counts what each parser allocates per event: `allocations`.

use tidewire_benches::counting::Counting;
use tidewire_benches::feed::cut;
use tidewire_benches::parsers::{self, Kind};
use tidewire_benches::sink::Sink;
use tidewire_benches::workloads;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    Counting::start();
    println!("allocations and bytes allocated per event");
    for size in [1400, 16 << 10] {
        for workload in workloads::ALL {
            let chunks = cut(&workload.stream(2 << 20), size);
            println!("\n{} in chunks of {size}", workload.name);
            for contestant in parsers::ALL.into_iter().filter(|one| one.kind != Kind::Bound) {
                let mut sink = Sink::default();
                let before = Counting::sums();
                (contestant.parse)(&chunks, &mut sink);
                let after = Counting::sums();
                let (count, bytes) = (after.0 - before.0, after.1 - before.1);
                let events = sink.sums().0.max(1) as f64;
                println!("  {:<20} {:>8.3} {:>12.1}", contestant.name, count as f64 / events, bytes as f64 / events);
            }
        }
    }
}
