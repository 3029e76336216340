//! What a query holds in memory, by its own account: what it has found, and what it looks at. Short-lived trifles are not in it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::error::EvalError;

/// What a query may hold, and what all of its threads hold now.
#[derive(Debug)]
pub(super) struct Memory {
    /// 0 for any.
    most: u64,
    held: AtomicU64,
}

impl Memory {
    pub(super) fn new(most: u64) -> Self {
        Self { most, held: AtomicU64::new(0) }
    }

    /// A part of it, with nothing in it yet.
    pub(super) fn part(&self) -> Held<'_> {
        Held { memory: self, bytes: 0 }
    }
}

/// What a thread holds, or something that it made. It is given back when this goes.
#[derive(Debug)]
pub(super) struct Held<'m> {
    memory: &'m Memory,
    bytes: u64,
}

impl Held<'_> {
    /// It has come to be so many bytes.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), EvalError> {
        let bytes = bytes as u64;
        let held = if bytes >= self.bytes {
            let more = bytes - self.bytes;
            self.memory.held.fetch_add(more, Ordering::Relaxed).saturating_add(more)
        } else {
            let less = self.bytes - bytes;
            self.memory.held.fetch_sub(less, Ordering::Relaxed).saturating_sub(less)
        };
        self.bytes = bytes;
        match self.memory.most {
            most if most > 0 && held > most => Err(EvalError::Memory(most)),
            _ => Ok(()),
        }
    }

    /// So many bytes more.
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), EvalError> {
        self.set(usize::try_from(self.bytes).unwrap_or(usize::MAX).saturating_add(bytes))
    }

    /// It stays for as long as the query does.
    pub(super) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.memory.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Labels;
    use crate::eval::{Context, Limits, Request, evaluate};
    use crate::source::{Entry, RowSource};
    use crate::syntax::parse;

    #[test]
    fn parts_count_together_until_they_go() {
        let memory = Memory::new(100);
        let (mut one, mut other) = (memory.part(), memory.part());
        one.set(60).unwrap();
        other.add(40).unwrap();
        assert_eq!(one.add(1), Err(EvalError::Memory(100)));
        one.set(10).unwrap();
        other.add(50).unwrap();
        drop(one);
        other.keep();
        assert_eq!(memory.part().set(11), Err(EvalError::Memory(100)), "90 stay");
        memory.part().set(10).unwrap();
        Memory::new(0).part().set(usize::MAX).unwrap();
    }

    /// Whatever grows with what is asked for is counted.
    #[test]
    fn what_grows_is_counted() {
        const ENTRIES: i64 = 2000;
        let source = RowSource::new((0..ENTRIES).map(|number| Entry {
            labels: Labels::new([("app", "x")]),
            timestamp: number,
            line: format!("{{\"id\":\"{number}\",\"value\":{number}}}").into_bytes(),
            metadata: Labels::default(),
        }));
        for query in [
            r#"{app="x"}"#,
            r#"sum by (id) (count_over_time({app="x"} | json [1m]))"#,
            r#"quantile_over_time(0.5, {app="x"} | json | unwrap value [1m]) by ()"#,
            r#"rate_counter({app="x"} | json | unwrap value [1m])"#,
            r#"sum(count_over_time({app="x"}[1m])) or sum by (id) (count_over_time({app="x"} | json [1m]))"#,
        ] {
            let parsed = parse(query).unwrap();
            let asked = |memory: u64| {
                let limits = Limits { memory, series: usize::MAX, ..Limits::default() };
                let request = Request { limit: 5000, ..Request::range(0, ENTRIES, 1000) };
                evaluate(&source, &parsed, &request, &Context { limits, ..Context::default() })
            };
            // The batch alone takes 24 KiB.
            assert_eq!(asked(32 << 10).unwrap_err(), EvalError::Memory(32 << 10), "{query}");
            asked(16 << 20).unwrap();
        }
    }
}
