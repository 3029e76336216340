//! A calm live view of Records, for a terminal.
//!
//! It is fed Record lines and nothing else: every figure is summed from them, and what they leave unknown is shown as unknown.
//! All of it has a fixed size: 60 seconds of rate, 20 models and then "other", the last 8 requests.

use std::time::Instant;

mod figure;
mod layout;
mod line;
mod rate;
mod screen;
mod tally;

#[cfg(test)]
mod tests;

pub use screen::{Style, terminal_size};

use line::Line;
use rate::Rate;
use tally::Tally;

/// The requests shown one by one.
const LATEST: usize = 8;

/// What the terminal shows.
///
/// ```
/// use weir::demo::view::{Style, View};
///
/// let mut view = View::new(vec!["Page      http://127.0.0.1:4001/".to_owned()]).with_style(Style::Plain);
/// view.push(r#"{"event":"llm_request_completed","model":"gpt-4","input_tokens":25,"output_tokens":150,"cost_usd":null}"#);
/// assert!(view.render(100, 30).contains("no price"));
/// ```
#[derive(Debug)]
pub struct View {
    header: Vec<String>,
    style: Style,
    rate: Rate,
    tally: Tally,
    latest: std::collections::VecDeque<Line>,
    unreadable: u64,
}

impl View {
    /// A view with `header` above the figures: where to look, one line each. The style is the one that fits stdout.
    pub fn new(header: Vec<String>) -> View {
        View {
            header,
            style: Style::detect(),
            rate: Rate::new(Instant::now()),
            tally: Tally::default(),
            latest: std::collections::VecDeque::with_capacity(LATEST),
            unreadable: 0,
        }
    }

    /// The same view in another style.
    pub fn with_style(self, style: Style) -> View {
        View { style, ..self }
    }

    /// What to write before the first [`render`](View::render): it opens a screen of its own and hides the cursor.
    pub fn opening(&self) -> &'static str {
        match self.style {
            Style::Plain => "",
            Style::Colour | Style::Monochrome => "\x1b[?1049h\x1b[?25l",
        }
    }

    /// What to write after the last [`render`](View::render): it brings back the screen and the cursor that were there.
    pub fn closing(&self) -> &'static str {
        match self.style {
            Style::Plain => "",
            Style::Colour | Style::Monochrome => "\x1b[?25h\x1b[?1049l",
        }
    }

    /// Takes in one Record line. Lines of other events are passed over; a line that is no JSON object is counted and shown as
    /// unreadable.
    pub fn push(&mut self, line: &str) {
        self.push_at(line, Instant::now());
    }

    fn push_at(&mut self, line: &str, now: Instant) {
        let Ok(line) = Line::read(line) else {
            self.unreadable += 1;
            return;
        };
        if !line.is_request() {
            return;
        }
        self.rate.add(now);
        self.tally.add(&line);
        self.latest.truncate(LATEST - 1);
        self.latest.push_front(line);
    }

    /// The whole view for a terminal of `columns` by `rows`, to be written in one piece.
    ///
    /// In a terminal it is drawn over the one before, line by line, with no clearing in between.
    pub fn render(&self, columns: u16, rows: u16) -> String {
        self.render_at(columns, rows, Instant::now())
    }

    fn render_at(&self, columns: u16, rows: u16, now: Instant) -> String {
        let lines = layout::lines(self, usize::from(columns), usize::from(rows), now);
        screen::draw(&lines, self.style, usize::from(columns), usize::from(rows))
    }
}
