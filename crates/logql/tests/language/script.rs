//! Scripts, read.

use logql::Labels;
use logql::source::Entry;
use logql::stage::units::parse_duration;
use logql::syntax::ast::MatchOp;
use logql::syntax::parse_matchers;

pub enum Command {
    Clear,
    Load(Vec<Entry>),
    Eval(Eval),
}

/// A query and what is expected of it.
pub struct Eval {
    pub line: usize,
    pub when: When,
    pub query: String,
    pub expected: Vec<String>,
}

pub enum When {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
    Select { start: i64, end: i64, forward: bool },
}

pub fn parse(text: &str) -> Vec<Command> {
    let lines: Vec<&str> = text.lines().map(without_comment).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim_end();
        at += 1;
        let from = at;
        if line.is_empty() {
            continue;
        }
        while lines.get(at).is_some_and(|line| line.starts_with(' ')) {
            at += 1;
        }
        let block: Vec<String> =
            lines[from..at].iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        match line.split_whitespace().next() {
            Some("clear") => commands.push(Command::Clear),
            Some("load") => commands.push(Command::Load(block.iter().flat_map(|line| load(line)).collect())),
            // Loki writes what it holds; here nothing changes by that.
            Some("flush") => {}
            Some("eval") => commands.push(Command::Eval(eval(line, from, block))),
            _ => panic!("line {from}: {line}"),
        }
    }
    commands
}

/// Cuts off what follows a `#` that stands in no quotes.
fn without_comment(line: &str) -> &str {
    let mut at = 0;
    while let Some(found) = line[at..].find(['"', '`', '#']) {
        at += found;
        if line[at..].starts_with('#') {
            return &line[..at];
        }
        let Some(length) = quotation(&line[at..]) else { break };
        at += length;
    }
    line
}

/// How long the quoted text is that `text` begins with, with its quotes.
fn quotation(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut escaped = false;
    let mut closes = |c: char| {
        let closes = c == quote && !escaped;
        escaped = quote == '"' && c == '\\' && !escaped;
        closes
    };
    Some(2 + text[1..].find(&mut closes)?)
}

fn eval(line: &str, number: usize, expected: Vec<String>) -> Eval {
    let mut rest = line.strip_prefix("eval ").unwrap().trim_start();
    let mut word = || {
        let (word, after) = rest.split_once(' ').unwrap();
        rest = after.trim_start();
        word
    };
    let when = match word() {
        "instant" => {
            word();
            When::Instant(time(word()))
        }
        kind => {
            word();
            let start = time(word());
            word();
            let end = time(word());
            match kind {
                "range" => {
                    word();
                    When::Range { start, end, step: time(word()) }
                }
                _ => When::Select { start, end, forward: word() == "forward" },
            }
        }
    };
    Eval { line: number, when, query: rest.trim().to_owned(), expected }
}

pub fn time(text: &str) -> i64 {
    if text == "0" { 0 } else { parse_duration(text).unwrap_or_else(|| panic!("{text} is no time")) }
}

/// `{…}` and what follows.
pub fn labels(text: &str) -> (Labels, &str) {
    let mut quoted = false;
    let end = text.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'}' && !quoted
    });
    let (selector, rest) = text.split_at(end.unwrap() + 1);
    if selector == "{}" {
        return (Labels::default(), rest.trim_start());
    }
    let inside = selector[1..selector.len() - 1].to_owned();
    (pairs(&inside), rest.trim_start())
}

/// `a="b", c="d"`, with or without commas.
pub fn pairs(text: &str) -> Labels {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches([',', ' ']);
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = after.split_at(quotation(after).unwrap());
        let matcher = format!("{{{}={value}, not_empty=\"x\"}}", name.trim());
        let matcher = parse_matchers(&matcher).unwrap().remove(0);
        assert_eq!(matcher.op, MatchOp::Equal);
        found.push((matcher.name, matcher.value));
        rest = after.trim_start_matches([',', ' ']);
    }
    Labels::new(found)
}

/// A line in quotes, its escapes resolved if they are double, and what follows.
pub fn quoted(text: &str) -> (String, &str) {
    let (quotation, rest) = text.split_at(quotation(text).unwrap());
    let line = match quotation.strip_prefix('`') {
        Some(raw) => raw[..raw.len() - 1].to_owned(),
        None => pairs(&format!("line={quotation}")).get("line").unwrap_or_default().to_owned(),
    };
    (line, rest.trim_start())
}

/// What stands in `[name …]`, if it is next.
pub fn clause<'t>(rest: &mut &'t str, name: &str) -> Option<&'t str> {
    let inside = rest.strip_prefix('[')?.strip_prefix(name)?.strip_prefix(' ')?;
    let mut quoted = false;
    let end = inside.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b']' && !quoted
    });
    let (inside, after) = inside.split_at(end.unwrap());
    *rest = after[1..].trim_start();
    Some(inside)
}

fn load(text: &str) -> Vec<Entry> {
    let (labels, rest) = labels(text);
    // A stream has no empty labels.
    let labels = Labels::new(labels.iter().filter(|(_, value)| !value.is_empty()));
    let (line, rest) = quoted(rest);
    let rest = rest.strip_prefix("@ ").unwrap();
    let (start, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
    rest = rest.trim_start();
    let (mut every, mut count) = (0, 1);
    if let Some(repeat) = clause(&mut rest, "repeat") {
        let words: Vec<_> = repeat.split_whitespace().collect();
        (every, count) = (time(words[1]), words[3].parse().unwrap());
    }
    let metadata = clause(&mut rest, "metadata").map_or(Labels::default(), pairs);
    let entry = |at: i64| Entry {
        labels: labels.clone(),
        timestamp: time(start) + at * every,
        line: line.replace("{{.i}}", &at.to_string()).into_bytes(),
        metadata: metadata.clone(),
    };
    (0..count).map(entry).collect()
}
