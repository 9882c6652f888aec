use super::Channels;
use super::due::What;
use super::place::Ending;
use crate::Instant;
use crate::log::ReaderId;
use crate::server::CloseReason;

impl Channels {
    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.note_time(now);
        self.log.handle_timeout(now);
        while let Some((reader, what)) = self.dues.take(now) {
            match what {
                What::End => self.end(reader, Ending { reason: CloseReason::MaxStreamTime, drain: false }),
                What::Release => self.note_due(reader),
                What::LoadTimeout => self.give_up_loading(reader),
            }
        }
    }

    /// Returns when something is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.log.poll_timeout(), self.dues.first()].into_iter().flatten().min()
    }

    /// Notes that `reader` has had all that it was given written to its socket, whole.
    pub fn note_written(&mut self, reader: ReaderId) {
        self.log.note_written(reader);
    }
}
