//! Tidewire on tokio.
