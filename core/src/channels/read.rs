use alloc::vec::Vec;

use super::debounce::State;
use super::gap::encode_own_gap;
use super::load::{Load, Next};
use super::place::{Ending, Form};
use super::{Channels, Config, encode_gap};
use crate::Instant;
use crate::http::Coding;
use crate::log::{self, Burst, ReaderId};
use crate::server::{CloseReason, End, Pace};
use crate::ws::Agreed;

/// What [`Channels::read`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// To be written as it is: publications, or what tells of a gap.
    Burst {
        /// The bytes, shared with all readers that stand at the same place.
        burst: &'a Burst,
        /// Whether there is more to read already: the reader is not woken again before it has read it.
        more: bool,
    },
    /// The application's repository is asked for what comes next; [`handle_loaded`](Channels::handle_loaded) takes the answer.
    Load(Load),
    /// The stream ends. There is nothing more to read.
    End(End<'a>),
}

impl Channels {
    /// Returns what `reader` is to be given next, about `max_bytes` of it but at least one publication; `None` until it is
    /// [woken](Self::poll_wake).
    pub fn read(&mut self, now: Instant, reader: ReaderId, max_bytes: usize) -> Option<Read<'_>> {
        self.note_time(now);
        self.end_lagging();
        let place = self.places.get(reader)?;
        let ending = place.ending;
        if let Some(Ending { reason, drain: false }) = ending {
            return Some(Read::End(self.make_end(now, reason)));
        }
        let mut max_bytes = max_bytes;
        if place.loading.is_some() {
            match self.read_loading(now, reader, max_bytes) {
                Next::Lent => {
                    self.totals.count_burst(self.lent.len());
                    // It is this reader's alone.
                    match self.places.get(reader)?.form {
                        Form::Plain => {}
                        #[cfg(feature = "deflate")]
                        Form::Gzip => self.packer.pack_own(&mut self.lent),
                        Form::Messages { compress } => self.framer.frame_own(&mut self.lent, compress),
                    }
                    return Some(Read::Burst { burst: &self.lent, more: true });
                }
                Next::Load(load) => return Some(Read::Load(load)),
                Next::End(reason) => return Some(Read::End(self.make_end(now, reason))),
                Next::Wait => return None,
                Next::Live => {}
            }
        }
        let place = self.places.get(reader)?;
        if place.debounce.is_some() && !self.release(now, reader) {
            return None;
        }
        if self.places.get(reader)?.given.is_some() {
            max_bytes = self.skip_given(reader, max_bytes);
        }

        let place = self.places.get_mut(reader)?;
        if place.own_ids
            && let Some(gap) = self.log.read_gap(now, reader)
        {
            let mut bytes = Vec::new();
            // Where it was has no id of the application's any longer; the reader knows what it had.
            encode_own_gap(gap.reason, "", self.log.next_own_id(reader), &mut bytes);
            self.totals.count_gap(gap.reason);
            self.totals.count_burst(bytes.len());
            place.note_gap(&bytes);
            self.lent = Burst::new(&bytes);
            return Some(Read::Burst { burst: &self.lent, more: true });
        }
        match self.log.read(now, reader, max_bytes) {
            Some(log::Read::Burst { burst, more }) => {
                place.bytes += burst.len() as u64;
                self.totals.count_burst(burst.len());
                place.rest_unless(more);
                let burst = match place.form {
                    Form::Plain => burst,
                    #[cfg(feature = "deflate")]
                    Form::Gzip => self.packer.pack(burst),
                    Form::Messages { compress } => self.framer.frame(burst, compress),
                };
                Some(Read::Burst { burst, more: more || ending.is_some() })
            }
            Some(log::Read::Gap(gap)) => {
                let mut bytes = Vec::new();
                encode_gap(&gap, &mut bytes);
                self.totals.count_gap(gap.reason);
                self.totals.count_burst(bytes.len());
                place.note_gap(&bytes);
                self.lent = Burst::new(&bytes);
                Some(Read::Burst { burst: &self.lent, more: true })
            }
            None => {
                place.rest_unless(false);
                let Ending { reason, .. } = ending?;
                Some(Read::End(make_end(&mut self.pace, &self.config, now, reason)))
            }
        }
    }

    /// Notes what coding the stream of `reader` has: what it reads is compressed once for all that have it, and comes with it.
    pub fn set_coding(&mut self, reader: ReaderId, coding: Option<Coding>) {
        if let Some(place) = self.places.get_mut(reader) {
            place.form = match coding {
                None => Form::Plain,
                #[cfg(feature = "deflate")]
                Some(Coding::Gzip) => Form::Gzip,
            };
        }
    }

    /// Notes that `reader` is at the other end of a WebSocket on which this was `agreed`: what it reads is made
    /// [messages](Burst::messages) of, and compressed if that was agreed, once for all.
    pub fn set_web_socket(&mut self, reader: ReaderId, agreed: &Agreed) {
        #[cfg(feature = "deflate")]
        let compress = agreed.deflate.is_some();
        #[cfg(not(feature = "deflate"))]
        let compress = false;
        let _: &Agreed = agreed;
        if let Some(place) = self.places.get_mut(reader) {
            place.form = Form::Messages { compress };
        }
    }

    /// Returns the next reader that has something to read and was not returned since it last had read everything.
    pub fn poll_wake(&mut self) -> Option<ReaderId> {
        self.end_lagging();
        while let Some(reader) = self.wake.pop_front() {
            if let Some(place) = self.places.get_mut(reader) {
                place.queued = false;
                return Some(reader);
            }
        }
        loop {
            let reader = self.log.poll_wake()?;
            if self.is_ready(reader) {
                return Some(reader);
            }
        }
    }

    /// Has a reader woken.
    pub(super) fn wake_up(&mut self, reader: ReaderId) {
        if let Some(place) = self.places.get_mut(reader)
            && !core::mem::replace(&mut place.queued, true)
        {
            self.wake.push_back(reader);
        }
    }

    pub(super) fn make_end(&mut self, now: Instant, reason: CloseReason) -> End<'_> {
        make_end(&mut self.pace, &self.config, now, reason)
    }

    /// Tells whether a reader that the log wakes has something to read at once.
    fn is_ready(&mut self, reader: ReaderId) -> bool {
        let Some(place) = self.places.get(reader) else { return false };
        if let Some(loading) = &place.loading {
            // It is woken by the answer.
            return loading.deadline().is_none();
        }
        !place.debounce.is_some_and(|debounce| debounce.state != State::Replaying) || self.hold(reader)
    }
}

fn make_end<'a>(pace: &mut Pace, config: &'a Config, now: Instant, reason: CloseReason) -> End<'a> {
    let last = config.last_event.as_deref().filter(|_| reason == CloseReason::Shutdown);
    End { reason, retry: Some(pace.draw(now, config.retry_after)), last }
}
