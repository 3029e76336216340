//! Weir: an LLM proxy that measures what flows through it. This crate is the binary's inside: sockets, configuration and
//! the wiring of [`meter`], which reads answers, and [`store`], which keeps Records.

pub mod admin;
pub mod api;
pub mod cli;
pub mod config;
pub mod demo;
pub mod energy;
pub mod error;
pub mod framing;
pub mod hub;
pub mod log;
pub mod metrics;
pub mod page;
pub mod panels;
pub mod prices;
pub mod proxy;
pub mod push;
pub mod query;
pub mod recorder;
pub mod seal;
pub mod server;
pub mod simulate;
pub mod sink;
pub mod trust;

/// The version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, or `unknown`.
pub const COMMIT: &str = env!("WEIR_COMMIT");
/// Both, for people.
pub const VERSION_WITH_COMMIT: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("WEIR_COMMIT"), ")");
