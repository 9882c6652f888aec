//! Event streams as bodies of a server's answers.

mod alarm;
#[cfg(feature = "axum")]
mod axum;
mod body;
mod error;
mod events;
mod head;
mod live;
#[cfg(feature = "web-socket")]
mod web_socket;

pub use body::EventBody;
pub use error::BodyError;
pub use events::Events;
pub use head::AsHead;
#[cfg(feature = "web-socket")]
pub use web_socket::web_socket;
