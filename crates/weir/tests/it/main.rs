//! What the binary does on the wire: real sockets on every side, upstreams that send exactly the bytes a test says, and
//! after each exchange the journal and `/metrics`, which must agree.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so and ends")]
// Tests may say what they could not do.
#![allow(clippy::disallowed_macros)]

mod bad_request;
mod bad_upstream;
mod command;
mod conformance;
mod counted;
mod demo;
mod doctor;
mod egress;
mod energy;
mod exact;
mod field;
mod follower;
mod gate;
mod harness;
mod key;
mod limit;
mod path;
mod presets;
mod price;
mod protocol;
mod push;
mod questions;
mod reload;
mod statement;
mod stored;
mod stream;
mod sums;
mod time;
mod token;
mod unit;
