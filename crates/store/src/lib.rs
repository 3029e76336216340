//! The durable side: an append-only journal of lines, the table of what is in flight, cursors into the journal, and a log of what
//! others push.
//!
//! Knows nothing of what a line says. Everything here survives the death of the process at any instant; what it takes to
//! survive the loss of power is said where it applies.

pub mod cursor;
pub mod data_dir;
pub mod inflight;
pub mod journal;
pub mod library;
pub mod lot;
pub mod pushed;
pub mod replica;
pub mod schema;
pub mod segment;

/// The number of a line: lines are numbered from 1, without gaps, for the life of a data directory.
pub type Seq = u64;

pub use cursor::Cursor;
pub use data_dir::{DataDir, DataDirError};
pub use inflight::{Inflight, Orphan};
pub use journal::{Journal, Options};
pub use library::{Library, Shelf};
pub use lot::Lot;
pub use schema::Schema;
pub use segment::{Segment, SegmentError};
