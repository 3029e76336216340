//! Operators between vectors.

use std::collections::{HashMap, HashSet};

use super::error::EvalError;
use super::vector::{Relabelled, Vectors, drop_empty};
use crate::labels::Labels;
use crate::syntax::ast::{Binary, BinaryOp, Cardinality, Compare, Matching};
use crate::syntax::combine;

const DUPLICATE_RIGHT: &str = "found duplicate series on the right hand-side;many-to-many matching not allowed: matching labels \
    must be unique on one side";
const DUPLICATE_LEFT: &str = "found duplicate series on the left hand-side;many-to-many matching not allowed: matching labels \
    must be unique on one side";
const IMPLICIT: &str = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
const AMBIGUOUS: &str = "multiple matches for labels: grouping labels must ensure unique matches";

/// A comparison that is not `bool` keeps the sample on the left if it holds, and drops it if not.
fn apply(binary: &Binary, left: f64, right: f64) -> Option<f64> {
    match binary.op {
        BinaryOp::Compare(compare) if !binary.bool => compare.holds(&left, &right).then_some(left),
        op => Some(combine(op, left, right)),
    }
}

/// A vector and a number, which stands on the left if `swapped`. Either way a comparison keeps the vector's samples.
pub(super) fn with_literal(binary: &Binary, mut vectors: Vectors, literal: f64, swapped: bool) -> Vectors {
    let filter = matches!(binary.op, BinaryOp::Compare(_)) && !binary.bool;
    for step in &mut vectors.steps {
        step.retain_mut(|(_, value)| {
            let (left, right) = if swapped { (literal, *value) } else { (*value, literal) };
            if filter {
                let BinaryOp::Compare(compare) = binary.op else { return true };
                return Compare::holds(compare, &left, &right);
            }
            *value = combine(binary.op, left, right);
            true
        });
    }
    vectors
}

/// Two vectors.
pub(super) fn between(binary: &Binary, left: Vectors, right: Vectors) -> Result<Vectors, EvalError> {
    let signature = |labels: &Labels| match (&binary.matching.labels, binary.matching.on) {
        (Some(names), true) => labels.filtered(|name| names.iter().any(|matched| matched == name)),
        (Some(names), false) => labels.filtered(|name| names.iter().all(|ignored| ignored != name)),
        (None, _) => labels.clone(),
    };
    // Both sides' signatures are numbered together.
    let all: Vec<Labels> = left.labels.iter().chain(&right.labels).cloned().collect();
    let numbers = Relabelled::new(&all, signature).of;
    let (left_numbers, right_numbers) = numbers.split_at(left.labels.len());
    if binary.op.is_set() {
        return Ok(set(binary.op, left, left_numbers, right, right_numbers));
    }
    match binary.matching.cardinality {
        Cardinality::OneToMany => matched(binary, &right, right_numbers, &left, left_numbers),
        _ => matched(binary, &left, left_numbers, &right, right_numbers),
    }
}

fn set(op: BinaryOp, left: Vectors, left_numbers: &[u32], right: Vectors, right_numbers: &[u32]) -> Vectors {
    let moved = u32::try_from(left.labels.len()).unwrap_or(u32::MAX);
    let steps = left.steps.into_iter().zip(right.steps).map(|(mut samples, others)| {
        let number = |series: u32| left_numbers[series as usize];
        if op == BinaryOp::Or {
            let here: HashSet<u32> = samples.iter().map(|(series, _)| number(*series)).collect();
            let new = others.into_iter().filter(|(series, _)| !here.contains(&right_numbers[*series as usize]));
            samples.extend(new.map(|(series, value)| (series + moved, value)));
            return samples;
        }
        let there: HashSet<u32> = others.iter().map(|(series, _)| right_numbers[*series as usize]).collect();
        samples.retain(|(series, _)| there.contains(&number(*series)) == (op == BinaryOp::And));
        samples
    });
    let steps = steps.collect();
    let mut labels = left.labels;
    if op == BinaryOp::Or {
        labels.extend(right.labels);
    }
    Vectors { labels, steps }
}

/// Arithmetic and comparison: of `one` there is at most one for each of `many`.
fn matched(
    binary: &Binary,
    many: &Vectors,
    many_numbers: &[u32],
    one: &Vectors,
    one_numbers: &[u32],
) -> Result<Vectors, EvalError> {
    let Matching { cardinality, .. } = binary.matching;
    let swapped = cardinality == Cardinality::OneToMany;
    let mut result = Results::default();
    let mut steps = Vec::with_capacity(many.steps.len());
    for (samples, others) in many.steps.iter().zip(&one.steps) {
        let mut partners: HashMap<u32, (u32, f64)> = HashMap::new();
        for (series, value) in others {
            if partners.insert(one_numbers[*series as usize], (*series, *value)).is_some() {
                return Err(EvalError::Matching(if swapped { DUPLICATE_LEFT } else { DUPLICATE_RIGHT }));
            }
        }
        let (mut used, mut given) = (HashSet::new(), HashSet::new());
        let mut step = Vec::new();
        for (series, value) in samples {
            let number = many_numbers[*series as usize];
            let Some((partner, other)) = partners.get(&number) else { continue };
            let labels = result.labels_of(*series, *partner, || {
                result_labels(&many.labels[*series as usize], &one.labels[*partner as usize], &binary.matching)
            });
            if cardinality == Cardinality::OneToOne && !used.insert(number) {
                return Err(EvalError::Matching(IMPLICIT));
            }
            if cardinality != Cardinality::OneToOne && !given.insert((number, labels)) {
                return Err(EvalError::Matching(AMBIGUOUS));
            }
            let (left, right) = if swapped { (*other, *value) } else { (*value, *other) };
            step.extend(apply(binary, left, right).map(|value| (labels, value)));
        }
        steps.push(step);
    }
    Ok(Vectors { labels: result.labels, steps })
}

/// The labels of results, by the pair of series that they come from.
#[derive(Default)]
struct Results {
    of: HashMap<(u32, u32), u32>,
    known: HashMap<Labels, u32>,
    labels: Vec<Labels>,
}

impl Results {
    fn labels_of(&mut self, series: u32, partner: u32, make: impl FnOnce() -> Labels) -> u32 {
        *self.of.entry((series, partner)).or_insert_with(|| {
            *self.known.entry(make()).or_insert_with_key(|labels| {
                self.labels.push(labels.clone());
                u32::try_from(self.labels.len() - 1).unwrap_or(u32::MAX)
            })
        })
    }
}

/// The labels of the side with many, less those that were not compared if it is one to one, with those to be taken over.
fn result_labels(many: &Labels, one: &Labels, matching: &Matching) -> Labels {
    let mut labels = drop_empty(many);
    if matching.cardinality == Cardinality::OneToOne
        && let Some(names) = &matching.labels
    {
        labels = labels.filtered(|name| names.iter().any(|matched| matched == name) == matching.on);
    }
    for name in matching.include.iter().flatten() {
        labels = drop_empty(&labels.with(name, one.get(name).unwrap_or_default()));
    }
    labels
}
