//! What operators do to numbers.

use super::ast::{BinaryOp, Compare};

impl Compare {
    /// Whether `left` compares so to `right`. NaN is only ever unequal.
    pub fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
            Self::Less => left < right,
            Self::LessEqual => left <= right,
        }
    }
}

/// What an operator makes of two samples. A comparison gives 1 or 0; `or`, `and` and `unless` are not about values: NaN.
///
/// As in Loki, what is divided by a sample of zero is NaN.
pub fn combine(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div | BinaryOp::Mod if right == 0.0 => f64::NAN,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Compare(compare) => f64::from(u8::from(compare.holds(&left, &right))),
        BinaryOp::Or | BinaryOp::And | BinaryOp::Unless => f64::NAN,
    }
}

/// What an operator makes of two literals: as [`combine`], but that a division by zero is infinite. Loki makes NaN of `10 / 0`
/// and its server dies on it.
pub(super) fn literals(op: BinaryOp, left: f64, right: f64) -> f64 {
    if op == BinaryOp::Div { left / right } else { combine(op, left, right) }
}
