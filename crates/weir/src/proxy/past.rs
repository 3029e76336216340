//! Past: the Record of a call that is told rather than seen, made as the proxy makes it: by the same meter, prices and rates, on
//! a clock that is told.

use meter::meter::{Format, Meter, Nanos};
use meter::record::{Record, Status};

use super::counted::{self, Uncounted};
use super::settle::{self, End, Told};
use crate::config::Config;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As HTTP says it should.
    Whole,
    /// The caller went away.
    CallerGone,
    /// The provider broke off.
    ProviderGone,
}

/// A call and its answer. Durations are in nanoseconds since the caller's first byte.
#[derive(Debug)]
pub(crate) struct Past<'a> {
    /// Who asked what of whom, when, and the answer's status.
    pub(crate) record: Record,
    /// How the answer is written.
    pub(crate) format: Format,
    /// The pieces of the answer, and when each came.
    pub(crate) pieces: &'a [(Nanos, Vec<u8>)],
    /// When the request left for the provider.
    pub(crate) departed: Nanos,
    /// How much of that was connecting.
    pub(crate) connect: Nanos,
    /// When the caller's last byte left.
    pub(crate) took: Nanos,
    /// How it ended.
    pub(crate) ended: Ended,
}

impl Past<'_> {
    /// Its Record, timestamp and all.
    pub(crate) fn measure(self, config: &Config) -> Record {
        let Past { mut record, format, pieces, departed, connect, took, ended } = self;
        let mut meter = Meter::start(format);
        for (at, bytes) in pieces {
            meter.observe(bytes, *at);
        }
        record.response_bytes = Some(pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum());
        let mut reading = meter.finish();
        let end = match ended {
            Ended::Whole => End::Whole,
            Ended::CallerGone => End::CallerGone,
            Ended::ProviderGone => End::UpstreamGone,
        };
        let last = pieces.last().map_or(departed, |(at, _)| (*at).max(departed));
        record.times.upstream = Some(last - departed);
        settle::read(&mut record, &mut reading, None, &config.prices, &config.energy);
        settle::judge(&mut record, format, &reading, end);
        if counted::has_to_count(&record, &reading, !reading.answer.heard.is_empty(), end) {
            let told = Told::of(&reading, None);
            let whole = record.status == Status::Success;
            Uncounted { request: None, tally: None, heard: reading.answer.heard.take(), whole }.count(&mut record);
            settle::price(&mut record, &told, &config.prices, &config.energy);
        }
        let times = &mut record.times;
        times.processing = took;
        times.queue = Some(departed.saturating_sub(connect));
        times.network = Some(connect);
        times.overhead = Some(took.saturating_sub(connect + (last - departed)));
        record.timestamp = record.times.started_at + took;
        record
    }
}
