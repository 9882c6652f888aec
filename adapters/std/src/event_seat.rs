use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tidewire_core::Instant;
use tidewire_core::channels::{Answer, Endpoint, SubscribeError};
use tidewire_core::server::{CloseReason, Entry, Event, Reply, Request, Session, WebSocketEndpoint};
use tidewire_core::ws;

use crate::event_server::{Response, text};
use crate::{EventServer, Fed, Loading, Place, Route, RouteEnd, RouteFed, RouteSeat, Seat, Socket, SocketSeat, trace};

/// One connection's place in an [`EventServer`]: answers its requests, reads its publications, and asks its repositories. Dropping it leaves.
#[derive(Debug)]
pub struct EventSeat {
    server: EventServer,
    /// None: there are too many connections for one more even to be told so.
    seat: Option<Seat>,
    route: Option<RouteSeat>,
    socket: Option<SocketSeat>,
    loading: Option<Loading<'static>>,
    /// Whether a stream was begun.
    streams: bool,
    /// Whether the session was told that the server ends.
    draining: bool,
}

impl EventSeat {
    pub(crate) fn new(server: EventServer, peer: Option<IpAddr>) -> Self {
        let seat = server.broadcaster().seat(peer);
        if let Err(limit) = &seat {
            trace::refused(peer, limit);
        }
        Self { server, seat: seat.ok(), route: None, socket: None, loading: None, streams: false, draining: false }
    }

    fn answer(&mut self, session: &mut Session, request: &Request) {
        let clock = self.server.clock();
        session.handle_clock(clock.now(), clock.unix());
        match self.server.respond(request) {
            Response::Reply(reply) => self.reply(session, reply),
            Response::Channels { channels, endpoint } => self.begin(session, request, &channels, &endpoint),
            Response::Route { route, endpoint } => drop(self.begin_route(session, request, &route, &endpoint)),
            Response::Routes { begin, endpoint } => {
                let route = Route::new();
                if self.begin_route(session, request, &route, &endpoint) {
                    begin(route, request);
                }
            }
            Response::WebSocket { begin, endpoint } => {
                if let Some(socket) = self.begin_socket(session, request, &endpoint) {
                    begin(socket, request);
                }
            }
        }
    }

    fn reply(&self, session: &mut Session, reply: Reply) {
        // The session may have ended meanwhile; then there is nobody to answer.
        let _ = session.reply(self.server.clock().now(), reply);
    }

    fn begin(&mut self, session: &mut Session, request: &Request, names: &[String], endpoint: &Endpoint) {
        let Some(seat) = &mut self.seat else { return };
        let guest = seat.guest();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if let Some(web_socket) = endpoint.web_socket_for(&request.head) {
            return self.begin_messages(session, request, &names, endpoint, web_socket);
        }
        let (now, answer) = self
            .server
            .broadcaster()
            .with(|channels, now| (now, endpoint.answer(channels, now, guest, &request.head, &names)));
        match answer {
            Answer::Reply(reply) => self.reply(session, reply),
            Answer::Stream { reader, head, first } => {
                seat.subscribed(reader);
                trace::stream(guest, &names, endpoint.last_event_id(&request.head).as_deref());
                self.streams = true;
                // As above; its last event closes the reader.
                let _ = session
                    .start_stream(now, head)
                    .map_err(drop)
                    .and_then(|()| session.send(now, &first).map_err(drop));
            }
        }
    }

    /// Begins a WebSocket with the publications of channels.
    fn begin_messages(
        &mut self,
        session: &mut Session,
        request: &Request,
        names: &[&str],
        endpoint: &Endpoint,
        web_socket: &WebSocketEndpoint,
    ) {
        let Some(seat) = &mut self.seat else { return };
        let (guest, head) = (seat.guest(), &request.head);
        let (now, opened) = self
            .server
            .broadcaster()
            .with(|channels, now| (now, endpoint.answer_web_socket(web_socket, channels, now, guest, head, names)));
        match opened {
            Err(reply) => self.reply(session, reply),
            Ok(opened) => {
                seat.subscribed(opened.reader);
                trace::stream(guest, names, endpoint.last_event_id(head).as_deref());
                self.streams = true;
                // As above.
                let _ = session
                    .upgrade(now, opened.accepted, opened.config)
                    .map_err(drop)
                    .and_then(|()| session.send(now, &opened.first).map_err(drop));
            }
        }
    }

    /// Begins the stream of a route; tells whether it has begun.
    fn begin_route(&mut self, session: &mut Session, request: &Request, route: &Route, endpoint: &Endpoint) -> bool {
        let Some(guest) = self.seat.as_ref().map(Seat::guest) else { return false };
        let opened = self.server.broadcaster().with(|channels, now| endpoint.open(channels, now, guest, &request.head));
        let head = match opened {
            Ok(head) => head,
            Err(reply) => {
                self.reply(session, reply);
                return false;
            }
        };
        let last_event_id = endpoint.last_event_id(&request.head);
        let Some(seat) = route.seat(last_event_id.as_deref()) else {
            let reply = match route.end() {
                None => text(409, "this stream has its reader already"),
                Some(_) => text(410, "this stream is over"),
            };
            self.reply(session, reply);
            return false;
        };
        trace::stream(guest, &[], last_event_id.as_deref());
        self.streams = true;
        self.route = Some(seat);
        session.start_stream(self.server.clock().now(), head).is_ok()
    }

    /// Accepts a WebSocket; none where that is refused.
    fn begin_socket(
        &mut self,
        session: &mut Session,
        request: &Request,
        endpoint: &WebSocketEndpoint,
    ) -> Option<Socket> {
        let guest = self.seat.as_ref().map(Seat::guest)?;
        let answer = self.server.broadcaster().with(|channels, now| {
            let closed = channels.is_closed().then_some(SubscribeError::Closed);
            match closed.or_else(|| guest.limit().map(SubscribeError::Busy)) {
                Some(error) => Err(Endpoint::default().refusal(channels, now, &request.head, error)),
                None => endpoint.answer(&request.head).map(|entry| (now, entry)),
            }
        });
        let (now, Entry { accepted, token, .. }) = match answer {
            Ok(answer) => answer,
            Err(reply) => {
                self.reply(session, reply);
                return None;
            }
        };
        let (socket, seat) = Socket::pair(request.head.clone(), accepted.agreed().protocol(), token);
        // The session may have ended meanwhile; then there is nobody to speak with.
        session.upgrade(now, accepted, Arc::clone(&endpoint.config)).ok()?;
        trace::stream(guest, &[], None);
        self.streams = true;
        self.socket = Some(seat);
        Some(socket)
    }

    fn feed_socket(&self, context: &Context<'_>, now: Instant, session: &mut Session) -> Fed {
        let (Some(socket), Some(connection)) = (&self.socket, session.web_socket()) else { return Fed::None };
        if socket.feed(context, now, connection) { Fed::Some } else { Fed::None }
    }

    fn leave(&mut self, reason: CloseReason) {
        self.loading = None;
        if std::mem::take(&mut self.streams)
            && let Some(guest) = self.seat.as_ref().map(Seat::guest)
        {
            trace::stream_ended(guest, reason);
        }
        if let Some(seat) = &mut self.seat {
            seat.close_reader();
        }
        if let Some(route) = self.route.take() {
            route.over(RouteEnd::Gone(reason));
        }
        self.socket = None;
    }

    fn feed_loaded(&mut self, context: &mut Context<'_>) {
        let Some(loading) = &mut self.loading else { return };
        let Poll::Ready(answer) = Pin::new(loading).poll(context) else { return };
        self.loading = None;
        if let Err(error) = &answer {
            trace::load_failed(error.as_ref());
        }
        if let Some(seat) = &mut self.seat {
            seat.loaded(answer.map_err(drop));
        }
    }

    fn feed_route(&mut self, context: &Context<'_>, now: Instant, session: &mut Session) -> Fed {
        let Some(route) = &self.route else { return Fed::None };
        let end = match route.feed(context, now, session) {
            RouteFed::Some => return Fed::Some,
            RouteFed::None => return Fed::None,
            RouteFed::End(RouteEnd::Aborted) => return Fed::Over,
            RouteFed::End(end) => end,
        };
        self.route = None;
        self.server.end_route(now, end, session);
        Fed::Some
    }
}

impl Place for EventSeat {
    fn handle(&mut self, session: &mut Session, event: Event) {
        trace::server(&event);
        match event {
            Event::Request(request) => self.answer(session, &request),
            Event::WebSocket(event) => {
                if let Some(socket) = &self.socket {
                    let is_message = matches!(event, ws::Event::Message(_));
                    socket.handle(event);
                    // What the application says to it leaves before the answer to a close.
                    if let Some(connection) = session.web_socket().filter(|_| is_message) {
                        connection.set_at_work(true);
                    }
                }
            }
            Event::Closed(reason) => self.leave(reason),
            _ => {}
        }
    }

    fn wants_events(&self) -> bool {
        self.socket.as_ref().is_none_or(SocketSeat::wants_events)
    }

    fn feed(&mut self, context: &mut Context<'_>, session: &mut Session) -> Fed {
        self.feed_loaded(context);
        let Some(seat) = &mut self.seat else { return Fed::Over };
        match seat.feed(context, session) {
            Fed::None => {}
            Fed::Load(load) => {
                self.loading = Some(self.server.load(load));
                return Fed::Some;
            }
            Fed::Some => {
                // What goes on without the answer does not wait for it any longer.
                self.loading = None;
                return Fed::Some;
            }
            Fed::Over => return Fed::Over,
        }
        let now = self.server.clock().now();
        if seat.is_draining() && !self.draining {
            self.draining = true;
            // What was accepted leaves before the goodbye.
            self.feed_socket(context, now, session);
            match &self.route {
                Some(route) => route.close(RouteEnd::Gone(CloseReason::Shutdown)),
                // Streams of channels are ended by the channels.
                None if session.is_streaming() => {}
                None if self.socket.is_none() && session.web_socket().is_some() => {}
                None => session.shutdown(now),
            }
            return Fed::Some;
        }
        if self.socket.is_some() {
            return self.feed_socket(context, now, session);
        }
        self.feed_route(context, now, session)
    }
}

#[cfg(test)]
mod tests {
    use tidewire_core::Protocol;
    use tidewire_core::channels::ChannelConfig;

    use super::*;
    use crate::trace::tests::logged;
    use crate::{EventServerConfig, Host, Memory};

    /// Hands over what happened, and lets the seat do what there is to do.
    fn turn(session: &mut Session, seat: &mut EventSeat, act: impl FnOnce(&mut Session, Instant)) {
        act(session, seat.server.clock().now());
        loop {
            while let Some(event) = session.poll_event() {
                seat.handle(session, event);
            }
            while session.poll_transmit().is_some() {}
            if seat.feed(&mut Context::from_waker(std::task::Waker::noop()), session) != Fed::Some {
                return;
            }
        }
    }

    #[test]
    fn a_stream_its_replay_and_its_end_are_logged_and_nothing_that_a_terminal_would_obey() {
        let server = EventServer::new(EventServerConfig::default());
        server.register_with("news", ChannelConfig::default(), Memory::default()).expect("there is room");
        server.channels_at("/news", ["news"], Endpoint::default()).expect("a path");
        let (mut session, mut seat) = server.open(None);
        let lines = logged(|| {
            let request = b"GET /news HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 4\xc2\x9b1\r\n\r\n";
            turn(&mut session, &mut seat, |session, now| session.handle_input(now, request));
            turn(&mut session, &mut seat, |session, now| session.handle_eof(now));
        });
        let expected = [
            "DEBUG tidewire message=request method=\"GET\" target=\"/news\"",
            "INFO tidewire after=\"4\\\\u{9b}1\" channels=\"news\" connection=1 message=stream",
            "DEBUG tidewire after=\"4\\\\u{9b}1\" channel=\"news\" max=256 message=replay",
            "WARN tidewire behind=0 behind_bytes=0 connection=1 gaps=1 message=gap",
            "DEBUG tidewire message=connection ended reason=the peer ended the connection",
            "INFO tidewire connection=1 message=stream ended reason=the peer ended the connection",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn who_is_called_by_a_number_is_named_by_address_at_first() {
        let peer = "192.0.2.7".parse().ok();
        let lines = logged(|| drop(EventServer::default().open(peer)));
        assert_eq!(lines, ["DEBUG tidewire connection=1 message=seated peer=192.0.2.7"]);
    }

    #[test]
    fn who_was_too_slow_is_a_warning_that_names_its_connection() {
        let (_, seat) = EventServer::default().open(None);
        let guest = seat.seat.as_ref().map(Seat::guest).expect("there is room");
        let [slow, gone] = [CloseReason::Lagging, CloseReason::Peer];
        let lines = logged(|| [slow, gone].into_iter().for_each(|reason| trace::stream_ended(guest, reason)));
        let ended = "tidewire connection=1 message=stream ended";
        assert_eq!(lines, [format!("WARN {ended} reason={slow}"), format!("INFO {ended} reason={gone}")]);
    }
}
