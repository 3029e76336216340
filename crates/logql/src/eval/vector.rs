//! Vectors, one for each step, and what aggregations and functions make of them.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::aggregate::{Points, Sum, Variance};
use super::error::EvalError;
use crate::labels::Labels;
use crate::stage::regex;
use crate::syntax::ast::{Grouping, LabelReplace, VectorAggregation, VectorOp};

/// The samples of all steps. Their order within a step counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Vectors {
    /// Of each series.
    pub(super) labels: Vec<Labels>,
    /// Series and value of each sample of each step.
    pub(super) steps: Vec<Vec<(u32, f64)>>,
}

impl Vectors {
    /// Of the points of each series. Series come sorted by their labels, and those without points not at all.
    pub(super) fn new(labels: Vec<Labels>, points: Vec<Points>, steps: usize) -> Self {
        let mut series: Vec<_> = labels.into_iter().zip(points).filter(|(_, points)| !points.is_empty()).collect();
        series.sort_by(|left, right| left.0.cmp(&right.0));
        let mut vectors = Self { labels: Vec::with_capacity(series.len()), steps: vec![Vec::new(); steps] };
        for (labels, points) in series {
            let number = vectors.add(labels);
            for (step, value) in points {
                vectors.steps[step as usize].push((number, value));
            }
        }
        vectors
    }

    /// The same sample at each step, without labels.
    pub(super) fn constant(value: f64, steps: usize) -> Self {
        Self { labels: vec![Labels::default()], steps: vec![vec![(0, value)]; steps] }
    }

    fn add(&mut self, labels: Labels) -> u32 {
        self.labels.push(labels);
        u32::try_from(self.labels.len() - 1).unwrap_or(u32::MAX)
    }
}

/// Gives each series another set of labels: `of[series]` is its number among the new ones.
pub(super) struct Relabelled {
    pub(super) of: Vec<u32>,
    pub(super) labels: Vec<Labels>,
}

impl Relabelled {
    pub(super) fn new(labels: &[Labels], change: impl Fn(&Labels) -> Labels) -> Self {
        let (mut known, mut changed) = (HashMap::new(), Vec::new());
        let of = labels.iter().map(|labels| {
            *known.entry(change(labels)).or_insert_with_key(|labels: &Labels| {
                changed.push(labels.clone());
                u32::try_from(changed.len() - 1).unwrap_or(u32::MAX)
            })
        });
        Self { of: of.collect(), labels: changed }
    }
}

/// The labels by which series fall together. `without` also drops those that are empty.
fn grouped(labels: &Labels, grouping: &Grouping) -> Labels {
    let named = |name: &str| grouping.labels.iter().any(|label| label == name);
    match grouping.without {
        false => labels.filtered(named),
        true => drop_empty(&labels.filtered(|name| !named(name))),
    }
}

pub(super) fn drop_empty(labels: &Labels) -> Labels {
    match labels.iter().any(|(_, value)| value.is_empty()) {
        false => labels.clone(),
        true => Labels::new(labels.iter().filter(|(_, value)| !value.is_empty())),
    }
}

pub(super) fn aggregate(aggregation: &VectorAggregation, inner: Vectors) -> Vectors {
    match aggregation.op {
        VectorOp::Sort => sort(inner, |left, right| by_value(left, right, false)),
        VectorOp::SortDesc => sort(inner, |left, right| by_value(left, right, true)),
        VectorOp::TopK | VectorOp::ApproxTopK => pick(aggregation, inner, true),
        VectorOp::BottomK => pick(aggregation, inner, false),
        op => merge(op, &aggregation.grouping, &inner),
    }
}

/// NaN comes last, whichever way.
fn by_value(left: f64, right: f64, descending: bool) -> Ordering {
    let order = left.is_nan().cmp(&right.is_nan());
    let values = || left.partial_cmp(&right).unwrap_or(Ordering::Equal);
    order.then_with(|| if descending { values().reverse() } else { values() })
}

fn sort(mut vectors: Vectors, order: impl Fn(f64, f64) -> Ordering) -> Vectors {
    for step in &mut vectors.steps {
        step.sort_by(|left, right| order(left.1, right.1));
    }
    vectors
}

/// The greatest or the least of each group, with all their labels.
fn pick(aggregation: &VectorAggregation, mut vectors: Vectors, greatest: bool) -> Vectors {
    let groups = Relabelled::new(&vectors.labels, |labels| grouped(labels, &aggregation.grouping)).of;
    for step in &mut vectors.steps {
        let mut by_group: Vec<(u32, u32, f64)> =
            step.iter().map(|(series, value)| (groups[*series as usize], *series, *value)).collect();
        by_group.sort_by(|left, right| left.0.cmp(&right.0).then(by_value(left.2, right.2, greatest)));
        step.clear();
        for group in by_group.chunk_by(|left, right| left.0 == right.0) {
            step.extend(group.iter().take(aggregation.parameter).map(|(_, series, value)| (*series, *value)));
        }
    }
    vectors
}

/// What is known of the samples of a group.
enum Merged {
    Sum(Sum),
    Mean(Sum, f64),
    Max(f64),
    Min(f64),
    Count(f64),
    Variance(Variance),
}

impl Merged {
    fn of(op: VectorOp, value: f64) -> Self {
        let mut sum = Sum::ZERO;
        sum.plus(value);
        match op {
            VectorOp::Avg => Self::Mean(sum, 1.0),
            VectorOp::Max => Self::Max(value),
            VectorOp::Min => Self::Min(value),
            VectorOp::Count => Self::Count(1.0),
            VectorOp::Stddev | VectorOp::Stdvar => Self::Variance(Variance::first(value)),
            _ => Self::Sum(sum),
        }
    }

    fn add(&mut self, value: f64) {
        match self {
            Self::Sum(sum) => sum.plus(value),
            Self::Mean(sum, count) => {
                sum.plus(value);
                *count += 1.0;
            }
            Self::Max(max) if value > *max || max.is_nan() => *max = value,
            Self::Min(min) if value < *min || min.is_nan() => *min = value,
            Self::Max(_) | Self::Min(_) => {}
            Self::Count(count) => *count += 1.0,
            Self::Variance(variance) => variance.plus(value),
        }
    }

    fn value(&self, op: VectorOp) -> f64 {
        match self {
            Self::Sum(sum) => sum.value(),
            Self::Mean(sum, count) => sum.value() / count,
            Self::Max(value) | Self::Min(value) | Self::Count(value) => *value,
            Self::Variance(variance) if op == VectorOp::Stddev => variance.value().sqrt(),
            Self::Variance(variance) => variance.value(),
        }
    }
}

fn merge(op: VectorOp, grouping: &Grouping, inner: &Vectors) -> Vectors {
    let Relabelled { of, labels } = Relabelled::new(&inner.labels, |labels| grouped(labels, grouping));
    let mut groups: Vec<Option<Merged>> = Vec::new();
    groups.resize_with(labels.len(), || None);
    let step = |samples: &Vec<(u32, f64)>| {
        let mut met = Vec::new();
        for (series, value) in samples {
            let group = of[*series as usize];
            match &mut groups[group as usize] {
                Some(merged) => merged.add(*value),
                none => {
                    *none = Some(Merged::of(op, *value));
                    met.push(group);
                }
            }
        }
        met.iter().filter_map(|group| Some((*group, groups[*group as usize].take()?.value(op)))).collect()
    };
    Vectors { steps: inner.steps.iter().map(step).collect(), labels }
}

/// `label_replace`: series that then have the same labels stay apart.
pub(super) fn label_replace(replace: &LabelReplace, mut vectors: Vectors) -> Result<Vectors, EvalError> {
    let regex = regex::compile_anchored(&replace.regex)?;
    for labels in &mut vectors.labels {
        let source = labels.get(&replace.source).unwrap_or_default();
        let Some(groups) = regex.captures(source.as_bytes()) else { continue };
        let mut value = Vec::new();
        regex.expand(&replace.replacement, source.as_bytes(), &groups, &mut value);
        let value = String::from_utf8_lossy(&value);
        *labels = drop_empty(&labels.with(&replace.destination, &value));
    }
    Ok(vectors)
}
