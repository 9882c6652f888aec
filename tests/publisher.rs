//! Publishing to one server from many threads at once.

use std::collections::BTreeSet;
use std::thread;

use tidewire_core::channels::{Read, Subscribe};
use tidewire_core::log::{EventId, ReaderId};
use tidewire_core::sse::{Event, Message, Parser};
use tidewire_std::{Broadcaster, EventServer, EventServerConfig};

#[test]
fn what_many_threads_publish_has_ids_of_its_own_and_comes_in_their_order() {
    let server = EventServer::new(EventServerConfig::default());
    let reader = subscribe(server.broadcaster());
    let threads = (0..THREADS).map(|thread| {
        let publisher = server.publisher();
        thread::spawn(move || {
            let publish = |number| publisher.publish(["news"], &format!("{thread} {number}")).expect("it is taken");
            (0..EACH).map(publish).collect::<Vec<EventId>>()
        })
    });
    let threads: Vec<_> = threads.collect();
    let ids: Vec<Vec<EventId>> = threads.into_iter().map(|thread| thread.join().expect("it ends")).collect();
    assert!(ids.iter().all(|of_one| of_one.is_sorted()), "each thread's own are in its order");
    let ids: BTreeSet<EventId> = ids.into_iter().flatten().collect();
    assert_eq!(ids.len(), THREADS * EACH, "no id is given twice");

    let messages = read(server.broadcaster(), reader);
    let given: Vec<EventId> = messages.iter().map(|message| message.own_id().unwrap().parse().unwrap()).collect();
    assert_eq!(given, ids.into_iter().collect::<Vec<_>>(), "each comes once, in the order of the ids");
    for thread in 0..THREADS {
        let of_one = messages.iter().filter_map(|message| message.data().strip_prefix(&format!("{thread} ")));
        assert!(of_one.map(|number| number.parse::<usize>().unwrap()).eq(0..EACH), "thread {thread}");
    }
}

#[test]
fn what_was_published_is_a_copy() {
    let server = EventServer::new(EventServerConfig::default());
    let reader = subscribe(server.broadcaster());
    let mut text = String::from("before");
    server.publisher().publish(["news"], &text).unwrap();
    text.replace_range(.., "behind");
    let messages = read(server.broadcaster(), reader);
    assert_eq!((messages[0].data(), text.as_str()), ("before", "behind"));
}

fn subscribe(broadcaster: &Broadcaster) -> ReaderId {
    broadcaster.with(|channels, now| {
        let guest = channels.admit(None).expect("there is room");
        let asked = Subscribe { guest, channels: &["news"], last_event_id: None };
        channels.subscribe(now, asked).expect("it begins").reader
    })
}

fn read(broadcaster: &Broadcaster, reader: ReaderId) -> Vec<Message> {
    let mut bytes = Vec::new();
    broadcaster.with(|channels, now| {
        while let Some(Read::Burst { burst, .. }) = channels.read(now, reader, usize::MAX) {
            bytes.extend_from_slice(&burst.bytes());
        }
    });
    let message = |event| match event {
        Ok(Event::Message(message)) => message,
        other => panic!("{other:?}"),
    };
    Parser::new().feed(&bytes).owned().map(message).collect()
}

const THREADS: usize = 8;
const EACH: usize = 250;
