//! What others push: a log of entries with streams, apart from the journal and everything that is made of it.
//!
//! An entry is in the log once [`PushedLog::append`] has returned: then the kernel has it, and it survives the death of the process.
//! What lies in the log's files is also held in memory, so that it is read without touching them; a file that is full is left for the
//! next one and becomes a segment.

mod entry;
mod frame;
mod log;
mod run;
mod sealed;

pub use entry::{Entry, Malformed, Stream};
pub use frame::{decode, encode};
pub use log::{Appended, Left, Opened, PushedLog, PushedOptions};
pub use run::Run;
pub use sealed::{entries, schema};

#[cfg(test)]
mod tests;
