//! What is between them: bytes that move a few at a time, that wait, and that are cut.

use std::collections::VecDeque;

use tidewire_core::channels::{Answer, Read};
use tidewire_core::client::{self, ConnectError, Reason};
use tidewire_core::http::coding::CodingError;
use tidewire_core::log::EventId;
use tidewire_core::server::{self, Session};
use tidewire_core::{Closing, Protocol, Random};

use super::store::OWN;
use super::{Fleet, Link, UNIX};

impl Fleet {
    /// Lets everything happen that needs no time.
    ///
    /// # Panics
    ///
    /// When it does not come to rest, or something is not as it has to be.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            let mut moved = self.answer_loads();
            for reader in 0..self.readers.len() {
                moved |= self.step(reader);
            }
            if !moved {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// Breaks the connection of a reader where it is.
    pub fn break_link(&mut self, reader: usize) {
        let now = self.now;
        let Some(link) = self.readers[reader].link.take() else { return };
        self.leave(link);
        if self.random.next_u64().is_multiple_of(2) {
            self.readers[reader].client.handle_reset(now);
        } else {
            self.readers[reader].client.handle_eof(now);
        }
    }

    fn step(&mut self, reader: usize) -> bool {
        if let Some(event) = self.readers[reader].client.poll_event() {
            self.hear(reader, &event);
            return true;
        }
        self.wake();
        let moved = self.connect(reader) | self.client_sends(reader) | self.server_acts(reader);
        let fed = self.server_feeds(reader);
        let sent = self.server_sends(reader) | self.client_takes(reader);
        moved | fed | sent | self.ends(reader)
    }

    /// Holds what a reader is told to the ledger.
    fn hear(&mut self, number: usize, event: &client::Event) {
        let reader = &mut self.readers[number];
        match event {
            client::Event::Message(message) => {
                let told = if reader.names == [OWN] {
                    self.store.given(&mut reader.seen, message)
                } else {
                    self.ledger.given(&reader.names, &mut reader.seen, message)
                };
                if let Err(wrong) = told {
                    panic!("reader {} of {:?}: {wrong}", reader.number, reader.names);
                }
                let (name, id) = (reader.number, message.last_event_id().to_owned());
                self.note(format!("reader {name} has {} {id}", message.event_type()));
            }
            client::Event::Closed(reason) => panic!("reader {} gave up: {reason}", reader.number),
            client::Event::Disconnected { reason, retry_in, .. } => {
                // A cut is no damage.
                if let Reason::Coding(error) = reason {
                    assert_eq!(*error, CodingError::Truncated, "reader {}: what came is damaged", reader.number);
                }
                let text = format!("reader {} lost it ({reason}), again in {retry_in:?}", reader.number);
                self.note(text);
            }
            _ => {}
        }
    }

    fn wake(&mut self) {
        let Some(channels) = &mut self.channels else { return };
        while let Some(woken) = self.meter.of(|| channels.poll_wake()) {
            let link = self.readers.iter_mut().filter_map(|reader| reader.link.as_mut());
            if let Some(link) = link.into_iter().find(|link| link.reader == Some(woken)) {
                link.awake = true;
            }
        }
    }

    fn connect(&mut self, number: usize) -> bool {
        let now = self.now;
        let Some(connect) = self.readers[number].client.poll_connect(now) else { return false };
        if let Some(link) = self.readers[number].link.take() {
            self.leave(link);
        }
        self.arrivals.push(now);
        let seed = self.random.next_u64();
        let client = &mut self.readers[number].client;
        let Some(channels) = self.channels.as_mut().filter(|channels| !channels.is_closed()) else {
            client.handle_connect_failed(now, connect.attempt, ConnectError::Refused);
            return true;
        };
        let config = self.sessions.clone();
        let (session, guest) = self.meter.of(|| (Session::new(config, now, UNIX, seed), channels.admit(None)));
        client.handle_connected(now, connect.attempt);
        self.readers[number].link = Some(Link {
            session,
            guest: guest.expect("there is room"),
            reader: None,
            awake: false,
            asked: None,
            up: VecDeque::new(),
            down: VecDeque::new(),
            stalled: None,
            cut_after: None,
        });
        true
    }

    fn client_sends(&mut self, number: usize) -> bool {
        let now = self.now;
        let reader = &mut self.readers[number];
        let Some(link) = &mut reader.link else { return false };
        let sent = reader.client.poll_transmit();
        link.up.extend(sent.iter().flatten());
        let most = link.up.len().min(1 + self.random.next_u64() as usize % 400);
        let piece: Vec<u8> = link.up.drain(..most).collect();
        if !piece.is_empty() {
            self.meter.of(|| link.session.handle_input(now, &piece));
        }
        sent.is_some() || !piece.is_empty()
    }

    fn server_acts(&mut self, number: usize) -> bool {
        let now = self.now;
        let reader = &mut self.readers[number];
        let (Some(link), Some(channels)) = (&mut reader.link, &mut self.channels) else { return false };
        let Some(event) = self.meter.of(|| link.session.poll_event()) else { return false };
        let server::Event::Request(request) = event else { return true };
        let resumes = self.endpoint.last_event_id(&request.head).is_some();
        let answer = self.meter.of(|| self.endpoint.answer(channels, now, link.guest, &request.head, &reader.names));
        match answer {
            Answer::Reply(reply) => self.meter.of(|| link.session.reply(now, reply)).expect("a request waits"),
            Answer::Stream { reader: opened, head, first } => {
                self.coded += usize::from(head.coding.is_some());
                // Who brings no id begins here: what was before is not missing.
                if !resumes {
                    reader.seen.at = Some(channels.log().head());
                }
                self.meter.of(|| {
                    link.session.start_stream(now, head).expect("a request waits");
                    if !first.is_empty() {
                        link.session.send(now, &first).expect("the stream is open");
                    }
                    drop(first);
                });
                self.store.subscribed(&mut reader.seen);
                link.reader = Some(opened);
                link.awake = true;
            }
        }
        self.meter.of(|| drop(request));
        true
    }

    /// What a driver does with the channels: reads when the session wants something, and hands on how a stream ends.
    fn server_feeds(&mut self, number: usize) -> bool {
        let (now, answers_at) = (self.now, self.draw_answer());
        let (Some(link), Some(channels)) = (&mut self.readers[number].link, &mut self.channels) else { return false };
        let Some(reader) = link.reader.filter(|_| link.session.is_streaming()) else { return false };
        self.meter.of(|| {
            if link.session.is_written() {
                channels.note_written(reader);
            }
            if !link.awake {
                return false;
            }
            let end = if link.session.wants_publications() {
                match channels.read(now, reader, usize::MAX) {
                    Some(Read::Burst { burst, more }) => {
                        link.session.push_burst(now, burst).expect("it was wanted");
                        link.awake = more;
                        return true;
                    }
                    Some(Read::Load(load)) => {
                        link.asked = Some((load, answers_at));
                        link.awake = false;
                        return true;
                    }
                    Some(Read::End(end)) => Some(end),
                    None => None,
                }
            } else {
                match channels.poll_end(now, reader) {
                    Some(end) => Some(end),
                    // It sleeps on, and goes on when the session wants more.
                    None => return false,
                }
            };
            link.awake = false;
            if let Some(end) = end {
                link.session.end_stream(now, end);
            }
            true
        })
    }

    fn server_sends(&mut self, number: usize) -> bool {
        let Some(link) = &mut self.readers[number].link else { return false };
        // The socket's buffer: the next piece is asked for when the last one was written whole.
        if link.down.len() >= SOCKET_BUFFER {
            return false;
        }
        let Some(piece) = self.meter.of(|| link.session.poll_transmit()) else { return false };
        link.down.extend(&piece);
        self.meter.of(|| drop(piece));
        true
    }

    fn client_takes(&mut self, number: usize) -> bool {
        let now = self.now;
        let reader = &mut self.readers[number];
        let Some(link) = &mut reader.link else { return false };
        if link.stalled.is_some() {
            return false;
        }
        let most = link.down.len().min(1 + self.random.next_u64() as usize % 300);
        let most = link.cut_after.map_or(most, |left| most.min(left));
        let piece: Vec<u8> = link.down.drain(..most).collect();
        reader.client.handle_input(now, &piece);
        if let Some(left) = &mut link.cut_after {
            *left -= piece.len();
            if *left == 0 {
                self.break_link(number);
                return true;
            }
        }
        !piece.is_empty()
    }

    fn ends(&mut self, number: usize) -> bool {
        let now = self.now;
        let reader = &mut self.readers[number];
        let Some(link) = &reader.link else { return false };
        if reader.client.closing() == Closing::Abort {
            let link = reader.link.take().expect("it is there");
            self.leave(link);
            return true;
        }
        match link.session.closing() {
            Closing::No => return false,
            // What was written arrives before the end does.
            Closing::Finish if !link.down.is_empty() => return false,
            Closing::Finish => reader.client.handle_eof(now),
            Closing::Abort => reader.client.handle_reset(now),
        }
        let link = reader.link.take().expect("it is there");
        self.leave(link);
        true
    }

    /// Holds every reader to have been given everything, or told that it was not.
    ///
    /// # Panics
    ///
    /// When one was not.
    pub fn check_all_given(&self) {
        let head: EventId = self.channels.as_ref().expect("the server is up").log().head();
        for reader in &self.readers {
            let own = reader.names == [OWN];
            let missing = if own {
                self.store.missing(&reader.seen)
            } else {
                self.ledger.missing(&reader.names, &reader.seen, head)
            };
            if let Some(missing) = missing {
                panic!("reader {} of {:?}: {missing}", reader.number, reader.names);
            }
        }
    }
}

/// Bytes that the network takes before it is full.
const SOCKET_BUFFER: usize = 2048;
