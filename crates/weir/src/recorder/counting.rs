//! Tokens that no provider reports, counted on a thread of its own: no request waits for another's text.
//!
//! A long answer's text comes in pieces of some KiB while it goes by. Most answers end with their provider's own figures, so
//! pieces lie and wait: those of an answer are counted when it has ended without, and the oldest of all when more than half
//! of the room is taken. The room is bounded: a piece that comes when there is none is not kept, and its tokens are estimated
//! from its size. What ends a request is never refused; there is one for each slot at most.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use meter::tokens::{Output, OutputCount, Tokenizer};

/// What text may wait, of all answers together, in bytes.
const MAX_WAITING: usize = 1 << 20;
/// What text may wait without being counted.
const MAX_AT_REST: usize = MAX_WAITING / 2;

/// What is counted of one answer while it goes by.
#[derive(Debug)]
pub struct Tally {
    output: Mutex<Option<Output>>,
    missed: AtomicU64,
}

impl Tally {
    /// For an answer of a model that counts so.
    #[must_use]
    pub fn new(tokenizer: Tokenizer) -> Arc<Tally> {
        Arc::new(Tally { output: Mutex::new(Some(Output::new(tokenizer))), missed: AtomicU64::new(0) })
    }

    fn hear(&self, raw: &[u8]) {
        if let Some(output) = &mut *self.output.lock().unwrap_or_else(PoisonError::into_inner) {
            output.hear(raw);
        }
    }

    /// So many bytes went by unheard.
    pub fn miss(&self, bytes: u64) {
        self.missed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The count, with the last text there was and bytes that were not kept of it. A second one finds nothing.
    #[must_use]
    pub fn finish_with(&self, raw: &[u8], missed: u64) -> OutputCount {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner).take();
        output.map_or_else(OutputCount::default, |mut output| {
            output.hear(raw);
            output.miss(missed.saturating_add(self.missed.load(Ordering::Relaxed)));
            output.finish()
        })
    }
}

/// What ends a request, once all that came before it is counted.
pub type Ending = Box<dyn FnOnce() + Send>;

/// What there is to do next.
enum Job {
    Piece(Arc<Tally>, Vec<u8>),
    /// An end, and the pieces that have to be counted before it.
    Ending(Ending, Vec<(Arc<Tally>, Vec<u8>)>),
}

impl Job {
    fn run(self) {
        match self {
            // Where nobody else holds it the answer has ended with its usage.
            Job::Piece(tally, raw) if Arc::strong_count(&tally) > 1 => tally.hear(&raw),
            Job::Piece(..) => {}
            Job::Ending(ending, pieces) => {
                pieces.iter().for_each(|(tally, raw)| tally.hear(raw));
                drop(pieces);
                ending();
            }
        }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Counting {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    pieces: VecDeque<(Arc<Tally>, Vec<u8>)>,
    /// Ends of requests, and whose text comes before them.
    endings: VecDeque<(Option<Arc<Tally>>, Ending)>,
    /// Bytes of text that the pieces hold.
    waiting: usize,
    /// Whether there is a thread that works.
    at_work: bool,
    stopped: bool,
}

impl Queue {
    fn next(&mut self) -> Option<Job> {
        if let Some((tally, ending)) = self.endings.pop_front() {
            return Some(Job::Ending(ending, tally.map(|tally| self.take(&tally)).unwrap_or_default()));
        }
        if self.waiting <= MAX_AT_REST && !self.stopped {
            return None;
        }
        let (tally, raw) = self.pieces.pop_front()?;
        self.waiting -= raw.capacity();
        Some(Job::Piece(tally, raw))
    }

    /// Takes out the pieces of one answer, in their order.
    fn take(&mut self, tally: &Arc<Tally>) -> Vec<(Arc<Tally>, Vec<u8>)> {
        let mut taken = Vec::new();
        for (of, raw) in std::mem::take(&mut self.pieces) {
            if Arc::ptr_eq(&of, tally) {
                self.waiting -= raw.capacity();
                taken.push((of, raw));
            } else if Arc::strong_count(&of) > 1 {
                self.pieces.push_back((of, raw));
            } else {
                // Its answer has ended with its usage.
                self.waiting -= raw.capacity();
            }
        }
        taken
    }
}

impl std::fmt::Debug for Counting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Counting").field("pieces", &self.lock().pieces.len()).finish_non_exhaustive()
    }
}

impl Counting {
    /// Leaves a piece of text to be counted, if there is room.
    pub(super) fn hear(&self, tally: &Arc<Tally>, raw: Vec<u8>) {
        let mut queue = self.lock();
        if queue.waiting + raw.capacity() > MAX_WAITING || !queue.at_work {
            drop(queue);
            tally.miss(raw.len() as u64);
            return;
        }
        queue.waiting += raw.capacity();
        queue.pieces.push_back((tally.clone(), raw));
        let rests = queue.waiting <= MAX_AT_REST;
        drop(queue);
        if !rests {
            self.wake.notify_one();
        }
    }

    /// Leaves what ends a request, to be done when all text of its tally is counted. Where no thread works it is done at once.
    pub(super) fn end(&self, tally: Option<Arc<Tally>>, ending: Ending) {
        let mut queue = self.lock();
        if !queue.at_work {
            let pieces = tally.map(|tally| queue.take(&tally)).unwrap_or_default();
            drop(queue);
            Job::Ending(ending, pieces).run();
            return;
        }
        queue.endings.push_back((tally, ending));
        drop(queue);
        self.wake.notify_one();
    }

    /// From here on endings are left to the thread that will call [`Counting::work`].
    pub(super) fn expect_work(&self) {
        let mut queue = self.lock();
        (queue.at_work, queue.stopped) = (true, false);
    }

    /// Works until told to stop and nothing is left.
    pub(super) fn work(&self) {
        loop {
            let mut queue = self.lock();
            let job = loop {
                if let Some(job) = queue.next() {
                    break job;
                }
                if queue.stopped {
                    queue.at_work = false;
                    return;
                }
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            };
            drop(queue);
            job.run();
        }
    }

    /// Lets the thread end once nothing is left.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    impl Tally {
        fn counted(&self) -> u64 {
            self.output.lock().unwrap().take().map_or(0, |output| output.finish().output)
        }
    }

    fn tally() -> Arc<Tally> {
        Tally::new(Tokenizer::of("gpt-4o"))
    }

    #[test]
    fn pieces_are_counted_in_their_order_before_the_end() {
        let counting = Arc::new(Counting::default());
        counting.expect_work();
        let worker = std::thread::spawn({
            let counting = counting.clone();
            move || counting.work()
        });
        let (told, tells) = mpsc::sync_channel(1);
        let tally = tally();
        // Cut within a word, which counts as one only in this order.
        for piece in ["The riv", "er fl", "ows."] {
            counting.hear(&tally, piece.as_bytes().to_vec());
        }
        // Another's text lies beside it and is not counted for it.
        let other = Tally::new(Tokenizer::of("gpt-4o"));
        counting.hear(&other, b"Something else.".to_vec());
        counting.end(Some(tally.clone()), Box::new(move || told.send(tally.finish_with(b"", 0)).unwrap()));
        assert_eq!(tells.recv().unwrap(), OutputCount { output: 4, reasoning: 0, exact: true });
        assert_eq!(counting.lock().pieces.len(), 1, "it rests");
        counting.stop();
        worker.join().unwrap();
        assert_eq!((other.counted(), counting.lock().waiting), (3, 0), "nothing rests at the end");
        let (told, tells) = mpsc::sync_channel(1);
        counting.end(None, Box::new(move || told.send(()).unwrap()));
        assert_eq!(tells.try_recv(), Ok(()), "nobody works any more, so it is done at once");
    }

    #[test]
    fn what_finds_no_room_is_estimated() {
        let counting = Counting::default();
        counting.expect_work();
        let tally = tally();
        let text = "word word ".repeat(1000);
        let room = MAX_WAITING / text.len();
        for _ in 0..room + 100 {
            counting.hear(&tally, text.as_bytes().to_vec());
        }
        assert_eq!(counting.lock().pieces.len(), room);
        counting.stop();
        counting.work();
        let count = tally.finish_with(b"", 0);
        assert!(!count.exact);
        let expected = 2000 * (room as u64 + 100);
        assert!(count.output.abs_diff(expected) < expected / 50, "{count:?} for {expected}");
    }

    /// What waits beyond half of the room is counted, the oldest first, so that there is room for what comes.
    #[test]
    fn what_rests_too_much_is_counted() {
        let counting = Arc::new(Counting::default());
        counting.expect_work();
        let worker = std::thread::spawn({
            let counting = counting.clone();
            move || counting.work()
        });
        let tally = tally();
        let piece = "word ".repeat(1000).into_bytes();
        for _ in 0..3 * MAX_WAITING / piece.len() {
            while counting.lock().waiting > MAX_AT_REST {
                std::thread::yield_now();
            }
            counting.hear(&tally, piece.clone());
        }
        assert_eq!(tally.missed.load(Ordering::Relaxed), 0);
        counting.stop();
        worker.join().unwrap();
    }

    #[test]
    fn what_nobody_waits_for_is_not_counted() {
        let counting = Counting::default();
        counting.expect_work();
        counting.hear(&tally(), vec![b'x'; 1 << 20]);
        counting.stop();
        counting.work();
        assert_eq!(counting.lock().waiting, 0);
    }
}
