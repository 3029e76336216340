//! Small square matrices, as fitting needs them.

/// A square matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    rows: Vec<Vec<f64>>,
}

impl Matrix {
    /// Nothing but zeros.
    #[must_use]
    pub fn zero(size: usize) -> Matrix {
        Matrix { rows: vec![vec![0.0; size]; size] }
    }

    /// Of its rows, each as long as there are rows.
    #[must_use]
    pub fn from_rows(rows: Vec<Vec<f64>>) -> Matrix {
        Matrix { rows }
    }

    /// A row.
    #[must_use]
    pub fn row(&self, index: usize) -> &[f64] {
        &self.rows[index]
    }

    /// A row, to be written.
    pub(super) fn row_mut(&mut self, index: usize) -> &mut [f64] {
        &mut self.rows[index]
    }

    /// All members times a factor.
    #[must_use]
    pub(super) fn times(mut self, factor: f64) -> Matrix {
        self.rows.iter_mut().flatten().for_each(|value| *value *= factor);
        self
    }

    /// What times this gives `right`, by elimination; `None` where there is no one answer.
    pub(super) fn solve(&self, right: &[f64]) -> Option<Vec<f64>> {
        let size = right.len();
        let mut rows: Vec<Vec<f64>> =
            self.rows.iter().zip(right).map(|(row, value)| row.iter().copied().chain([*value]).collect()).collect();
        for column in 0..size {
            let pivot = (column..size).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
            rows.swap(column, pivot);
            if rows[column][column].abs() < 1e-300 {
                return None;
            }
            let chosen = rows[column].clone();
            for row in &mut rows[column + 1..] {
                let factor = row[column] / chosen[column];
                row.iter_mut().zip(&chosen).skip(column).for_each(|(value, of)| *value -= factor * of);
            }
        }
        let mut answer = vec![0.0; size];
        for column in (0..size).rev() {
            let known: f64 = (column + 1..size).map(|index| rows[column][index] * answer[index]).sum();
            answer[column] = (rows[column][size] - known) / rows[column][column];
        }
        Some(answer)
    }

    /// The inverse; `None` where there is none.
    pub(super) fn inverse(&self) -> Option<Matrix> {
        let size = self.rows.len();
        let unit = |one: usize| (0..size).map(|index| f64::from(u8::from(index == one))).collect::<Vec<f64>>();
        // The columns of an inverse; that of a symmetric matrix is symmetric.
        (0..size).map(|index| self.solve(&unit(index))).collect::<Option<Vec<_>>>().map(Matrix::from_rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_and_an_inverse() {
        let matrix = Matrix::from_rows(vec![vec![0.0, 2.0], vec![2.0, 1.0]]);
        assert_eq!(matrix.solve(&[4.0, 4.0]), Some(vec![1.0, 2.0]));
        let inverse = matrix.inverse().unwrap();
        assert_eq!((inverse.row(0), inverse.row(1)), (&[-0.25, 0.5][..], &[0.5, 0.0][..]));
        assert_eq!(Matrix::zero(2).inverse(), None);
    }
}
