//! `tidewire tail ws://…`: follows a WebSocket, and with `--send` says to it what comes on standard input.

use futures_lite::future;
use smol::Timer;
use smol::channel::Receiver;
use tidewire_core::client::{Config, WebSocketEvent};
use tidewire_core::ws::{Closed, Message};

use super::recording::Recorder;
use super::view::{Shown, View};
use crate::args::{Runtime, Tail, Then};
use crate::exit::{Exit, Failure};
use crate::stop::{self, Cause};

mod config;
mod input;
mod refuse;
mod story;

pub(super) use refuse::of_web_sockets;

/// Follows the WebSocket at the URL of `http`.
pub(super) fn connect(args: &Tail, http: Config) -> Result<Exit, Failure> {
    refuse::of_event_streams(args)?;
    let config = config::config(args, http)?;
    let tls = args.network.tls()?;
    let recorder = args.save.as_deref().map(|file| Recorder::create(file, args.overwrite)).transpose()?;
    let stopped = stop::watch(args.timeout, Some(stop::GRACE))?;
    let mut view = View::new(args, recorder);
    view.begin(&format!("connecting to {}", config.http.url));
    let mut talk = Talk { input: Input::new(args), pending: None, open: false, stopped: &stopped, view: &mut view };
    match args.runtime {
        Runtime::Tokio => args.runtime.block_on(async {
            let connector = tidewire_tokio::Connector::new().with_tls(tls);
            let mut socket = tidewire_tokio::WebSocket::with_connector(config, connector);
            let (sender, handle) = (socket.sender(), socket.handle());
            let next = async || {
                let event = socket.next().await?;
                Some(Heard { event, farewell: socket.machine().farewell().cloned() })
            };
            talk.run(next, async |message| sender.send(message).await.is_ok(), || handle.close()).await
        }),
        Runtime::Smol => args.runtime.block_on(async {
            let connector = tidewire_smol::Connector::new().with_tls(tls);
            let mut socket = tidewire_smol::WebSocket::with_connector(config, connector);
            let (sender, handle) = (socket.sender(), socket.handle());
            let next = async || {
                let event = socket.next().await?;
                Some(Heard { event, farewell: socket.machine().farewell().cloned() })
            };
            talk.run(next, async |message| sender.send(message).await.is_ok(), || handle.close()).await
        }),
    }
}

/// What is said both ways, and where from.
struct Talk<'a> {
    input: Option<Input>,
    /// The line that is to be sent next.
    pending: Option<Message>,
    /// Whether there is a connection to send on.
    open: bool,
    stopped: &'a Receiver<Cause>,
    view: &'a mut View,
}

/// What is to be sent.
struct Input {
    lines: Receiver<Result<Message, Failure>>,
    /// What follows on its end.
    then: Then,
}

/// What came.
struct Heard {
    event: WebSocketEvent,
    /// How it ended that we closed, once it has.
    farewell: Option<Closed>,
}

/// What comes next.
enum Turn {
    Event(Option<Heard>),
    /// A line of the input, or its end.
    Line(Option<Result<Message, Failure>>),
    /// Whether the pending line was taken to be sent.
    Sent(bool),
    Redraw,
    Stop(Cause),
}

impl Talk<'_> {
    /// Shows and sends until something is the last, then says goodbye. `next` and `send` are cancel-safe, and `send` waits for room.
    async fn run(
        &mut self,
        mut next: impl AsyncFnMut() -> Option<Heard>,
        send: impl AsyncFn(Message) -> bool,
        close: impl Fn(),
    ) -> Result<Exit, Failure> {
        let end = loop {
            let turn = self.turn(&mut next, &send).await?;
            match self.take(turn, &close) {
                Ok(Shown::More) => {}
                Ok(Shown::Last(exit)) => break Ok(exit),
                Err(failure) => break Err(failure),
            }
        };
        // What came before a failure was good.
        self.view.flush()?;
        close();
        let goodbye = async { while next().await.is_some() {} };
        future::or(goodbye, async { _ = Timer::after(stop::GRACE).await }).await;
        end
    }

    /// Waits for what comes next; nothing that was shown waits meanwhile.
    async fn turn(
        &mut self,
        next: &mut impl AsyncFnMut() -> Option<Heard>,
        send: &impl AsyncFn(Message) -> bool,
    ) -> Result<Turn, Failure> {
        if let Ok(cause) = self.stopped.try_recv() {
            return Ok(Turn::Stop(cause));
        }
        if let Some(event) = future::poll_once(next()).await {
            return Ok(Turn::Event(event));
        }
        self.view.flush()?;
        let stop = async { Turn::Stop(self.stopped.recv().await.unwrap_or(Cause::Interrupted)) };
        let event = async { Turn::Event(next().await) };
        let say = async {
            match (&self.pending, &self.input) {
                (Some(line), _) if self.open => Turn::Sent(send(line.clone()).await),
                (None, Some(input)) if self.open => Turn::Line(input.lines.recv().await.ok()),
                _ => future::pending().await,
            }
        };
        let redraw = async {
            match self.view.redraw_in() {
                Some(after) => drop(Timer::after(after).await),
                None => future::pending().await,
            }
            Turn::Redraw
        };
        Ok(future::or(stop, future::or(event, future::or(say, redraw))).await)
    }

    fn take(&mut self, turn: Turn, close: &impl Fn()) -> Result<Shown, Failure> {
        match turn {
            Turn::Event(Some(Heard { event, farewell })) => {
                match event {
                    WebSocketEvent::Opened(_) => self.open = true,
                    WebSocketEvent::Closing(_) | WebSocketEvent::Disconnected { .. } => self.open = false,
                    _ => {}
                }
                let left = if matches!(event, WebSocketEvent::Closed { .. }) { self.left() } else { 0 };
                return self.view.told(story::told(&event, left, farewell.as_ref()));
            }
            Turn::Event(None) => return self.view.played(),
            Turn::Line(Some(line)) => self.pending = Some(line?),
            Turn::Line(None) => {
                if let Some(Input { then: Then::Close, .. }) = self.input.take() {
                    close();
                }
            }
            Turn::Sent(true) => self.pending = None,
            // The next connection takes it.
            Turn::Sent(false) => self.open = false,
            Turn::Redraw => self.view.redraw(),
            Turn::Stop(Cause::Timeout) => return self.view.stopped("the time of --timeout is over", Exit::Timeout),
            Turn::Stop(Cause::Interrupted) => return self.view.stopped("interrupted", Exit::Interrupted),
        }
        Ok(Shown::More)
    }

    /// Returns how many lines were read that nothing was made of.
    fn left(&mut self) -> usize {
        let ahead = self.input.iter().flat_map(|input| std::iter::from_fn(|| input.lines.try_recv().ok()));
        usize::from(self.pending.is_some()) + ahead.count()
    }
}

impl Input {
    fn new(args: &Tail) -> Option<Self> {
        let ends_by_itself = args.count.is_some() || !args.until.is_empty();
        let then = args.web_socket.send?.unwrap_or(if ends_by_itself { Then::Stay } else { Then::Close });
        Some(Self { lines: input::lines(args.web_socket.binary), then })
    }
}
