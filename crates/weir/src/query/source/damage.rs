//! Segments that turn out to be damaged while a question is answered.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use logql::source::SourceError;
use store::SegmentError;

/// What was found of it, to be put aside by whoever asked.
#[derive(Debug, Default)]
pub(crate) struct Damage(Mutex<Vec<SegmentError>>);

impl Damage {
    /// Why a question has no answer. What may be there another time is not noted.
    pub(super) fn note(&self, error: SegmentError) -> SourceError {
        let why = SourceError(error.to_string());
        if matches!(error, SegmentError::Damaged { .. }) {
            let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let is_known = |path: &Path| noted.iter().any(|known| known.path() == path);
            if !is_known(error.path()) {
                noted.push(error);
            }
        }
        why
    }

    /// What was noted, each file once.
    pub(super) fn take(&self) -> Vec<SegmentError> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
