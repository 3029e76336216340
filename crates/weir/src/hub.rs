//! `POST /api/v1/hub`: other Weirs bring their Records. Each has a replica of its journal here, so a line is here once, by its number.
//!
//! A body is a line of JSON that says whose lines follow, and the lines as they stand in the journal, packed with gzip or not.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use store::Seq;
use store::data_dir::HUB;
use store::replica::{self, Replica};
use tokio::sync::Semaphore;

use crate::config::{Secret, sha256};
use crate::push::{Format, unpack};

/// Where a hub is fed.
pub const PATH: &str = "/api/v1/hub";
/// The largest body, before and after it is unpacked.
const LARGEST: usize = 8 << 20;
/// So many bodies are read at a time.
const AT_ONCE: usize = 2;
/// A journal's lines are shorter.
const LONGEST_LINE: usize = 64 << 10;
/// More Weirs do not feed one.
const MOST_WEIRS: usize = 1000;

/// No journal ever has so many.
const MOST_LINES: Seq = 1 << 60;

/// What stands before the lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The name of the Weir whose lines these are.
    pub instance: String,
    /// The journal that they are from; another one begins anew.
    pub journal: String,
    /// The number of the first line there.
    pub first: Seq,
}

/// See the module.
#[derive(Debug)]
pub struct Hub {
    dir: PathBuf,
    room: Semaphore,
    replicas: Mutex<Replicas>,
}

/// By the name of a Weir and the id of its journal.
type Replicas = HashMap<(String, String), Arc<Mutex<Replica>>>;

type Refusal = (StatusCode, String);

impl Hub {
    /// In a data directory.
    #[must_use]
    pub fn new(data_dir: &std::path::Path) -> Hub {
        Hub { dir: data_dir.join(HUB), room: Semaphore::new(AT_ONCE), replicas: Mutex::default() }
    }

    /// Takes lines of a Weir that has the token; without one nobody feeds this hub.
    pub async fn receive(
        self: &Arc<Hub>,
        head: &Parts,
        body: &mut Incoming,
        token: Option<&Secret>,
    ) -> Response<Full<Bytes>> {
        let (status, text) = match self.take(head, body, token).await {
            Ok(()) => (StatusCode::NO_CONTENT, String::new()),
            Err((status, text)) => (status, format!("{text}\n")),
        };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }

    async fn take(self: &Arc<Hub>, head: &Parts, body: &mut Incoming, token: Option<&Secret>) -> Result<(), Refusal> {
        let token = token.ok_or((StatusCode::NOT_FOUND, "this Weir is no hub: hub.token is not set".to_owned()))?;
        if head.method != Method::POST {
            return Err((StatusCode::METHOD_NOT_ALLOWED, format!("{PATH} takes POST, not {}", head.method)));
        }
        let token = token.read().map_err(|reason| (StatusCode::SERVICE_UNAVAILABLE, format!("hub.token: {reason}")))?;
        let given = head.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        // Digests tell nothing of how much of a token was right.
        if sha256(given) != sha256(format!("Bearer {token}").as_bytes()) {
            return Err((StatusCode::UNAUTHORIZED, "the token is not this hub's".to_owned()));
        }
        let _permit =
            self.room.acquire().await.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
        #[allow(clippy::disallowed_methods, reason = "it is read with a limit")]
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|error| (StatusCode::BAD_REQUEST, format!("the body: {error}")))?.to_bytes();
        let encoding = head.headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (hub, encoding) = (self.clone(), encoding.to_owned());
        // What takes long is not done where everybody else is answered.
        let work = move || {
            let body =
                unpack(&encoding, Format::Json, &body, LARGEST).map_err(|refused| (refused.status, refused.message))?;
            hub.store(&body)
        };
        let gone = |_| (StatusCode::SERVICE_UNAVAILABLE, "Weir is going down".to_owned());
        tokio::task::spawn_blocking(work).await.map_err(gone)?
    }

    fn store(&self, body: &[u8]) -> Result<(), Refusal> {
        let (head, lines) = parse(body).map_err(|reason| (StatusCode::BAD_REQUEST, reason))?;
        let count = memchr::memchr_iter(b'\n', lines).count() as u64;
        let failed = |error: io::Error| {
            let full = error.kind() == io::ErrorKind::StorageFull;
            let status = if full { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
            (status, format!("the Records cannot be written: {error}"))
        };
        let replica = self.replica(&head).map_err(failed)?;
        let replica = replica.ok_or((StatusCode::TOO_MANY_REQUESTS, "too many Weirs feed this hub".to_owned()))?;
        let mut replica = replica.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, missing) = replica.take(head.first, count, lines).map_err(failed)?;
        if missing > 0 {
            crate::log::say(format_args!("hub: {missing} lines of {:?} went before they could be sent", head.instance));
        }
        Ok(())
    }

    /// Ends the last files of those that have sent nothing for so long, so that they are sealed as all others are.
    ///
    /// # Errors
    /// The file system refused.
    pub fn rest(&self, since: Duration) -> io::Result<()> {
        for journal in replica::quiet(&self.dir, since)? {
            // For as long as these are held, nobody begins to write there.
            let replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
            let mut open = replicas.values().map(|replica| replica.lock().unwrap_or_else(PoisonError::into_inner));
            match open.find(|replica| replica.writes_to(&journal)) {
                Some(mut replica) => replica.rest()?,
                None => replica::rest(&journal)?,
            }
        }
        Ok(())
    }

    fn replica(&self, head: &Head) -> io::Result<Option<Arc<Mutex<Replica>>>> {
        let mut replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (head.instance.clone(), head.journal.clone());
        if let Some(replica) = replicas.get(&key) {
            return Ok(Some(replica.clone()));
        }
        if replicas.len() >= MOST_WEIRS {
            return Ok(None);
        }
        let replica = Arc::new(Mutex::new(Replica::open(&self.dir, &head.instance, &head.journal)?));
        replicas.insert(key, replica.clone());
        Ok(Some(replica))
    }
}

/// What a body says of its lines, and the lines: whole ones, each an object.
///
/// # Errors
/// What is wrong with it.
pub fn parse(body: &[u8]) -> Result<(Head, &[u8]), String> {
    let end = memchr::memchr(b'\n', body).ok_or("there are no lines")?;
    let head: Head = serde_json::from_slice(&body[..end]).map_err(|error| format!("the first line: {error}"))?;
    let name = |text: &str| (1..=100).contains(&text.len()) && !text.chars().any(char::is_control);
    if !name(&head.instance) || !name(&head.journal) || !(1..MOST_LINES).contains(&head.first) {
        return Err("the first line names no Weir, no journal, or no number".to_owned());
    }
    let lines = &body[end + 1..];
    if lines.last() != Some(&b'\n') {
        return Err("the last line breaks off".to_owned());
    }
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let line = &line[..line.len() - 1];
        // What its journal holds is the other Weir's to say; it may be a newer one.
        let object = line.first() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
        if !object || line.len() >= LONGEST_LINE {
            return Err("a line is no object".to_owned());
        }
    }
    Ok((head, lines))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::atomic::AtomicBool;

    use store::library::Libraries;
    use store::lot::{Wanted, lots};

    use super::*;
    use crate::seal::{self, Sealing};

    /// Lines from number `first` on, as a Weir brings them.
    fn body(instance: &str, first: Seq, lines: &[Vec<u8>]) -> Vec<u8> {
        let head = Head { instance: instance.to_owned(), journal: "j".to_owned(), first };
        [serde_json::to_vec(&head).unwrap(), b"\n".to_vec(), lines.concat()].concat()
    }

    fn held(data_dir: &std::path::Path) -> Vec<Vec<u8>> {
        let mut held = Vec::new();
        for lot in lots(data_dir).unwrap() {
            let visit = &mut |_, line: &[u8]| {
                held.push([line, b"\n"].concat());
                ControlFlow::Continue(())
            };
            assert!(lot.read(&Wanted::from(1), visit).unwrap().is_empty());
        }
        held.sort();
        held
    }

    /// Of three journals one is still being fed, one was before this process began, and one goes on in a directory behind a hole.
    #[test]
    fn what_fell_silent_is_sealed_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let history = crate::simulate::history::History::new(60, 1 << 60, (1 << 60) + (1 << 50), 5).unwrap();
        let lines: Vec<Vec<u8>> = history
            .map(|record| {
                let mut line = Vec::new();
                meter::record::render(&record, &mut line);
                line
            })
            .collect();
        Hub::new(dir.path()).store(&body("gone", 1, &lines[..10])).unwrap();
        let hub = Hub::new(dir.path());
        hub.store(&body("here", 1, &lines[10..20])).unwrap();
        hub.store(&body("hole", 1, &lines[20..30])).unwrap();
        hub.store(&body("hole", 41, &lines[30..40])).unwrap();
        let others = Arc::new(Libraries::new(dir.path(), seal::open_library));
        let sealing = Sealing {
            library: Arc::new(seal::open(dir.path()).unwrap()),
            journal: dir.path().join("journal"),
            current: || 1,
            retention: || None,
            others: others.clone(),
            keep: || Some(Duration::ZERO),
            sound: Arc::default(),
        };
        let sealed = || {
            sealing.tidy(&AtomicBool::new(false)).unwrap();
            let lots = others.all().unwrap();
            let rows = |library: &store::Library| -> u64 {
                library.shelf().segments().iter().map(|segment| segment.next() - segment.first()).sum()
            };
            lots.iter().map(|(_, library)| rows(library)).sum::<u64>()
        };
        hub.rest(Duration::from_secs(3600)).unwrap();
        assert_eq!(sealed(), 0, "who has just sent something may send more");
        hub.rest(Duration::ZERO).unwrap();
        assert_eq!(sealed(), 40);
        assert!(replica::quiet(&hub.dir, Duration::ZERO).unwrap().is_empty());
        // They go on where they were, and what is sent again is known.
        hub.store(&body("here", 6, &[&lines[15..20], &lines[40..50]].concat())).unwrap();
        hub.store(&body("gone", 11, &lines[50..])).unwrap();
        hub.rest(Duration::ZERO).unwrap();
        assert_eq!(sealed(), 60);
        let mut lines = lines;
        lines.sort();
        assert!(held(dir.path()) == lines);
    }
}
