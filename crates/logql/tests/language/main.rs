//! The language, question by question: scripts that load entries and say what comes of queries.
//!
//! Their form is that of Loki's own `.logqltest` files, so that those can be run, too: `LOGQL_SCRIPTS=folder cargo test -p
//! weir-logql --test language` runs every `.logqltest` file in a folder. Each query is asked of rows and of columns.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![allow(unreachable_pub, reason = "nobody else reaches a test's modules")]

#[path = "../conformance/columns.rs"]
mod columns;
mod expect;
mod items;
mod script;

use std::path::{Path, PathBuf};

use logql::eval::{Answer, Context, Limits, Request, evaluate};
use logql::source::{Direction, RowSource, Source};
use logql::syntax::parse;
use script::{Command, Eval, When};

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "logqltest"));
    found.sort();
    found
}

#[test]
fn scripts_hold() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language/scripts");
    let others = std::env::var_os("LOGQL_SCRIPTS").map(PathBuf::from);
    let (mut asked, mut failed) = (0, Vec::new());
    for path in [Some(own), others].into_iter().flatten().flat_map(|folder| scripts(&folder)) {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        run(&name, &text, &mut asked, &mut failed);
    }
    assert!(asked > 100, "{asked} questions");
    assert!(failed.is_empty(), "{} of {asked} failed\n{}", failed.len(), failed.join("\n"));
}

fn run(name: &str, text: &str, asked: &mut usize, failed: &mut Vec<String>) {
    let mut entries = Vec::new();
    for command in script::parse(text) {
        match command {
            Command::Clear => entries.clear(),
            Command::Load(more) => entries.extend(more),
            Command::Eval(eval) => {
                *asked += 1;
                let rows = RowSource::new(entries.clone());
                let columns = columns::ColumnSource::new(&entries, 16);
                for (kind, source) in [("rows", &rows as &dyn Source), ("columns", &columns)] {
                    if let Err(why) = expect::check(&eval, ask(source, &eval)) {
                        failed.push(format!("{name}:{} ({kind}): {}\n    {why}", eval.line, eval.query));
                    }
                }
            }
        }
    }
}

fn ask(source: &dyn Source, eval: &Eval) -> Result<Answer, String> {
    let query = parse(&eval.query).map_err(|error| error.to_string())?;
    let is_log = matches!(query, logql::syntax::Expr::Log(_));
    let request = match eval.when {
        // Older scripts ask for entries as for samples.
        When::Instant(at) if is_log => {
            Request { limit: 1000, direction: Direction::Forward, ..Request::range(at - 30_000_000_000, at, 1) }
        }
        When::Range { start, end, .. } if is_log => {
            Request { limit: 1000, direction: Direction::Forward, ..Request::range(start, end, 1) }
        }
        When::Instant(at) => Request::instant(at),
        When::Range { start, end, step } => Request::range(start, end, step),
        When::Select { start, end, forward } => {
            let direction = if forward { Direction::Forward } else { Direction::Backward };
            Request { limit: 1000, direction, ..Request::range(start, end, 1) }
        }
    };
    let context = Context { limits: Limits::default(), ..Context::default() };
    evaluate(source, &query, &request, &context).map(|outcome| outcome.answer).map_err(|error| error.to_string())
}
