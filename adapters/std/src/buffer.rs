use std::cell::Cell;

/// Lends this thread's read buffer to `read`.
///
/// A machine takes all of its input, so nothing stays in the buffer between two reads and all connections of a thread share
/// one: an idle connection holds none. A call from within `read` gets a buffer of its own.
pub fn with_buffer<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    BUFFER.with(|cell| {
        let mut buffer = match cell.take() {
            buffer if buffer.is_empty() => vec![0; SIZE].into_boxed_slice(),
            buffer => buffer,
        };
        let result = read(&mut buffer);
        cell.set(buffer);
        result
    })
}

thread_local! {
    static BUFFER: Cell<Box<[u8]>> = Cell::default();
}

const SIZE: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_within_a_call_has_its_own_buffer() {
        let outer = with_buffer(|outer| {
            outer.fill(1);
            with_buffer(|inner| inner.fill(2));
            outer.first().copied()
        });
        assert_eq!(outer, Some(1));
    }
}
