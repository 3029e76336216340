//! What providers and papers state of requests, to be compared with what the method says: fixed points, none of which the fit
//! has seen.

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What is stated, in words.
    pub name: String,
    /// The model that it is of, or one that stands for it.
    pub model: String,
    /// The provider, by its name in the catalogue of prices.
    pub provider: String,
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// The least and the most that is stated, in watt-hours.
    pub watt_hours: (f64, f64),
    /// How the tokens or the energy were made of what is stated, and who states it.
    pub note: String,
}

impl Point {
    /// Between the least and the most.
    #[must_use]
    pub fn middle(&self) -> f64 {
        (self.watt_hours.0 * self.watt_hours.1).sqrt()
    }
}

/// All of them.
#[must_use]
pub fn points() -> Vec<Point> {
    include_str!("../../data/reference_points.tsv").lines().filter_map(point).collect()
}

fn point(line: &str) -> Option<Point> {
    if line.starts_with('#') {
        return None;
    }
    let mut cells = line.split('\t');
    let mut next = || cells.next();
    Some(Point {
        name: next()?.to_owned(),
        model: next()?.to_owned(),
        provider: next()?.to_owned(),
        input_tokens: next()?.parse().ok()?,
        output_tokens: next()?.parse().ok()?,
        watt_hours: (next()?.parse().ok()?, next()?.parse().ok()?),
        note: next()?.to_owned(),
    })
}
