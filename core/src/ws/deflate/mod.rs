//! permessage-deflate (RFC 7692; feature `deflate`): messages compressed one by one, as both ends agreed on in the opening handshake.

mod compressor;
mod config;
mod deflater;
mod inflater;
mod negotiate;

pub use compressor::Compressor;
pub use config::{Config, Context, WindowBits};
pub use deflater::Deflater;
pub use inflater::Inflater;
pub use negotiate::{NAME, Params};
