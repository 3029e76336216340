//! Screen: lines with tones, cut to a terminal's width and drawn in place.

use std::io::IsTerminal;

/// The size assumed where none can be found out.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// How the view is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Style {
    /// In a terminal, with colours.
    Colour,
    /// In a terminal, without colours.
    Monochrome,
    /// Text and nothing else, for a file or a pipe.
    Plain,
}

impl Style {
    /// The style that fits stdout, without colours where `NO_COLOR` is set (<https://no-color.org>).
    pub fn detect() -> Style {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match std::io::stdout().is_terminal() && !dumb {
            false => Style::Plain,
            true if no_colour => Style::Monochrome,
            true => Style::Colour,
        }
    }
}

/// The columns and rows of the terminal behind stdout, else behind stderr, else those in `COLUMNS` and `LINES`, else 80 by 24.
pub fn terminal_size() -> (u16, u16) {
    let size =
        rustix::termios::tcgetwinsize(std::io::stdout()).or_else(|_| rustix::termios::tcgetwinsize(std::io::stderr()));
    match size {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (variable("COLUMNS").unwrap_or(USUAL_SIZE.0), variable("LINES").unwrap_or(USUAL_SIZE.1)),
    }
}

fn variable(name: &str) -> Option<u16> {
    std::env::var(name).ok()?.parse().ok().filter(|size| *size > 0)
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tone {
    Plain,
    Quiet,
    Strong,
    Good,
    Warning,
    Bad,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Quiet => "\x1b[2m",
            Tone::Strong => "\x1b[1m",
            Tone::Good => "\x1b[32m",
            Tone::Warning => "\x1b[33m",
            Tone::Bad => "\x1b[31m",
        }
    }
}

/// A line in pieces, each with its tone.
pub(super) type Spans = Vec<(Tone, String)>;

/// `lines` as they go to the terminal, cut to its size.
pub(super) fn draw(lines: &[Spans], style: Style, columns: usize, rows: usize) -> String {
    let drawn = lines.iter().take(rows.max(1)).map(|spans| draw_line(spans, style, columns));
    if style == Style::Plain {
        return drawn.map(|line| line.trim_end().to_owned() + "\n").collect();
    }
    // Each line is written over the old one and the rest of it cleared, so that nothing is ever blank in between.
    let drawn: Vec<String> = drawn.map(|line| line + "\x1b[K").collect();
    format!("\x1b[H{}\x1b[J", drawn.join("\r\n"))
}

fn draw_line(spans: &Spans, style: Style, columns: usize) -> String {
    let mut line = String::new();
    let mut left = columns;
    for (tone, text) in spans {
        let text = fit(text, left);
        left -= width(&text);
        match (style, tone.code()) {
            (Style::Colour, code) if !code.is_empty() && !text.is_empty() => {
                line.push_str(code);
                line.push_str(&text);
                line.push_str("\x1b[0m");
            }
            _ => line.push_str(&text),
        }
    }
    line
}

/// The beginning of `text` that fits into `columns`, with a mark where something is missing.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut fitting = String::new();
    let mut left = columns.saturating_sub(1);
    for character in text.chars() {
        match left.checked_sub(character_width(character)) {
            Some(rest) => left = rest,
            None => break,
        }
        fitting.push(character);
    }
    if columns > 0 {
        fitting.push('…');
    }
    fitting
}

/// `text` in exactly `columns`, to the left of them.
pub(super) fn left(text: &str, columns: usize) -> String {
    let text = fit(text, columns);
    let space = columns.saturating_sub(width(&text));
    text + &" ".repeat(space)
}

/// `text` in exactly `columns`, to the right of them.
pub(super) fn right(text: &str, columns: usize) -> String {
    let text = fit(text, columns);
    " ".repeat(columns.saturating_sub(width(&text))) + &text
}

/// `text` without what a terminal would obey rather than show: control characters, and marks that turn the direction.
pub(super) fn clean(text: &str) -> String {
    let shown = |character: char| {
        let turns = matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
        if character.is_control() || turns { '·' } else { character }
    };
    text.chars().take(256).map(shown).collect()
}

fn width(text: &str) -> usize {
    text.chars().map(character_width).sum()
}

/// The columns a character takes: two for East Asian letters and pictures, none for marks on the letter before (Unicode
/// annex 11, its large blocks).
fn character_width(character: char) -> usize {
    match character as u32 {
        0x0300..=0x036f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_columns_not_bytes() {
        assert_eq!(fit("gpt-4", 5), "gpt-4");
        assert_eq!(fit("gpt-4-turbo", 5), "gpt-…");
        assert_eq!(fit("通义千问", 5), "通义…");
        assert_eq!((fit("x", 0), left("é", 3), right("12", 4)), (String::new(), "é  ".to_owned(), "  12".to_owned()));
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\r\n\u{202e}c"), "a·[2Jb···c");
        assert_eq!(clean(&"x".repeat(1000)).len(), 256);
    }

    #[test]
    fn colours_are_left_out_where_they_are_not_wanted() {
        let lines = vec![vec![(Tone::Bad, "no".to_owned()), (Tone::Plain, "yes".to_owned())], vec![]];
        assert_eq!(draw(&lines, Style::Plain, 4, 9), "noy…\n\n");
        assert_eq!(draw(&lines, Style::Monochrome, 9, 9), "\x1b[Hnoyes\x1b[K\r\n\x1b[K\x1b[J");
        assert_eq!(draw(&lines, Style::Colour, 9, 1), "\x1b[H\x1b[31mno\x1b[0myes\x1b[K\x1b[J");
    }
}
