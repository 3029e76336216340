//! Meter.
