//! Tidewire's event source over other people's HTTP stacks.
#![forbid(unsafe_code)]
