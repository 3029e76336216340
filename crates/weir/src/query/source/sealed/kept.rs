//! What was learnt of groups of rows, kept for the next question.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use store::Seq;

/// Bytes that are kept: of each kind.
const MOST_BYTES: usize = 32 << 20;

/// A group: its first line, and how many rows it has.
pub(super) type Key = (Seq, usize);

/// What takes memory.
pub(super) trait Weigh {
    /// How many bytes.
    fn bytes(&self) -> usize;
}

/// What is known of groups that were asked about before.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Known<T>>);

#[derive(Debug)]
struct Known<T> {
    groups: HashMap<Key, Arc<T>>,
    bytes: usize,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(Mutex::new(Known { groups: HashMap::new(), bytes: 0 }))
    }
}

impl<T: Weigh> Kept<T> {
    pub(super) fn get(&self, of: Key) -> Option<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).groups.get(&of).cloned()
    }

    /// Keeps what is known of a group. Where there is no room, some others go: any, since whoever asks goes through all of them in
    /// turn, and would never find what is longest unused.
    pub(super) fn put(&self, of: Key, new: &Arc<T>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while known.bytes + new.bytes() > MOST_BYTES
            && let Some(any) = known.groups.keys().next().copied()
        {
            known.bytes -= known.groups.remove(&any).map_or(0, |gone| gone.bytes());
        }
        let before = known.groups.insert(of, new.clone());
        known.bytes += new.bytes();
        known.bytes -= before.map_or(0, |before| before.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Held(usize);

    impl Weigh for Held {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let kept: Kept<Held> = Kept::default();
        let third = MOST_BYTES / 3;
        for first in 0..8 {
            kept.put((first, 1), &Arc::new(Held(third)));
            assert!(kept.get((first, 1)).is_some(), "the newest is there");
        }
        let held = || (0..8).filter(|first| kept.get((*first, 1)).is_some()).count();
        assert_eq!((held(), kept.0.lock().unwrap().bytes), (3, 3 * third));
        kept.put((7, 1), &Arc::new(Held(5)));
        assert_eq!((held(), kept.0.lock().unwrap().bytes), (3, 2 * third + 5), "one in place of another");
    }
}
