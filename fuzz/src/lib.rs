//! What must hold for any bytes, one module per target. The fuzz targets call [`TARGETS`]' functions with what libFuzzer
//! makes up; `crates/weir/tests/corpus.rs` compiles the same files and calls them with the seeds, in every `cargo test`.
//!
//! An input is a plain file: the body, the line, the journal as it is. Where a reader takes pieces, the cuts are drawn from
//! the bytes themselves ([`cuts`]), so that a seed can be read and an artifact be passed on.

pub mod answer;
pub mod asked;
pub mod config;
pub mod feed;
pub mod form;
pub mod frame;
pub mod framing;
pub mod grid;
pub mod hub;
pub mod import;
pub mod inspect;
pub mod journal;
pub mod jsonpath;
pub mod line;
mod model;
pub mod pattern;
pub mod push;
pub mod pushed;
pub mod query;
pub mod regex;
pub mod segment;
pub mod splice;
pub mod stages;
pub mod template;
pub mod tokens;

/// What a target does with an input; it panics where something does not hold.
pub type Check = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Check)] = &[
    ("answer", answer::check),
    ("asked", asked::check),
    ("config", config::check),
    ("feed", feed::check),
    ("form", form::check),
    ("frame", frame::check),
    ("framing", framing::check),
    ("grid", grid::check),
    ("hub", hub::check),
    ("import", import::check),
    ("inspect", inspect::check),
    ("journal", journal::check),
    ("jsonpath", jsonpath::check),
    ("line", line::check),
    ("pattern", pattern::check),
    ("push", push::check),
    ("pushed", pushed::check),
    ("query", query::check),
    ("regex", regex::check),
    ("segment", segment::check),
    ("splice", splice::check),
    ("stages", stages::check),
    ("template", template::check),
    ("tokens", tokens::check),
];

/// The first line and what follows: a parameter, and what it is used on.
fn parted(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

/// Ways to cut `bytes`: at every byte, and a few that the bytes' own hash draws.
fn cuts(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut ways = vec![bytes.chunks(1).collect::<Vec<_>>()];
    // FNV-1a seeds the draw, xorshift goes on with it: any spread will do, as long as it is the same each time.
    let mut state = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    for longest in [3, 16, 200] {
        let (mut pieces, mut rest) = (Vec::new(), bytes);
        while !rest.is_empty() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Empty pieces are cuts too.
            let (piece, after) = rest.split_at(((state >> 11) as usize % (longest + 1)).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        ways.push(pieces);
    }
    ways
}
