//! Numbers, durations and sizes as Go and Loki read and print them.

mod bytes;
mod duration;
mod number;

pub use bytes::{format_bytes, parse_bytes};
pub use duration::{
    duration_error, format_duration, format_prometheus_duration, parse_duration, parse_literal_duration,
    parse_prometheus_duration,
};
pub use number::{format_float, parse_int, parse_number};
