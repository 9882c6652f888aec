//! What compression costs a connection in memory: idle, in use, between messages. It counts all the heap, so it stands alone.

use tidewire_core::ws::deflate::{Compressor, Config, Context, Deflater, Inflater, Params, WindowBits};
use tidewire_core::ws::{self, Agreed, Connection, Event, Prepared};
use tidewire_core::{Instant, Protocol};
use tidewire_tests::heap::Heap;

#[global_allocator]
static HEAP: Heap = Heap;

const NOW: Instant = Instant::START;

#[test]
fn memory_is_what_the_module_says() {
    // Idle, it is two boxes.
    let plain = held(|| connection(None));
    let idle = held(|| connection(Some(both(Context::ALONE)))) - plain;
    assert!((1..=400).contains(&idle), "idle: {idle}");

    // Without takeover nothing is held between messages; with it, what each direction needs.
    let used = held(|| spoken(Context::ALONE)) - plain;
    assert_eq!(used, idle, "between messages");
    let kept = held(|| spoken(Context::SHARED)) - plain;
    println!("idle {idle}, with takeover both ways after a message each way {kept}");
    assert!((350_000..=380_000).contains(&kept), "{kept}");

    let mut config = Config::default();
    config.min_len = 0;
    for (bits, most) in [(15, 44_000), (12, 15_500), (9, 11_900), (8, 11_900)] {
        let context = Context { takeover: true, bits: WindowBits::new(bits).unwrap() };
        let inflater = held(|| {
            let mut inflater = Inflater::new(context, &config, 1 << 20);
            inflater.inflate(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], true, |_| Ok(())).unwrap();
            inflater
        });
        println!("inflater of {bits} bits: {inflater}");
        assert!((most * 9 / 10..=most).contains(&inflater), "{bits}: {inflater}");
    }
    let deflater = held(|| {
        let mut deflater = Deflater::new(Context::SHARED, &config);
        assert!(deflater.deflate(b"Hello", &mut Vec::new()));
        deflater
    });
    println!("deflater {deflater}");
    assert!((300_000..=325_000).contains(&deflater), "{deflater}");

    // One for all: what is sent to many costs each a count.
    let mut compressor = Compressor::default();
    let mut prepared = Prepared::text(&"the tide is high ".repeat(100));
    prepared.compress(&mut compressor);
    let mut all: Vec<Connection> = (0..100).map(|_| connection(Some(both(Context::ALONE)))).collect();
    for connection in &mut all {
        connection.send_shared(NOW, &prepared).unwrap();
    }
    let before = Heap::live();
    let pieces: Vec<_> = all.iter_mut().filter_map(Connection::poll_transmit).collect();
    let grown = Heap::live() - before;
    assert_eq!((pieces.len(), compressor.compressed()), (100, 1));
    assert!(grown <= (pieces.capacity() * size_of::<bytes::Bytes>()) as isize, "{grown}");
}

/// A server's connection on which a compressed message went each way.
fn spoken(context: Context) -> Connection {
    let mut connection = connection(Some(both(context)));
    let text = "the tide is high ".repeat(100);
    connection.send_text(NOW, &text).unwrap();
    let sent = connection.poll_transmit().unwrap();
    assert!(sent.len() < text.len() / 5);
    assert_eq!(connection.poll_transmit(), None);
    // "Hello", masked with zeros.
    connection.handle_input(NOW, &[0xc1, 0x87, 0, 0, 0, 0, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    assert_eq!(connection.poll_event(), Some(Event::Message("Hello".into())));
    assert_eq!(connection.poll_event(), None);
    connection
}

fn connection(deflate: Option<Params>) -> Connection {
    let mut config = ws::Config::default();
    config.deflate = Some(Config::default());
    let mut agreed = Agreed::default();
    agreed.deflate = deflate;
    Connection::server(config, &agreed, NOW)
}

const fn both(context: Context) -> Params {
    Params { server: context, client: context }
}

/// Returns how many bytes of heap there are more while there is what `make` makes.
fn held<T>(make: impl FnOnce() -> T) -> isize {
    let before = Heap::live();
    let made = make();
    let held = Heap::live() - before;
    drop(made);
    assert_eq!(Heap::live(), before, "all of it is given back");
    held
}
