//! How much of everything a measurement takes.

use std::time::Duration;

/// The sizes of one benchmark.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) quick: bool,
    /// Interleaved runs of each contender.
    pub(crate) runs: usize,
    /// Load before each measured window, thrown away.
    pub(crate) warmup: Duration,
    /// Each measured window.
    pub(crate) window: Duration,
    /// Keep-alive connections of the unary load.
    pub(crate) connections: usize,
    /// Streams at a time while CPU per chunk is measured; each is followed by another when it ends.
    pub(crate) streams: usize,
    /// Chunks of content per stream.
    pub(crate) chunks: u32,
    /// Time between two chunks of a stream.
    pub(crate) interval: Duration,
    /// Sequential streams per way when time to first token is measured.
    pub(crate) first_tokens: usize,
    /// Requests before memory is read.
    pub(crate) memory_requests: u64,
    /// Streams open at once when memory is read.
    pub(crate) memory_streams: usize,
    pub(crate) memory_interval: Duration,
}

impl Plan {
    pub(crate) fn full() -> Self {
        Plan {
            quick: false,
            runs: 5,
            warmup: Duration::from_secs(2),
            window: Duration::from_secs(8),
            connections: 32,
            streams: 200,
            chunks: 200,
            interval: Duration::from_millis(20),
            first_tokens: 2_000,
            memory_requests: 200_000,
            memory_streams: 2_000,
            memory_interval: Duration::from_millis(500),
        }
    }

    pub(crate) fn quick() -> Self {
        Plan {
            quick: true,
            runs: 1,
            warmup: Duration::from_millis(1_000),
            window: Duration::from_secs(2),
            first_tokens: 200,
            memory_requests: 20_000,
            memory_streams: 200,
            ..Plan::full()
        }
    }
}
