//! Records on standard output, the same lines as in the journal.

use std::io;
use std::time::Duration;

use rustix::io::Errno;
use store::Seq;
use store::journal::Batch;

use super::Sink;

/// How long a full pipe is given before it is tried again, where writing does not block by itself.
const FULL: Duration = Duration::from_millis(5);

/// Writes lines to standard output. What a reader of the other end has not taken waits in the journal, not in memory.
#[derive(Debug, Default)]
pub struct Stdout {
    /// After a failure: from which line on, and how many bytes of it are out already, so that no line is torn.
    partial: Option<(Seq, usize)>,
}

impl Sink for Stdout {
    fn name(&self) -> &str {
        "stdout"
    }

    fn deliver(&mut self, batch: Batch<'_>) -> io::Result<()> {
        let mut written = self.partial.take().filter(|(first, _)| *first == batch.first).map_or(0, |(_, bytes)| bytes);
        while written < batch.lines.len() {
            match rustix::io::write(rustix::stdio::stdout(), &batch.lines[written..]) {
                Ok(bytes) => written += bytes,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => std::thread::sleep(FULL),
                Err(error) => {
                    self.partial = Some((batch.first, written));
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}
