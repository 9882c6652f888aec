//! Tidewire on smol.
