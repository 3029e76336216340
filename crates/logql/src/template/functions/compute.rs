//! Arithmetic. What is no number counts as zero, as in sprig.

use super::Parameter::{Any, Float, Int};
use super::convert::{to_float, to_int};
use super::{Function, fixed, int, open};
use crate::template::decimal::Decimal;
use crate::template::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    open("add", &[], Any, |_, v| Ok(Value::Int64(v.iter().map(to_int).fold(0, i64::wrapping_add)))),
    fixed("sub", &[Any, Any], |_, v| Ok(Value::Int64(to_int(&v[0]).wrapping_sub(to_int(&v[1]))))),
    open("mul", &[Any], Any, |_, v| Ok(Value::Int64(v.iter().map(to_int).fold(1, i64::wrapping_mul)))),
    fixed("div", &[Any, Any], |_, v| whole(&v[0], &v[1], i64::wrapping_div)),
    fixed("mod", &[Any, Any], |_, v| whole(&v[0], &v[1], i64::wrapping_rem)),
    open("max", &[Any], Any, |_, v| Ok(Value::Int64(v.iter().map(to_int).max().unwrap_or(0)))),
    open("min", &[Any], Any, |_, v| Ok(Value::Int64(v.iter().map(to_int).min().unwrap_or(0)))),
    open("maxf", &[Any], Any, |_, v| Ok(Value::Float(extreme(v, |a, b| a > b)))),
    open("minf", &[Any], Any, |_, v| Ok(Value::Float(extreme(v, |a, b| a < b)))),
    open("addf", &[], Any, |_, v| decimals(0.0, v, |a, b| Ok(a.add(b)))),
    open("subf", &[Any], Any, |_, v| decimals(to_float(&v[0]), &v[1..], |a, b| Ok(a.sub(b)))),
    open("mulf", &[Any], Any, |_, v| decimals(to_float(&v[0]), &v[1..], |a, b| Ok(a.mul(b)))),
    open("divf", &[Any], Any, |_, v| decimals(to_float(&v[0]), &v[1..], Decimal::div)),
    fixed("ceil", &[Any], |_, v| Ok(Value::Float(to_float(&v[0]).ceil()))),
    fixed("floor", &[Any], |_, v| Ok(Value::Float(to_float(&v[0]).floor()))),
    open("round", &[Any, Int], Float, |_, v| Ok(Value::Float(round(to_float(&v[0]), int(v, 1), v.get(2))))),
];

/// Division by zero panics in Go; the error has its words.
fn whole<'a>(a: &Value<'_>, b: &Value<'_>, divide: fn(i64, i64) -> i64) -> Result<Value<'a>, String> {
    match to_int(b) {
        0 => Err("runtime error: integer divide by zero".to_owned()),
        by => Ok(Value::Int64(divide(to_int(a), by))),
    }
}

/// The greatest or the smallest; NaN, if there is one.
fn extreme(values: &[Value<'_>], better: fn(f64, f64) -> bool) -> f64 {
    let mut numbers = values.iter().map(to_float);
    let mut found = numbers.next().unwrap_or(0.0);
    for number in numbers {
        if number.is_nan() || better(number, found) {
            found = number;
        }
    }
    found
}

fn decimals<'a>(
    first: f64,
    more: &[Value<'_>],
    apply: fn(&Decimal, &Decimal) -> Result<Decimal, String>,
) -> Result<Value<'a>, String> {
    let mut result = Decimal::of(first)?;
    for value in more {
        result = apply(&result, &Decimal::of(to_float(value))?)?;
    }
    Ok(Value::Float(result.to_float()))
}

/// To decimals, up from a share of the last one: a half, unless told otherwise. Below zero it is always down, as in sprig.
fn round(value: f64, decimals: i64, on: Option<&Value<'_>>) -> f64 {
    let on = match on {
        Some(Value::Float(on)) => *on,
        _ => 0.5,
    };
    let power = 10f64.powf(decimals as f64);
    let digit = power * value;
    let rounded = if digit.fract() >= on { digit.ceil() } else { digit.floor() };
    rounded / power
}
