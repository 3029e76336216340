//! Decimal arithmetic for `addf`, `subf`, `mulf` and `divf`: sprig computes them in decimals, so that 0.1 + 0.2 is 0.3.

use std::cmp::Ordering;

/// Decimals behind the point that a quotient is rounded to.
const DIVISION: i64 = 16;

/// `digits * 10^exponent`, the digits from the lowest on, without zeros at the top.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal that reads back as the float.
    ///
    /// # Errors
    /// What Go's library says of NaN and Inf.
    pub(super) fn of(value: f64) -> Result<Self, String> {
        if !value.is_finite() {
            let shown = crate::stage::units::format_float(value);
            return Err(format!("Cannot create a Decimal from {shown}"));
        }
        let text = format!("{:e}", value.abs());
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits = mantissa.bytes().rev().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
        let exponent = exponent.parse::<i64>().unwrap_or(0) - fraction as i64;
        Ok(Self { negative: value < 0.0, digits, exponent }.trimmed())
    }

    /// The float that is nearest.
    pub(super) fn to_float(&self) -> f64 {
        let digits: String = self.digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
        let value: f64 = format!("0{digits}e{}", self.exponent).parse().unwrap_or(f64::NAN);
        if self.negative { -value } else { value }
    }

    fn trimmed(mut self) -> Self {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.exponent = 0;
            self.negative = false;
        }
        self
    }

    /// The same value with a smaller exponent.
    fn rescaled(&self, exponent: i64) -> Vec<u8> {
        let shift = if self.digits.is_empty() { 0 } else { (self.exponent - exponent).max(0) };
        let mut digits = vec![0; shift as usize];
        digits.extend(&self.digits);
        digits
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.rescaled(exponent), other.rescaled(exponent));
        let (negative, digits) = match (self.negative == other.negative, compare(&a, &b)) {
            (true, _) => (self.negative, sum(&a, &b)),
            (false, Ordering::Less) => (other.negative, difference(&b, &a)),
            (false, _) => (self.negative, difference(&a, &b)),
        };
        Self { negative, digits, exponent }.trimmed()
    }

    pub(super) fn sub(&self, other: &Self) -> Self {
        self.add(&Self { negative: !other.negative, ..other.clone() })
    }

    pub(super) fn mul(&self, other: &Self) -> Self {
        let mut digits = vec![0u32; self.digits.len() + other.digits.len()];
        for (i, a) in self.digits.iter().enumerate() {
            let mut carry = 0;
            for (j, b) in other.digits.iter().enumerate() {
                let value = digits[i + j] + u32::from(*a) * u32::from(*b) + carry;
                digits[i + j] = value % 10;
                carry = value / 10;
            }
            digits[i + other.digits.len()] += carry;
        }
        let digits = digits.into_iter().map(|digit| digit as u8).collect();
        let negative = self.negative != other.negative;
        Self { negative, digits, exponent: self.exponent + other.exponent }.trimmed()
    }

    /// Rounded half away from zero, 16 places behind the point.
    ///
    /// # Errors
    /// By zero.
    pub(super) fn div(&self, other: &Self) -> Result<Self, String> {
        if other.digits.is_empty() {
            return Err("decimal division by 0".to_owned());
        }
        // One digit more than is kept decides the rounding; it is exact, as what is beyond cannot make a half of less.
        let shift = (self.exponent - other.exponent + DIVISION + 1).max(-(self.digits.len() as i64) - 1);
        let mut digits = vec![0; shift.max(0) as usize];
        digits.extend(self.digits.iter().skip((-shift).max(0) as usize));
        let mut quotient = long_division(&digits, &other.digits);
        let last = quotient.first().copied().unwrap_or(0);
        quotient = quotient.into_iter().skip(1).collect();
        if last >= 5 {
            quotient = sum(&quotient, &[1]);
        }
        let negative = self.negative != other.negative;
        Ok(Self { negative, digits: quotient, exponent: -DIVISION }.trimmed())
    }
}

fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().rposition(|digit| *digit != 0).map_or(0, |at| at + 1);
    let (a, b) = (&a[..significant(a)], &b[..significant(b)]);
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut digits = Vec::with_capacity(a.len().max(b.len()) + 1);
    let mut carry = 0;
    for index in 0..a.len().max(b.len()) {
        let value = a.get(index).copied().unwrap_or(0) + b.get(index).copied().unwrap_or(0) + carry;
        digits.push(value % 10);
        carry = value / 10;
    }
    digits.push(carry);
    digits
}

/// `a - b`, where `a` is not the smaller one.
fn difference(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut digits = Vec::with_capacity(a.len());
    let mut borrow = 0;
    for (index, digit) in a.iter().enumerate() {
        let minus = b.get(index).copied().unwrap_or(0) + borrow;
        borrow = u8::from(*digit < minus);
        digits.push(digit + 10 * borrow - minus);
    }
    digits
}

fn long_division(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut quotient = vec![0; a.len()];
    let mut rest: Vec<u8> = Vec::new();
    for (index, digit) in a.iter().enumerate().rev() {
        rest.insert(0, *digit);
        while compare(&rest, b) != Ordering::Less {
            rest = difference(&rest, b);
            quotient[index] += 1;
        }
        while rest.last() == Some(&0) {
            rest.pop();
        }
    }
    quotient
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(value: f64) -> Decimal {
        Decimal::of(value).expect("finite")
    }

    #[test]
    fn exact_where_floats_are_not() {
        assert_eq!(d(0.1).add(&d(0.2)).to_float(), 0.3);
        assert_eq!(d(1.1).sub(&d(1.0)).to_float(), 0.1);
        assert_eq!(d(1.0).sub(&d(1.5)).to_float(), -0.5);
        assert_eq!(d(-2.5).sub(&d(-2.5)).to_float(), 0.0);
        assert_eq!(d(0.0008716).mul(&d(1000.0)).to_float(), 0.8716);
        assert_eq!(d(-1.5).mul(&d(0.0)).to_float(), 0.0);
        assert_eq!(d(1e300).mul(&d(1e-300)).to_float(), 1.0);
        assert_eq!(d(12345.0).add(&d(0.0)).to_float(), 12345.0);
    }

    #[test]
    fn quotients_have_sixteen_places() {
        let divide = |a, b| d(a).div(&d(b)).expect("not by zero").to_float();
        assert_eq!(divide(1.0, 3.0), 0.333_333_333_333_333_3);
        assert_eq!(divide(2.0, 3.0), 0.666_666_666_666_666_7);
        assert_eq!(divide(10.0, 4.0), 2.5);
        assert_eq!(divide(-1.0, 8.0), -0.125);
        assert_eq!(divide(1e-20, 1.0), 0.0);
        assert_eq!(divide(1e20, 2.0), 5e19);
        assert_eq!(divide(6e-17, 1.0), 1e-16);
        assert!(d(1.0).div(&d(0.0)).is_err());
        assert!(Decimal::of(f64::NAN).is_err());
    }
}
