//! When the requests on a connection must be over. A caller that takes nothing of its answer is not asked for more, so
//! nobody else would notice that its time is up; its connection does, and is closed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A connection's requests, by the time when each must be over.
#[derive(Debug, Default)]
pub struct Deadlines {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In no order; there are as many as requests on the connection at a time, which is one, or a few hundred streams.
    pending: Vec<Instant>,
    /// Whether there has been a request at all.
    used: bool,
}

/// One request's place; gives it up when dropped.
#[derive(Debug)]
pub struct Deadline {
    deadlines: Arc<Deadlines>,
    at: Instant,
}

impl Deadlines {
    /// Takes a request in.
    #[must_use]
    pub fn begin(self: &Arc<Self>, at: Instant) -> Deadline {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.used = true;
        state.pending.push(at);
        Deadline { deadlines: self.clone(), at }
    }

    /// The earliest deadline of a request that is under way, and whether there has been any request.
    #[must_use]
    pub fn next(&self) -> (Option<Instant>, bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.pending.iter().min().copied(), state.used)
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let mut state = self.deadlines.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = state.pending.iter().position(|at| *at == self.at) {
            state.pending.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_one_that_is_under_way() {
        let deadlines = Arc::new(Deadlines::default());
        assert_eq!(deadlines.next(), (None, false));
        let now = Instant::now();
        let late = deadlines.begin(now + Duration::from_secs(2));
        let early = deadlines.begin(now + Duration::from_secs(1));
        assert_eq!(deadlines.next(), (Some(now + Duration::from_secs(1)), true));
        drop(early);
        assert_eq!(deadlines.next(), (Some(now + Duration::from_secs(2)), true));
        drop(late);
        assert_eq!(deadlines.next(), (None, true));
    }
}
