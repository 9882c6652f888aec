//! Event streams as bodies of a server's answers.

mod alarm;
#[cfg(feature = "axum")]
mod axum;
mod body;
mod error;
mod events;
mod head;
mod live;

pub use body::EventBody;
pub use error::BodyError;
pub use events::Events;
pub use head::AsHead;
