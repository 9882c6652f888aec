//! Parses one stream with one parser a given number of times: `instructions PARSER WORKLOAD CHUNK EVENTS-BYTES PASSES`.
//!
//! Two runs under callgrind that differ in the passes give the instructions per event: see the script `instructions`.

use tidewire_benches::feed::cut;
use tidewire_benches::parsers;
use tidewire_benches::sink::Sink;
use tidewire_benches::workloads::Workload;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [parser, workload, chunk, size, passes] = &arguments[..] else {
        eprintln!("usage: instructions PARSER WORKLOAD CHUNK SIZE PASSES");
        std::process::exit(2);
    };
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let parser = parsers::ALL.into_iter().find(|one| one.name == parser).expect("a parser of the list");
    let chunks = cut(&Workload::named(workload).expect("a workload of the list").stream(number(size)), number(chunk));
    let mut sink = Sink::default();
    for _ in 0..number(passes) {
        (parser.parse)(&chunks, &mut sink);
    }
    let passes = number(passes).max(1) as u64;
    println!("{}", sink.sums().0 / passes);
}
