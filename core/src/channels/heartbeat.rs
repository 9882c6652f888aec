use super::Channels;
use crate::log::ReaderId;
use crate::server::Heartbeat;

impl Channels {
    /// Puts another heartbeat in the place of the one that the stream of `reader` has; `None` stops it. The reader is woken and told by
    /// [`poll_heartbeat`](Self::poll_heartbeat). Tells whether the reader is there.
    pub fn set_heartbeat(&mut self, reader: ReaderId, heartbeat: Option<Heartbeat>) -> bool {
        let is_here = self.places.get(reader).is_some();
        if is_here {
            self.heartbeats.insert(reader, heartbeat);
            self.wake_up(reader);
        }
        is_here
    }

    /// Returns, once, what is to keep the stream of `reader` alive from here on, for
    /// [`set_heartbeat`](crate::server::Outlet::set_heartbeat) of its outlet; `None`: what does so already.
    pub fn poll_heartbeat(&mut self, reader: ReaderId) -> Option<Option<Heartbeat>> {
        self.heartbeats.remove(&reader)
    }
}
