//! The meter: bytes of a provider's answer in, one [`record::Record`] out.
//!
//! Pure by construction: no sockets, no files, no clock, no async runtime. Time comes in as nanoseconds, bytes come in as
//! they were cut by the network, and nothing here ever changes, delays or keeps what flows by, beyond small bounded copies.
//!
//! The way through: [`meter::Meter`] hands bytes to [`sse`] or straight to [`json::Walker`], which reports the few values a
//! [`dialect`] asked for; they become a [`usage::Usage`], which [`cost`] and [`energy`] turn into money and energy, and
//! [`record`] writes down.

pub mod carbon;
pub mod catalog;
pub mod cost;
pub mod decimal;
pub mod dialect;
pub mod energy;
pub mod form;
pub mod json;
pub mod meter;
pub mod path;
pub mod pattern;
pub mod record;
pub mod request;
pub mod splice;
pub mod sse;
pub mod time;
pub mod tokens;
pub mod usage;
