//! How a request ends: with the provider's answer, with one of Weir's own, or because somebody left. Whatever it is, one Record
//! is written, now or once its tokens are counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use http::Response;
use meter::record::{EndReason, Status};
use store::Seq;
use tokio::sync::oneshot;

use super::{Exchange, mark};
use crate::error::{Error, ErrorKind};
use crate::proxy::answer::Answer;
use crate::proxy::counted::{self, Uncounted};
use crate::proxy::settle::{self, End};
use crate::proxy::watch::Watch;
use crate::recorder;

/// How far a request's Record is.
#[must_use]
pub(in crate::proxy) enum Recorded {
    /// In the journal, at this line, or nowhere to wait for.
    Now(Option<Seq>),
    /// To be written once its tokens are counted.
    Later(oneshot::Receiver<Option<Seq>>),
}

impl Exchange {
    /// Weir's own answer takes the place of the provider's.
    pub(in crate::proxy) async fn answer_whole(mut self, mut response: Response<Bytes>) -> Response<Answer> {
        self.gave_up();
        mark(&self.record.request_id, response.headers_mut());
        self.record.outcome.status_code = Some(response.status().as_u16());
        self.record.response_bytes = Some(response.body().len() as u64);
        self.record.outcome.end_reason = Some(EndReason::Complete);
        self.record.status = Status::Success;
        let recorded = Recorded::Now(self.record());
        self.settle(recorded).await;
        response.map(Answer::whole)
    }

    /// An error takes the answer's place.
    pub(in crate::proxy) async fn fail(mut self, error: &Error) -> Response<Answer> {
        let mut response = error.response(Some(&self.record.request_id));
        mark(&self.record.request_id, response.headers_mut());
        if error.kind == ErrorKind::CallerGone {
            drop(self.finish(End::CallerGone));
            return response.map(Answer::whole);
        }
        self.gave_up();
        self.record.status = Status::Error;
        self.record.outcome.status_code = Some(error.kind.status().as_u16());
        self.record.outcome.end_reason = Some(error.kind.end_reason());
        self.record.outcome.error_type = Some(error.kind.code().to_owned());
        self.record.outcome.error_message = Some(error.message.clone());
        // Who was asked and does not answer in time may be at work all the same, and charge for it.
        let asked = error.kind == ErrorKind::UpstreamTimeout && self.times.departed.is_some();
        let recorded = if asked && counted::can_count(self.api()) {
            self.count((Vec::new(), 0), settle::Told::default())
        } else {
            Recorded::Now(self.record())
        };
        self.settle(recorded).await;
        response.map(Answer::whole)
    }

    async fn settle(&self, recorded: Recorded) {
        recorded.settled(self.shared().recorder.clone()).await;
    }

    /// The answer is over.
    pub(in crate::proxy) fn finish(&mut self, end: End) -> Recorded {
        if self.is_finished() {
            return Recorded::Now(None);
        }
        if end != End::Whole {
            self.gave_up();
        }
        let mut reading = self.watch.take().map(Watch::finish).unwrap_or_default();
        self.note_pieces();
        let config = &self.snapshot.config;
        self.record.times.upstream = self.times.upstream();
        settle::read(&mut self.record, &mut reading, self.bill, &config.prices, &config.energy);
        settle::judge(&mut self.record, self.format, &reading, end);
        self.gathering.answer(&self.snapshot, &mut self.record, &reading.found, &self.shown);
        self.shown.take_out_of(&config.providers, &mut self.record);
        let text = self.tally.is_some() || !reading.answer.heard.is_empty();
        if self.times.departed.is_some() && counted::has_to_count(&self.record, &reading, text, end) {
            let told = settle::Told::of(&reading, self.bill);
            return self.count(reading.answer.heard.take(), told);
        }
        self.shared().unknown.notice(&self.record);
        Recorded::Now(self.record())
    }

    /// What only the request says of what is paid by the piece. Who was refused uses nothing.
    fn note_pieces(&mut self) {
        if let Some(model) = self.form.as_ref().and_then(|model| model.get()) {
            self.record.what.model.get_or_insert_with(|| model.clone());
        }
        let served = matches!(self.record.outcome.status_code, Some(200..=299));
        self.record.units.characters = if served { self.characters } else { 0 };
    }

    /// Leaves the Record to whoever counts, to be written then.
    fn count(&mut self, heard: (Vec<u8>, u64), told: settle::Told) -> Recorded {
        let Some(slot) = self.slot.take() else { return Recorded::Now(None) };
        let whole = self.record.status == Status::Success;
        let tally = self.tally.clone();
        let uncounted = Uncounted { request: self.kept.take(), tally: self.tally.take(), heard, whole };
        self.complete();
        let (mut record, shared) = (std::mem::take(&mut self.record), self.shared().clone());
        let snapshot = self.snapshot.clone();
        let (tell, tells) = oneshot::channel();
        self.shared().recorder.end_counted(
            tally,
            Box::new(move || {
                uncounted.count(&mut record);
                settle::price(&mut record, &told, &snapshot.config.prices, &snapshot.config.energy);
                shared.unknown.notice(&record);
                // Nobody waits where the caller has gone.
                let _ = tell.send(shared.recorder.finish(slot, record));
            }),
        );
        Recorded::Later(tells)
    }

    /// Whoever waits for the provider until it ends waits for the provider, not for Weir.
    fn gave_up(&mut self) {
        if self.times.departed.is_some() {
            self.times.last_piece = self.elapsed();
        }
    }

    /// Writes the Record, once.
    fn record(&mut self) -> Option<Seq> {
        let slot = self.slot.take()?;
        self.complete();
        // The memory is free before anybody can read that the request is over.
        self.kept = None;
        let record = std::mem::take(&mut self.record);
        self.shared().recorder.finish(slot, record)
    }

    fn complete(&mut self) {
        self.fill_in_times();
        if let Some(streamed) = &self.streamed {
            self.record.request_bytes = Some(streamed.load(Ordering::Relaxed));
        }
    }

    fn fill_in_times(&mut self) {
        let (now, marks) = (self.elapsed(), &self.times);
        let times = &mut self.record.times;
        times.processing = now;
        let waited = marks.caller + marks.connect;
        let upstream = marks.upstream();
        times.queue = marks.departed.map(|departed| departed.saturating_sub(waited));
        times.network = marks.departed.map(|_| marks.connect);
        times.upstream = upstream;
        times.overhead = Some(now.saturating_sub(waited + upstream.unwrap_or(0)));
    }
}

impl Recorded {
    /// Waits until the Record is as durable as was asked for.
    pub(in crate::proxy) async fn settled(self, recorder: Arc<recorder::Recorder>) {
        let seq = match self {
            Recorded::Now(seq) => seq,
            Recorded::Later(tells) => tells.await.ok().flatten(),
        };
        if let Some(seq) = seq {
            recorder.synced(seq).await;
        }
    }

    /// Whether it is still to be written.
    pub(in crate::proxy) fn is_later(&self) -> bool {
        matches!(self, Recorded::Later(_))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.is_finished() {
            return;
        }
        let stopping = self.worker.stopping.load(Ordering::Relaxed);
        let late = Instant::now() >= self.deadline();
        drop(self.finish(match (stopping, late) {
            (true, _) => End::Stopped,
            (false, true) => End::Timeout,
            (false, false) => End::CallerGone,
        }));
    }
}
