//! A Loki that is stricter than the real one: whatever it would not like is kept as a fault. It may be away, slow, busy or
//! cross, and it may lose its answer after it has stored what it was sent.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::message::{Row, rows};

/// How it behaves.
#[derive(Clone, Copy)]
pub(crate) enum Mood {
    /// As it should.
    Fine,
    /// It takes its time.
    Slow(Duration),
    /// It hangs up without a word; with `true` it has stored before what it was sent.
    HangsUp(bool),
    /// It never answers; with `true` it has stored what it was sent.
    Silent(bool),
    /// It answers with this status, and with this `Retry-After`.
    Says(u16, Option<u64>),
    /// It refuses requests in which there are such lines with 400, and stores the others of them, as Loki does.
    Refuses(fn(&str) -> bool),
}

/// What a Loki has seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// What it keeps: each line once, by its labels, time and text.
    pub(crate) rows: Vec<Row>,
    known: HashSet<(String, u64, String)>,
    /// The newest entry of each stream.
    newest: BTreeMap<String, u64>,
    /// Lines that it had already.
    pub(crate) again: usize,
    /// What is wrong with what it was sent.
    pub(crate) faults: Vec<String>,
    /// When requests came, and what they were answered.
    pub(crate) pushes: Vec<(Instant, u16)>,
    /// The headers of the last one.
    pub(crate) headers: BTreeMap<String, String>,
    /// Whether older entries may come after newer ones.
    pub(crate) any_order: bool,
}

impl Seen {
    fn store(&mut self, row: Row) {
        let stream = format!("{:?}", row.labels);
        if !self.known.insert((stream.clone(), row.nanos, row.line.clone())) {
            self.again += 1;
            return;
        }
        let newest = self.newest.entry(stream).or_default();
        if row.nanos <= *newest && !self.any_order {
            self.faults.push(format!("a new line that is older than what is there: {}", row.line));
        }
        *newest = row.nanos.max(*newest);
        self.rows.push(row);
    }
}

#[derive(Clone)]
pub(crate) struct Loki {
    pub(crate) address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    seen: Arc<Mutex<Seen>>,
}

impl Loki {
    pub(crate) fn start(mood: Mood) -> Loki {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let loki =
            Loki { address: listener.local_addr().unwrap(), mood: Arc::new(Mutex::new(mood)), seen: Arc::default() };
        let serving = loki.clone();
        // It ends with the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let loki = serving.clone();
                std::thread::spawn(move || while loki.answer(&stream).is_ok_and(|goes_on| goes_on) {});
            }
        });
        loki
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// The lines that it keeps, in the order of their time.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut rows = self.seen().rows.clone();
        rows.sort_by_key(|row| row.nanos);
        rows.into_iter().map(|row| row.line).collect()
    }

    /// How many requests have come.
    pub(crate) fn pushes(&self) -> usize {
        self.seen().pushes.len()
    }

    /// Answers one request; whether the connection goes on.
    fn answer(&self, stream: &TcpStream) -> io::Result<bool> {
        let body = self.read(stream)?;
        let mood = *self.mood.lock().unwrap();
        if let Mood::Slow(time) = mood {
            std::thread::sleep(time);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let rows = rows(&body, now);
        let mut seen = self.seen();
        let rows = rows.unwrap_or_else(|fault| {
            seen.faults.push(fault);
            Vec::new()
        });
        let refused = |row: &Row| matches!(mood, Mood::Refuses(refuses) if refuses(&row.line));
        let status = match mood {
            Mood::Says(status, _) => status,
            Mood::HangsUp(_) | Mood::Silent(_) => 0,
            _ if rows.iter().any(refused) => 400,
            _ => 204,
        };
        let stores = matches!(status, 204 | 400) && !matches!(mood, Mood::Says(..))
            || matches!(mood, Mood::HangsUp(true) | Mood::Silent(true));
        rows.into_iter().filter(|row| stores && !refused(row)).for_each(|row| seen.store(row));
        seen.pushes.push((Instant::now(), status));
        drop(seen);
        match mood {
            Mood::HangsUp(_) => return Ok(false),
            Mood::Silent(_) => {
                // Until the other side has had enough.
                let mut stream = stream;
                let _ = stream.read(&mut [0]);
                return Ok(false);
            }
            _ => {}
        }
        let wait =
            if let Mood::Says(_, Some(wait)) = mood { format!("retry-after: {wait}\r\n") } else { String::new() };
        let said = if status == 204 { "" } else { "entry is not to my liking\n" };
        let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", said.len()) };
        let mut stream = stream;
        stream.write_all(format!("HTTP/1.1 {status} X\r\n{wait}{length}\r\n{said}").as_bytes())?;
        Ok(true)
    }

    /// Reads a request, which must be one as Loki's own clients send it.
    fn read(&self, stream: &TcpStream) -> io::Result<Vec<u8>> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let start = line.trim_end().to_owned();
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut seen = self.seen();
        if start != "POST /loki/api/v1/push HTTP/1.1"
            || headers.get("content-type").map(String::as_str) != Some("application/x-protobuf")
            || headers.get("host") != Some(&self.address.to_string())
            || headers.get("content-encoding").is_some_and(|encoding| encoding != "snappy")
            || !reader.buffer().is_empty()
        {
            seen.faults.push(format!("{start} {headers:?}"));
        }
        seen.headers = headers;
        Ok(body)
    }
}
