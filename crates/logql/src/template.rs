//! The part of Go's `text/template` that LogQL uses, with all functions that Loki documents.
