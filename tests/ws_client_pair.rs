//! The reconnecting client and the server's session back to back, under fake time: whatever byte the connection is lost at, the client
//! comes back, subscribes anew, and gets all.

use core::time::Duration;

use tidewire_core::client::{CloseReason, OpenHook, State, WebSocket, WebSocketEvent};
use tidewire_core::server::{self, Session};
use tidewire_core::ws::deflate;
use tidewire_core::ws::{self, CloseCode, Message, Upgrade};
use tidewire_core::{Closing, Instant, Protocol, SplitMix64, UnixTime};
use tidewire_tests::ws_client;

/// How a connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    End,
    Reset,
}

/// Which way the byte went that was the last to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

/// A client, a server, and a network that loses one connection.
struct World {
    client: WebSocket,
    server: Option<Session>,
    config: ws::Config,
    now: Instant,
    /// After how many bytes which way, counted over all connections, the connection is lost, and how.
    loss: Option<(Way, usize, Loss)>,
    /// How many bytes have gone to the server, and to the client.
    gone: [usize; 2],
    /// In pieces of how many bytes they go.
    piece: usize,
    /// What the server heard on each connection.
    heard: Vec<Vec<String>>,
    /// What the client was told since it was open last.
    told: Vec<String>,
    /// How the client ended.
    end: Option<(CloseReason, usize)>,
    losses: usize,
}

impl World {
    fn new(config: ws::Config, loss: Option<(Way, usize, Loss)>, piece: usize) -> Self {
        let mut client = ws_client::config();
        client.connection = config.clone().into();
        client.on_open = Some(OpenHook::new(|_| vec!["subscribe".into()]));
        Self {
            client: WebSocket::new(client, Box::new(SplitMix64::new(5)), Instant::START),
            server: None,
            config,
            now: Instant::START,
            loss,
            gone: [0, 0],
            piece,
            heard: Vec::new(),
            told: Vec::new(),
            end: None,
            losses: 0,
        }
    }

    /// Plays until the client is over.
    fn run(mut self) -> Self {
        for _ in 0..20_000 {
            let moved = self.client_turn() | self.server_turn();
            if self.client.state() == State::Closed && self.end.is_some() {
                assert_eq!(self.client.poll_event(), None);
                return self;
            }
            if !moved {
                self.pass_time();
            }
        }
        panic!("it comes to no end: {:?} {:?} {:?}", self.heard, self.told, self.client);
    }

    fn client_turn(&mut self) -> bool {
        let mut moved = false;
        while let Some(event) = self.client.poll_event() {
            moved = true;
            self.note(event);
        }
        if self.client.closing() == Closing::Abort
            && let Some(server) = &mut self.server
        {
            server.handle_eof(self.now);
        }
        if let Some(connect) = self.client.poll_connect(self.now) {
            let (config, unix) = (server::Config::default(), UnixTime::default());
            self.server = Some(Session::new(config, self.now, unix, 1));
            self.heard.push(Vec::new());
            self.client.handle_connected(self.now, connect.attempt);
            moved = true;
        }
        while let Some(bytes) = self.client.poll_transmit() {
            moved = true;
            for piece in bytes.chunks(self.piece) {
                self.carry(Way::ToServer, piece);
            }
        }
        moved
    }

    fn note(&mut self, event: WebSocketEvent) {
        match event {
            WebSocketEvent::Opened(_) => self.told.clear(),
            WebSocketEvent::Message(Message::Text(text)) => {
                self.told.push(text);
                if self.told.len() == ITEMS {
                    self.client.send_text(self.now, "done").expect("it is open");
                }
            }
            WebSocketEvent::Closed { reason, unsent } => self.end = Some((reason, unsent)),
            WebSocketEvent::Disconnected { .. } => self.losses += 1,
            _ => {}
        }
    }

    fn server_turn(&mut self) -> bool {
        let mut moved = false;
        while let Some(event) = self.server.as_mut().and_then(|server| server.poll_event()) {
            moved = true;
            self.serve(event);
        }
        while let Some(bytes) = self.server.as_mut().and_then(|server| server.poll_transmit()) {
            moved = true;
            for piece in bytes.chunks(self.piece) {
                self.carry(Way::ToClient, piece);
            }
        }
        match self.server.as_ref().map(|server| server.closing()) {
            Some(Closing::Finish | Closing::Abort) => {
                self.client.handle_eof(self.now);
                self.server = None;
                true
            }
            _ => moved,
        }
    }

    fn serve(&mut self, event: server::Event) {
        let Some(server) = &mut self.server else { return };
        match event {
            server::Event::Request(request) => {
                let upgrade = Upgrade::of(&request.head).expect("a request for a WebSocket");
                let accepted = upgrade.accept(None, &self.config).expect("nothing was chosen");
                server.upgrade(self.now, accepted, self.config.clone()).expect("it asked for it");
            }
            server::Event::WebSocket(ws::Event::Message(Message::Text(text))) => {
                let connection = server.web_socket().expect("it is one");
                match &*text {
                    "subscribe" => (0..ITEMS).for_each(|number| {
                        let item = format!("item {number} {}", "x".repeat(number * 60));
                        connection.send_text(self.now, &item).expect("there is room");
                    }),
                    "done" => connection.close(self.now, Some(CloseCode::NORMAL), "bye").expect("it is open"),
                    other => panic!("{other}"),
                }
                self.heard.last_mut().expect("a connection").push(text);
            }
            _ => {}
        }
    }

    /// Carries bytes, unless the connection is lost on the way.
    fn carry(&mut self, way: Way, bytes: &[u8]) {
        let count = &mut self.gone[way as usize];
        let room = match self.loss {
            Some((lossy, at, _)) if lossy == way => at - *count,
            _ => usize::MAX,
        };
        let arriving = bytes.get(..room).unwrap_or(bytes);
        *count += arriving.len();
        match (way, &mut self.server) {
            // Nobody is there any more.
            (_, None) => return,
            (Way::ToServer, Some(server)) => server.handle_input(self.now, arriving),
            (Way::ToClient, Some(_)) => self.client.handle_input(self.now, arriving),
        }
        if arriving.len() == room
            && let Some((_, _, loss)) = self.loss.take()
        {
            match loss {
                Loss::End => self.client.handle_eof(self.now),
                Loss::Reset => self.client.handle_reset(self.now),
            }
            self.server = None;
        }
    }

    fn pass_time(&mut self) {
        let server = self.server.as_ref().and_then(|server| server.poll_timeout());
        let next = [self.client.poll_timeout(), server].into_iter().flatten().min();
        self.now = self.now.max(next.expect("something is waited for"));
        self.client.handle_timeout(self.now);
        if let Some(server) = &mut self.server {
            server.handle_timeout(self.now);
        }
        assert!(self.now < Instant::START + Duration::from_secs(120), "it is over long before");
    }

    /// Looks whether all came to a good end, after this many losses.
    fn check(&self) {
        let Some((CloseReason::WebSocket(closed), unsent)) = &self.end else { panic!("{:?}", self.end) };
        assert_eq!((closed.code, &*closed.reason, closed.is_clean), (1000, "bye", true));
        assert_eq!(*unsent, 0);
        assert_eq!(self.told.len(), ITEMS);
        for (number, item) in self.told.iter().enumerate() {
            assert!(item.starts_with(&format!("item {number} ")), "in order");
        }
        assert_eq!(self.heard.last().unwrap(), &["subscribe", "done"]);
        for heard in &self.heard {
            assert!(heard.first().is_none_or(|first| first == "subscribe"), "{heard:?}");
        }
        assert_eq!(self.heard.len(), self.losses + 1);
    }
}

const ITEMS: usize = 4;

fn plain() -> ws::Config {
    ws::Config::default()
}

fn compressed() -> ws::Config {
    let mut config = ws::Config::default();
    let mut deflate = deflate::Config::default();
    deflate.min_len = 16;
    config.deflate = Some(deflate);
    config
}

/// Loses the connection at every byte of both ways.
fn lose_everywhere(config: &ws::Config) {
    let whole = World::new(config.clone(), None, usize::MAX).run();
    whole.check();
    assert_eq!((whole.losses, whole.heard.len()), (0, 1));
    for (way, count) in [(Way::ToServer, whole.gone[0]), (Way::ToClient, whole.gone[1])] {
        assert!(count > 100, "{way:?} {count}");
        let mut without = 0;
        for at in 0..count {
            for loss in [Loss::End, Loss::Reset] {
                let world = World::new(config.clone(), Some((way, at, loss)), usize::MAX).run();
                let lost = format!("{way:?} at {at} of {count}, {loss:?}: {:?}", world.end);
                // What is lost behind the close frames of both is no loss.
                if world.end.as_ref().is_some_and(|(reason, _)| !reason.is_complete()) {
                    panic!("{lost}");
                }
                assert!(world.losses <= 1, "{lost}");
                match world.losses {
                    0 => without += 1,
                    _ => world.check(),
                }
            }
        }
        assert!(without <= 2 * 11, "{way:?}: only what is lost in the close frames is none: {without}");
    }
}

#[test]
fn a_loss_at_any_byte_is_made_up_for() {
    lose_everywhere(&plain());
}

#[test]
fn a_loss_at_any_byte_is_made_up_for_with_compression_too() {
    let [whole, less] = [plain(), compressed()].map(|config| World::new(config, None, usize::MAX).run().gone[1]);
    assert!(less < whole, "{less} {whole}");
    lose_everywhere(&compressed());
}

#[test]
fn cutting_the_bytes_anywhere_changes_nothing() {
    for config in [plain(), compressed()] {
        for piece in [1, 2, 3, 7, 125, 1000] {
            let world = World::new(config.clone(), None, piece).run();
            world.check();
            assert_eq!(world.losses, 0, "{piece}");
        }
    }
}
