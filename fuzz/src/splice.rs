//! Splicing a stream: the same output at any cuts, and for each event what a plain reader of events expects.

use meter::splice::Splicer;

use super::model;

/// An event longer than this passes as it is.
const LONGEST: usize = 1 << 20;
/// Four or five of these in an input stand for a quarter of [`LONGEST`] each, so that small inputs make long events.
const LONG: u8 = 0x01;

/// Checks one stream.
pub fn check(stream: &[u8]) {
    let grown = grow(stream);
    let whole = spliced(&[&grown]);
    let ways = if grown.len() > stream.len() {
        // Byte by byte takes too long here; pieces of a network's size do.
        vec![grown.chunks(65_536).collect(), grown.chunks(grown.len() / 2 + 1).collect()]
    } else {
        super::cuts(&grown)
    };
    for pieces in ways {
        assert!(spliced(&pieces) == whole, "other cuts, other bytes");
    }
    let apart: Vec<u8> = model::events(&grown).into_iter().flat_map(one).collect();
    assert!(apart == whole, "the events by themselves make another stream");
    if !contains(&grown, b"\"usage\"") {
        assert!(whole == grown, "a stream without usage has changed");
    }
}

fn grow(stream: &[u8]) -> Vec<u8> {
    if !(4..=5).contains(&stream.iter().filter(|byte| **byte == LONG).count()) {
        return stream.to_vec();
    }
    let mut grown = Vec::with_capacity(2 * LONGEST);
    for byte in stream {
        if *byte == LONG {
            grown.resize(grown.len() + LONGEST / 4, b'x');
        } else {
            grown.push(*byte);
        }
    }
    grown
}

fn spliced(pieces: &[&[u8]]) -> Vec<u8> {
    let (mut splicer, mut out, mut fed) = (Splicer::default(), Vec::new(), 0);
    let mut usage_seen = false;
    for piece in pieces {
        splicer.feed(piece, &mut out);
        fed += piece.len();
        // What is held back is one event at most; what was cut out is not held, and has this in it.
        usage_seen |= pieces.len() == 1 || piece.contains(&b'u');
        assert!(usage_seen || fed - out.len() <= LONGEST, "{} bytes are held", fed - out.len());
    }
    splicer.finish(&mut out);
    out
}

/// What becomes of one event, checked.
fn one(event: &[u8]) -> Vec<u8> {
    let out = spliced(&[event]);
    let ended = model::lines(event).last().is_some_and(|line| model::content(line).is_empty() && model::is_ended(line));
    if !ended || event.len() > LONGEST {
        assert!(out == event, "an event that is unfinished, or long, has changed");
        return out;
    }
    let lines = model::lines(event);
    let mut data = lines.iter().filter_map(|line| model::content(line).strip_prefix(b"data:"));
    let (Some(json), None) = (data.next(), data.next()) else {
        assert!(out == event, "an event without one line of data has changed");
        return out;
    };
    // What serde_json does not take the splicer may take for JSON, or not: it is no usage event of any provider.
    let Some(members) = model::members(json) else { return out };
    let usage = members.iter().rposition(|member| member.key == b"usage");
    let choices = members.iter().rfind(|member| member.key == b"choices").map(|member| member.value);
    let no_choices = choices.is_some_and(|value| value[0] == b'[' && value[1..].trim_ascii() == b"]");
    match usage.map(|at| (at, members[at].value)) {
        Some((_, [b'{', ..])) if no_choices => assert!(out.is_empty(), "an event of usage alone is left"),
        Some((at, b"null")) => cut(event, &out, &members, at),
        _ => assert!(out == event, "an event without usage to take out has changed"),
    }
    out
}

/// One run of bytes has gone, and with it the member at `at` and nothing else.
fn cut(event: &[u8], out: &[u8], members: &[model::Member<'_>], at: usize) {
    assert!(out.len() < event.len(), "usage is left");
    let front = event.iter().zip(out).take_while(|(a, b)| a == b).count();
    let back = event.iter().rev().zip(out.iter().rev()).take_while(|(a, b)| a == b).count();
    assert!(front + back >= out.len(), "more than one cut");
    let json = model::lines(out).into_iter().find_map(|line| model::content(line).strip_prefix(b"data:"));
    let left = json.and_then(model::members);
    assert!(left.is_some(), "what is left is not JSON");
    let pair = |member: &model::Member<'_>| (member.key.to_vec(), member.value.to_vec());
    let mut expected: Vec<_> = members.iter().map(pair).collect();
    expected.remove(at);
    assert_eq!(left.map(|left| left.iter().map(pair).collect()), Some(expected));
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
