//! Tidewire's codecs beside their peers: the same streams, in the same chunks, checked to give the same events.

pub mod feed;
pub mod parsers;
pub mod serializers;
pub mod sink;
pub mod workloads;
