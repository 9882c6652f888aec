//! Tidewire on std: placeholder.
