use std::task::{Context, Poll};

/// Makes a driver that always finds something to do let others run: after a number of turns without a rest it is pending once.
#[derive(Debug, Default)]
pub struct Turns(u32);

impl Turns {
    /// Counts one turn; pending, and woken again at once, when it is the others' turn.
    pub fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        if self.0 < IN_A_ROW {
            self.0 += 1;
            return Poll::Ready(());
        }
        self.0 = 0;
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Notes that the driver waits, so that the others run.
    pub fn rest(&mut self) {
        self.0 = 0;
    }
}

/// As many as tokio gives a task for its own sockets.
const IN_A_ROW: u32 = 128;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn one_turn_in_128_goes_to_the_others() {
        let context = Context::from_waker(Waker::noop());
        let mut turns = Turns::default();
        let taken = (0..1290).filter(|_| turns.poll(&context).is_ready()).count();
        assert_eq!(taken, 1280);
    }
}
