//! TLS for the runtime adapters: rustls configurations, with provider and roots chosen explicitly.
#![forbid(unsafe_code)]
