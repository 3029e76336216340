//! Reads a journal as an auditor would: every file, every line, every byte, and by its own means.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use meter::record::{Line, Owned, id_text};

/// What a Record says, as far as it matters here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fact {
    pub(crate) event: String,
    pub(crate) end_reason: Option<String>,
    /// Whether input, output and total tokens and the cost are there.
    pub(crate) priced: bool,
    /// Nano-dollars.
    pub(crate) cost: u64,
    pub(crate) simulated: bool,
}

impl Fact {
    pub(crate) fn is_completed(&self) -> bool {
        self.event == "llm_request_completed"
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.event == "llm_request_failed" && self.end_reason.as_deref() == Some("proxy_killed")
    }
}

/// What has been read so far. Read while nothing is written.
#[derive(Debug)]
pub(crate) struct Audit {
    dir: PathBuf,
    /// The number of the next line.
    pub(crate) next: u64,
    file: Option<(u64, u64)>,
    last_timestamp: u64,
    /// By request id.
    pub(crate) facts: HashMap<String, Fact>,
}

impl Audit {
    /// Reads the whole journal of a data directory.
    pub(crate) fn of(data_dir: &Path) -> Audit {
        let mut audit = Audit::new(data_dir);
        audit.catch_up();
        audit
    }

    pub(crate) fn new(data_dir: &Path) -> Audit {
        let dir = data_dir.join("journal");
        Audit { dir, next: 1, file: None, last_timestamp: 0, facts: HashMap::new() }
    }

    /// Reads what has been added.
    pub(crate) fn catch_up(&mut self) {
        for (first, path) in files(&self.dir) {
            let offset = match self.file {
                Some((current, _)) if first < current => continue,
                Some((current, offset)) if first == current => offset,
                // The oldest file may have gone for want of room; from then on there are no gaps.
                None => {
                    self.next = first;
                    0
                }
                Some(_) => {
                    assert_eq!(first, self.next, "{} is named by its first line", path.display());
                    0
                }
            };
            let file = fs::File::open(&path).unwrap();
            let mut bytes = vec![0; (file.metadata().unwrap().len() - offset) as usize];
            file.read_exact_at(&mut bytes, offset).unwrap();
            bytes.split_inclusive(|byte| *byte == b'\n').for_each(|line| self.line(line));
            self.file = Some((first, offset + bytes.len() as u64));
        }
    }

    fn line(&mut self, line: &[u8]) {
        let shown = String::from_utf8_lossy(line);
        assert!(line.ends_with(b"\n"), "torn: {shown}");
        let parsed = Line::parse(line).unwrap_or_else(|| panic!("no line: {shown}"));
        let mut rendered = Vec::new();
        parsed.render(&mut rendered);
        assert_eq!(String::from_utf8_lossy(&rendered), shown, "renders to other bytes");
        let Some(Owned::Time(timestamp)) = parsed.get("timestamp") else { panic!("no timestamp: {shown}") };
        assert!(*timestamp > self.last_timestamp, "its timestamp is not after the one before: {shown}");
        self.last_timestamp = *timestamp;
        let Some(Owned::Id(id)) = parsed.get("request_id") else { panic!("no request_id: {shown}") };
        let id = String::from_utf8(id_text(id).to_vec()).unwrap();
        let before = self.facts.insert(id, fact(&parsed));
        assert!(before.is_none(), "a second Record: {shown}");
        self.next += 1;
    }

    /// The Record of a request.
    pub(crate) fn fact(&self, id: &str) -> &Fact {
        self.facts.get(id).unwrap_or_else(|| panic!("{id} has no Record"))
    }

    /// How many Records are like this.
    pub(crate) fn count(&self, like: impl Fn(&Fact) -> bool) -> usize {
        self.facts.values().filter(|fact| like(fact)).count()
    }
}

fn fact(line: &Line) -> Fact {
    let text = |name| match line.get(name) {
        Some(Owned::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let amounts = ["input_tokens", "output_tokens", "total_tokens", "cost_usd"];
    Fact {
        event: text("event").unwrap(),
        end_reason: text("end_reason"),
        priced: amounts.iter().all(|name| line.get(name).is_some()),
        cost: if let Some(Owned::Fixed(cost, _)) = line.get("cost_usd") { *cost } else { 0 },
        simulated: line.get("simulated") == Some(&Owned::Bool(true)),
    }
}

/// The journal's files with the numbers in their names, oldest first. There is nothing else in the directory.
pub(crate) fn files(journal: &Path) -> Vec<(u64, PathBuf)> {
    let mut files: Vec<_> = fs::read_dir(journal)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let digits = name.strip_suffix(".jsonl").unwrap_or_else(|| panic!("{name} in the journal"));
            assert_eq!(digits.len(), 20, "{name}");
            (digits.parse().unwrap(), path.clone())
        })
        .collect();
    files.sort();
    files
}

/// All bytes of the journal of a data directory.
pub(crate) fn bytes(data_dir: &Path) -> Vec<u8> {
    files(&data_dir.join("journal")).into_iter().flat_map(|(_, path)| fs::read(path).unwrap()).collect()
}
