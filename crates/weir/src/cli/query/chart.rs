//! Series in a terminal: a line of blocks for each, all to one scale.

use std::collections::BTreeMap;
use std::io::{self, Write};

use logql::eval::{Answer, Request, Series};
use logql::stage::units::format_float;

use super::when;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws a matrix `width` characters wide; other answers have no course over time.
pub(super) fn draw(out: &mut impl Write, answer: &Answer, request: &Request, width: usize) -> io::Result<()> {
    let Answer::Matrix(series) = answer else {
        return Err(io::Error::other("a chart shows metric queries only"));
    };
    let finite =
        || series.iter().flat_map(|series| &series.points).map(|point| point.1).filter(|value| value.is_finite());
    let (least, most) = (finite().fold(0.0, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    if most == f64::NEG_INFINITY {
        return writeln!(out, "nothing to draw");
    }
    let step = request.step.max(1);
    let steps = usize::try_from((request.end - request.start) / step).unwrap_or(0) + 1;
    // A series without labels is all there is, unless there are others.
    let alone = series.len() == 1;
    let name = |one: &Series| if alone && one.labels.is_empty() { "all".to_owned() } else { one.labels.to_string() };
    let names = series.iter().map(|series| name(series).chars().count()).max().unwrap_or(0).min(width / 3);
    let room = width.saturating_sub(names + 16).max(10);
    writeln!(
        out,
        "{} to {}, {} to {}",
        when::write(request.start),
        when::write(request.end),
        short(least),
        short(most)
    )?;
    for one in series {
        let at = |at: i64| usize::try_from((at - request.start) / step).unwrap_or(0);
        let points: BTreeMap<usize, f64> = one.points.iter().map(|(time, value)| (at(*time), *value)).collect();
        let line: String = (0..room.min(steps)).map(|cell| block(&points, cell, room, steps, (least, most))).collect();
        let label: String = name(one).chars().take(names).collect();
        let last = one.points.last().map_or(f64::NAN, |point| point.1);
        writeln!(out, "{label:names$} {line} {}", short(last))?;
    }
    Ok(())
}

/// What one character shows: the greatest of the steps that share it, or a blank where there are none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "one of eight blocks")]
fn block(points: &BTreeMap<usize, f64>, cell: usize, room: usize, steps: usize, (least, most): (f64, f64)) -> char {
    let (from, to) = if steps <= room { (cell, cell + 1) } else { (cell * steps / room, (cell + 1) * steps / room) };
    let here = points.range(from..to.max(from + 1)).map(|(_, value)| *value).filter(|value| value.is_finite());
    let Some(value) = here.reduce(f64::max) else { return ' ' };
    let share = if most > least { (value - least) / (most - least) } else { 1.0 };
    BLOCKS[((share * 8.0) as usize).min(7)]
}

/// With three digits behind the point at most, unless it is small.
fn short(value: f64) -> String {
    match value.abs() {
        1e-2.. => format_float((value * 1_000.0).round() / 1_000.0),
        _ => format_float(value),
    }
}
