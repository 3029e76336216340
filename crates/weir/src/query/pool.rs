//! The threads that answer questions: few, of lower priority than those that serve requests, with a queue that has an end.
//! A question fails before a request waits.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use http::StatusCode;
use logql::eval::Watch;
use tokio::sync::oneshot;

use super::Failure;

/// How far behind others these threads stand for the processor: `nice`'s figure.
const NICENESS: i32 = 15;

type Job = Box<dyn FnOnce() + Send>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Pool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
    room: usize,
    /// Bytes of the process above which nothing is answered; 0 for any.
    most_memory: u64,
}

struct Queue {
    waiting: Mutex<VecDeque<Job>>,
    news: Condvar,
    /// How many threads there are, and how many work: what is idle may help a question that is under way.
    size: usize,
    busy: AtomicUsize,
    /// Set when no more are answered.
    closed: Arc<AtomicBool>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Queue({})", self.lock().len())
    }
}

/// The threads that a question has: one, and those that were idle when it began.
struct Claim<'q> {
    queue: &'q Queue,
    threads: usize,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.queue.busy.fetch_sub(self.threads, Ordering::AcqRel);
    }
}

impl Queue {
    fn new(size: usize) -> Queue {
        let (waiting, news, busy, closed) = Default::default();
        Queue { waiting, news, size, busy, closed }
    }

    fn claim(&self) -> Claim<'_> {
        let before = self.busy.fetch_add(1, Ordering::AcqRel);
        // Whoever waits gets a thread soon.
        let idle = self.size.saturating_sub(before + 1 + self.lock().len());
        self.busy.fetch_add(idle, Ordering::AcqRel);
        Claim { queue: self, threads: 1 + idle }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if self.closed.load(Ordering::Acquire) {
                return None;
            }
            if let Some(job) = waiting.pop_front() {
                return Some(job);
            }
            waiting = self.news.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Whether an answer is still wanted and may be had, and how long it has taken.
#[derive(Debug)]
pub(crate) struct Patience {
    gone: AtomicBool,
    closed: Arc<AtomicBool>,
    since: Instant,
    most_memory: u64,
    /// Whether the process took more than it may.
    too_large: AtomicBool,
    /// With how many threads it may read.
    threads: AtomicUsize,
}

impl Patience {
    fn new(closed: &Arc<AtomicBool>, most_memory: u64) -> Patience {
        let (gone, too_large, threads) = (AtomicBool::default(), AtomicBool::default(), AtomicUsize::new(1));
        Patience { gone, closed: closed.clone(), since: Instant::now(), most_memory, too_large, threads }
    }

    /// With how many threads the question may read, this one included.
    pub(crate) fn threads(&self) -> usize {
        self.threads.load(Ordering::Relaxed)
    }

    /// Whether the process takes more memory than it may. Found once, it stays so for this question.
    fn is_too_large(&self) -> bool {
        if self.most_memory > 0 && resident().is_some_and(|bytes| bytes > self.most_memory) {
            self.too_large.store(true, Ordering::Relaxed);
        }
        self.too_large.load(Ordering::Relaxed)
    }
}

impl Watch for Patience {
    fn elapsed_ns(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    fn is_cancelled(&self) -> bool {
        self.gone.load(Ordering::Relaxed) || self.closed.load(Ordering::Relaxed) || self.is_too_large()
    }
}

/// Tells the question when whoever asked is gone: the future that waited was dropped.
struct Waiting(Arc<Patience>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.gone.store(true, Ordering::Relaxed);
    }
}

impl Pool {
    /// Starts so many threads; so many questions may wait for one. Above so many bytes of the whole process, 0 for any, nothing is
    /// answered.
    pub(crate) fn start(threads: usize, room: usize, most_memory: u64) -> io::Result<Pool> {
        let queue = Arc::new(Queue::new(threads));
        let start = |number: usize| {
            let queue = queue.clone();
            std::thread::Builder::new().name(format!("query-{number}")).spawn(move || {
                step_back();
                while let Some(job) = queue.next() {
                    job();
                }
            })
        };
        Ok(Pool { threads: (0..threads).map(start).collect::<io::Result<_>>()?, queue, room, most_memory })
    }

    /// Does `work` on one of the threads.
    ///
    /// # Errors
    /// Too many wait already, or the work panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Patience) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let patience = Arc::new(Patience::new(&self.queue.closed, self.most_memory));
        let waiting = Waiting(patience.clone());
        let (tell, told) = oneshot::channel();
        let (looks, queue) = (patience.clone(), self.queue.clone());
        self.put(Box::new(move || {
            let claim = queue.claim();
            patience.threads.store(claim.threads, Ordering::Relaxed);
            if !patience.is_cancelled() {
                // A question that panics has no answer; the thread goes on.
                let answer = catch_unwind(AssertUnwindSafe(|| work(&patience)));
                drop(claim);
                let _ = tell.send(answer);
            }
        }))?;
        let outcome = told.await;
        drop(waiting);
        if looks.too_large.load(Ordering::Relaxed) {
            let text =
                "Weir has no more memory for this query; consider a shorter time range or a more specific selector";
            return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        match outcome {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => {
                Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the query failed; that is a bug of Weir's"))
            }
            Err(_) => Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "Weir is going down")),
        }
    }

    fn put(&self, job: Job) -> Result<(), Failure> {
        let mut waiting = self.queue.lock();
        if waiting.len() >= self.room {
            return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "too many outstanding requests"));
        }
        waiting.push_back(job);
        drop(waiting);
        self.queue.news.notify_one();
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.closed.store(true, Ordering::Release);
        // Whoever has just looked holds the lock until it waits; after this it hears.
        self.queue.lock().clear();
        self.queue.news.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Bytes of the process that are in memory, as Linux tells.
fn resident() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = told.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Lets threads that serve requests go first. Linux has a figure for each thread; where it refuses, all are equal.
fn step_back() {
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn work_is_done_elsewhere_and_panics_stay_there() {
        let pool = Pool::start(1, 4, 0).unwrap();
        let name = block_on(pool.run(|_| std::thread::current().name().map(str::to_owned))).unwrap();
        assert_eq!(name.as_deref(), Some("query-0"));
        let failed = block_on(pool.run(|_| -> u8 { panic!("no answer") })).unwrap_err();
        assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(block_on(pool.run(|_| 7)).unwrap(), 7, "the thread goes on");
    }

    #[test]
    fn idle_threads_help() {
        let pool = Pool::start(3, 4, 0).unwrap();
        let (first, second) = block_on(async {
            tokio::join!(pool.run(Patience::threads), async {
                // The first one may be under way or over.
                pool.run(Patience::threads).await
            })
        });
        assert!((1..=3).contains(&first.unwrap()) && (1..=3).contains(&second.unwrap()));
        assert_eq!(block_on(pool.run(Patience::threads)).unwrap(), 3, "nobody else is asked");
        assert_eq!(pool.queue.busy.load(Ordering::Acquire), 0);
    }

    #[test]
    fn nothing_is_answered_where_memory_is_short() {
        assert!(resident().unwrap() > 1 << 20);
        let pool = Pool::start(1, 4, 1 << 20).unwrap();
        let refused = block_on(pool.run(|_| 7)).unwrap_err();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.text.contains("no more memory"), "{refused}");
    }

    #[test]
    fn who_leaves_cancels_and_who_comes_late_is_refused() {
        let pool = Pool::start(1, 1, 0).unwrap();
        let (begun, cancelled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (begins, ends) = (begun.clone(), cancelled.clone());
        block_on(async {
            let endless = Box::pin(pool.run(move |patience| {
                begins.store(true, Ordering::Release);
                while !patience.is_cancelled() {
                    std::thread::yield_now();
                }
                ends.store(true, Ordering::Release);
            }));
            let left = tokio::select! {
                _ = endless => false,
                () = async { while !begun.load(Ordering::Acquire) { tokio::task::yield_now().await } } => {
                    // One waits behind it, and there is room for no more.
                    pool.put(Box::new(|| ())).unwrap();
                    let refused = pool.run(|_| ()).await.unwrap_err();
                    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
                    true
                }
            };
            assert!(left);
        });
        block_on(async {
            while !cancelled.load(Ordering::Acquire) {
                tokio::task::yield_now().await
            }
        });
    }
}
