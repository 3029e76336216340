//! The open-loop load: requests at fixed instants, whatever the proxy does. Latency counts from the instant a request was
//! due, so that a stall is charged to every request that waited behind it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use rustix::event::{Timespec, epoll};

use crate::http;

/// Long against any answer, short against a wait for nothing.
const LONG: Duration = Duration::from_millis(100);

/// The schedule of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) requests_per_second: f64,
    pub(crate) connections: usize,
    /// Left out of the figures.
    pub(crate) warmup: Duration,
    pub(crate) window: Duration,
}

/// How long one request took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// When it was due, from the start of the window.
    pub(crate) due: Duration,
    pub(crate) micros: f64,
}

struct Connection {
    socket: TcpStream,
    answer: Vec<u8>,
    due: Duration,
}

struct Connections {
    all: Vec<Connection>,
    idle: Vec<usize>,
    poll: OwnedFd,
    events: Vec<epoll::Event>,
}

/// Runs the schedule and gives the latency of each request of the window.
pub(crate) fn run(addr: SocketAddr, body: &str, schedule: Schedule) -> Result<Vec<Sample>> {
    let request = http::post(addr, body);
    let mut connections = Connections::open(addr, schedule.connections)?;
    let length = schedule.warmup + schedule.window;
    let total = (schedule.requests_per_second * length.as_secs_f64()) as u64;
    let due = |number: u64| Duration::from_secs_f64(number as f64 / schedule.requests_per_second);
    let mut samples = Vec::with_capacity(total as usize);
    let (mut sent, mut done) = (0, 0);
    let start = Instant::now();
    while done < total {
        ensure!(start.elapsed() < length * 2 + Duration::from_secs(5), "{addr} cannot hold the rate");
        while sent < total && due(sent) <= start.elapsed() && connections.send(&request, due(sent))? {
            sent += 1;
        }
        // With nothing to send, or nothing to send it on, only an answer can bring the loop on.
        let until_due = due(sent).saturating_sub(start.elapsed());
        let wait = if sent == total || connections.idle.is_empty() { LONG } else { until_due };
        for due in connections.answered(wait)? {
            done += 1;
            if let Some(in_window) = due.checked_sub(schedule.warmup) {
                samples.push(Sample { due: in_window, micros: (start.elapsed() - due).as_secs_f64() * 1e6 });
            }
        }
    }
    Ok(samples)
}

impl Connections {
    fn open(addr: SocketAddr, count: usize) -> Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut all = Vec::with_capacity(count);
        for at in 0..count {
            let socket = http::connect(addr)?;
            socket.set_nonblocking(true)?;
            epoll::add(&poll, &socket, epoll::EventData::new_u64(at as u64), epoll::EventFlags::IN)?;
            all.push(Connection { socket, answer: Vec::with_capacity(4096), due: Duration::ZERO });
        }
        Ok(Connections { all, idle: (0..count).collect(), poll, events: Vec::with_capacity(count) })
    }

    /// Sends on an idle connection; false where there is none.
    fn send(&mut self, request: &[u8], due: Duration) -> Result<bool> {
        let Some(at) = self.idle.pop() else {
            return Ok(false);
        };
        self.all[at].due = due;
        self.all[at].socket.write_all(request)?;
        Ok(true)
    }

    /// Waits so long for answers, and tells when the answered requests were due. epoll, not poll: asking every
    /// connection at every turn would take the upstream's time, with which this thread shares a processor.
    fn answered(&mut self, wait: Duration) -> Result<Vec<Duration>> {
        let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        self.events.clear();
        epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut self.events), Some(&wait))?;
        let mut answered = Vec::new();
        for event in &self.events {
            let at = event.data.u64() as usize;
            if self.all[at].read_answer()? {
                answered.push(self.all[at].due);
                self.idle.push(at);
            }
        }
        Ok(answered)
    }
}

impl Connection {
    /// Reads what is there; true once the answer is complete.
    fn read_answer(&mut self) -> Result<bool> {
        let mut piece = [0; 16 * 1024];
        match self.socket.read(&mut piece) {
            Ok(0) => bail!("a keep-alive connection was closed"),
            Ok(n) => self.answer.extend_from_slice(&piece[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let complete = http::complete_body(&self.answer)?.is_some();
        if complete {
            self.answer.clear();
        }
        Ok(complete)
    }
}
