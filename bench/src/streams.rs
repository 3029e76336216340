//! The streaming load: so many streams open at any time, each followed by another when it ends.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::http::{self, StreamReader};

/// What is asked, and how often at once.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) addr: SocketAddr,
    pub(crate) streams: usize,
    pub(crate) chunks: u32,
    pub(crate) include_usage: bool,
    /// The streams start evenly over this time, and so their chunks come evenly too.
    pub(crate) ramp: Duration,
    pub(crate) window: Duration,
}

/// What happened between the two probes.
#[derive(Debug)]
pub(crate) struct Held<T> {
    pub(crate) before: T,
    pub(crate) after: T,
    pub(crate) events: u64,
    /// Streams that were receiving when the window ended.
    pub(crate) open: usize,
    /// Streams that came to their end, over the whole time.
    pub(crate) completed: u64,
}

#[derive(Debug, Default)]
struct Tally {
    events: Cell<u64>,
    open: Cell<usize>,
    completed: Cell<u64>,
    failure: RefCell<Option<anyhow::Error>>,
}

/// Opens the streams, waits for the ramp and a second more, and probes before and after the window.
pub(crate) fn hold<T>(load: &Load, probe: impl Fn() -> Result<T>) -> Result<Held<T>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tally = Rc::new(Tally::default());
    let tasks = LocalSet::new();
    for number in 0..load.streams {
        let (load, tally) = (load.clone(), Rc::clone(&tally));
        tasks.spawn_local(async move {
            tokio::time::sleep(load.ramp.mul_f64(number as f64 / load.streams as f64)).await;
            if let Err(error) = stream_on(&load, &tally).await {
                *tally.failure.borrow_mut() = Some(error);
            }
        });
    }
    tasks.block_on(&runtime, async {
        tokio::time::sleep(load.ramp + Duration::from_secs(1)).await;
        let (before, events) = (probe()?, tally.events.get());
        tokio::time::sleep(load.window).await;
        let (after, events) = (probe()?, tally.events.get() - events);
        if let Some(error) = tally.failure.take() {
            return Err(error.context("a stream failed"));
        }
        Ok(Held { before, after, events, open: tally.open.get(), completed: tally.completed.get() })
    })
}

async fn stream_on(load: &Load, tally: &Tally) -> Result<()> {
    let request = http::post(load.addr, &http::stream_body(load.chunks, load.include_usage)?);
    // The end mark, and the usage where it was asked for.
    let expected = u64::from(load.chunks) + 1 + u64::from(load.include_usage);
    let mut socket = TcpStream::connect(load.addr).await.context("connecting")?;
    socket.set_nodelay(true)?;
    let mut piece = vec![0; 16 * 1024];
    loop {
        socket.write_all(&request).await?;
        let mut reader = StreamReader::default();
        loop {
            let n = socket.read(&mut piece).await?;
            if n == 0 {
                bail!("closed after {} events", reader.events);
            }
            let seen = reader.events;
            let complete = reader.take(&piece[..n])?;
            if seen == 0 && reader.events > 0 {
                tally.open.set(tally.open.get() + 1);
            }
            tally.events.set(tally.events.get() + reader.events - seen);
            if complete {
                break;
            }
        }
        ensure!(reader.events == expected, "{} events where {expected} were due", reader.events);
        tally.open.set(tally.open.get() - 1);
        tally.completed.set(tally.completed.get() + 1);
    }
}
