//! What holds when processes are killed, disks fill up and readers stand still. Every test runs the built binary as a child,
//! because a process that is killed cannot be one's own.
//!
//! Nothing here measures speed: whatever is waited for has a generous deadline, and nothing else depends on a clock.

// Tests may say what they could not do.
#![allow(clippy::disallowed_macros)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]

mod audit;
mod caller;
mod command;
mod disk;
mod fixture;
mod full_disk;
mod hub;
mod kill;
mod loki;
mod process;
mod pushed;
mod recovery;
mod refusal;
mod rotation;
mod sealing;
mod shutdown;
mod upstream;

use std::time::{Duration, Instant};

/// How long anything is waited for. Far longer than it takes, because the machine may be busy with something else.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until there is an answer to `look`; `what` is what did not happen otherwise.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain waited for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
