//! Pages of a column, decoded into plain vectors.
//!
//! Parquet's own reader gives pages unpacked; what stands in them is decoded here, because a question wants the codes of a
//! dictionary and not a text for each row, and whole vectors and not values one by one. Only the encodings that segments are
//! written with are known.

use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::column::page::Page;

use super::bits;
use super::column::{Column, Values};

/// How values of a column lie on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Physical {
    Integer,
    Number,
    Flag,
    Text,
    Bytes(usize),
}

/// What is on a page cannot be what was written.
#[derive(Debug)]
pub(super) struct Damaged(pub(super) &'static str);

impl From<&'static str> for Damaged {
    fn from(what: &'static str) -> Damaged {
        Damaged(what)
    }
}

/// Gathers the pages of a column.
pub(super) struct Decoder {
    physical: Physical,
    rows: usize,
    /// The most rows that there may be.
    most: usize,
    valid: Vec<u64>,
    some_missing: bool,
    dictionary: Option<Dictionary>,
    values: Gathered,
}

enum Dictionary {
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Texts(Arc<[Box<str>]>),
}

enum Gathered {
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Flags(Vec<bool>),
    Codes(Vec<u32>),
    Texts { offsets: Vec<u32>, bytes: Vec<u8> },
    Bytes(Vec<u8>),
}

impl Decoder {
    pub(super) fn new(physical: Physical, most: usize) -> Decoder {
        let values = match physical {
            Physical::Integer => Gathered::Integers(Vec::with_capacity(most)),
            Physical::Number => Gathered::Numbers(Vec::new()),
            Physical::Flag => Gathered::Flags(Vec::new()),
            Physical::Text => Gathered::Codes(Vec::new()),
            Physical::Bytes(_) => Gathered::Bytes(Vec::new()),
        };
        Decoder { physical, rows: 0, most, valid: Vec::new(), some_missing: false, dictionary: None, values }
    }

    pub(super) fn page(&mut self, page: &Page) -> Result<(), Damaged> {
        match page {
            Page::DictionaryPage { buf, num_values, .. } => self.dictionary_page(buf, *num_values as usize),
            Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let rows = *num_values as usize;
                if *rep_levels_byte_len != 0 || rows > self.most - self.rows {
                    return Err("a page has more rows than its column".into());
                }
                let levels = *def_levels_byte_len as usize;
                let (levels, values) = buf.split_at_checked(levels).ok_or("a page ends early")?;
                let present = bits::bitmap(levels, rows, self.rows, &mut self.valid).ok_or("levels are damaged")?;
                self.some_missing |= present < rows;
                self.values(values, *encoding, present).ok_or("values are damaged")?;
                self.spread(rows, present)?;
                self.rows += rows;
                Ok(())
            }
            Page::DataPage { .. } => Err("a page is of a version that segments do not have".into()),
        }
    }

    fn dictionary_page(&mut self, bytes: &[u8], count: usize) -> Result<(), Damaged> {
        let fixed = bytes.chunks_exact(8).filter_map(|eight| eight.try_into().ok()).take(count);
        self.dictionary = Some(match self.physical {
            Physical::Integer => Dictionary::Integers(fixed.map(i64::from_le_bytes).collect()),
            Physical::Number => Dictionary::Numbers(fixed.map(f64::from_le_bytes).collect()),
            Physical::Text => Dictionary::Texts(plain_texts(bytes, count).ok_or("a dictionary is damaged")?.into()),
            Physical::Flag | Physical::Bytes(_) => return Err("a dictionary where there is none".into()),
        });
        Ok(())
    }

    /// Reads the values of a page, those that are there.
    fn values(&mut self, bytes: &[u8], encoding: Encoding, present: usize) -> Option<()> {
        if present == 0 {
            return Some(());
        }
        if matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY) {
            return self.coded(bytes, present);
        }
        self.leave_codes()?;
        match &mut self.values {
            Gathered::Integers(out) => match encoding {
                Encoding::DELTA_BINARY_PACKED => {
                    let before = out.len();
                    bits::deltas(bytes, present, out)?;
                    (out.len() - before == present).then_some(())
                }
                Encoding::PLAIN => {
                    let eights = bytes.get(..present.checked_mul(8)?)?.as_chunks::<8>().0;
                    out.extend(eights.iter().map(|eight| i64::from_le_bytes(*eight)));
                    Some(())
                }
                _ => None,
            },
            Gathered::Numbers(out) if encoding == Encoding::PLAIN => {
                let eights = bytes.get(..present.checked_mul(8)?)?.as_chunks::<8>().0;
                out.extend(eights.iter().map(|eight| f64::from_le_bytes(*eight)));
                Some(())
            }
            Gathered::Flags(out) if encoding == Encoding::RLE => {
                let mut ones = Vec::with_capacity(present);
                bits::hybrid(bytes.get(4..)?, 1, present, &mut ones)?;
                out.extend(ones.into_iter().map(|one| one == 1));
                Some(())
            }
            Gathered::Texts { offsets, bytes: out } if encoding == Encoding::DELTA_LENGTH_BYTE_ARRAY => {
                delta_lengths(bytes, present, offsets, out)
            }
            Gathered::Bytes(out) if encoding == Encoding::PLAIN => {
                let Physical::Bytes(width) = self.physical else { return None };
                out.extend_from_slice(bytes.get(..present.checked_mul(width)?)?);
                Some(())
            }
            _ => None,
        }
    }

    fn coded(&mut self, bytes: &[u8], present: usize) -> Option<()> {
        let (width, packed) = bytes.split_first()?;
        let mut codes = Vec::new();
        let out = match &mut self.values {
            Gathered::Codes(out) => out,
            _ => &mut codes,
        };
        let start = out.len();
        bits::hybrid(packed, *width, present, out)?;
        let known = match self.dictionary.as_ref()? {
            Dictionary::Integers(known) => known.len(),
            Dictionary::Numbers(known) => known.len(),
            Dictionary::Texts(known) => known.len(),
        };
        if out[start..].iter().fold(0, |most, code| most.max(*code)) as usize >= known {
            return None;
        }
        match (&mut self.values, self.dictionary.as_ref()?) {
            (Gathered::Codes(_), Dictionary::Texts(_)) => {}
            (Gathered::Integers(out), Dictionary::Integers(known)) => {
                out.extend(codes.iter().map(|code| known[*code as usize]));
            }
            (Gathered::Numbers(out), Dictionary::Numbers(known)) => {
                out.extend(codes.iter().map(|code| known[*code as usize]));
            }
            (Gathered::Texts { offsets, bytes }, Dictionary::Texts(known)) => {
                for code in codes {
                    bytes.extend_from_slice(known[code as usize].as_bytes());
                    offsets.push(u32::try_from(bytes.len()).ok()?);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// From the first page on whose texts are not in the dictionary, all are texts.
    fn leave_codes(&mut self) -> Option<()> {
        let Gathered::Codes(codes) = &self.values else { return Some(()) };
        let (mut offsets, mut bytes) = (Vec::with_capacity(self.most + 1), Vec::new());
        offsets.push(0);
        for (row, code) in codes.iter().enumerate() {
            if let Some(Dictionary::Texts(known)) = &self.dictionary
                && self.valid[row / 64] >> (row % 64) & 1 == 1
            {
                bytes.extend_from_slice(known.get(*code as usize)?.as_bytes());
            }
            offsets.push(u32::try_from(bytes.len()).ok()?);
        }
        self.values = Gathered::Texts { offsets, bytes };
        Some(())
    }

    /// Makes of the values that are there one for each row.
    fn spread(&mut self, rows: usize, present: usize) -> Result<(), Damaged> {
        if present == rows {
            return Ok(());
        }
        let (valid, from) = (&self.valid, self.rows);
        match &mut self.values {
            Gathered::Integers(values) => spread(values, valid, from, rows, present, 0),
            Gathered::Numbers(values) => spread(values, valid, from, rows, present, 0.0),
            Gathered::Flags(values) => spread(values, valid, from, rows, present, false),
            Gathered::Codes(codes) => spread(codes, valid, from, rows, present, 0),
            Gathered::Texts { offsets, .. } => spread_offsets(offsets, valid, from, rows, present),
            Gathered::Bytes(bytes) => {
                let Physical::Bytes(width) = self.physical else { return Err("bytes of no width".into()) };
                spread_bytes(bytes, width, valid, from, rows, present);
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Column, Damaged> {
        let values = match (self.values, self.physical) {
            (Gathered::Integers(values), _) => Values::Integers(values),
            (Gathered::Numbers(values), _) => Values::Numbers(values),
            (Gathered::Flags(values), _) => Values::Flags(values),
            (Gathered::Codes(codes), _) => match self.dictionary {
                Some(Dictionary::Texts(texts)) if !texts.is_empty() => Values::Codes { codes, texts },
                // No row has one.
                _ => Values::Codes { codes, texts: Arc::new([Box::from("")]) },
            },
            (Gathered::Texts { offsets, bytes }, _) => {
                let text = String::from_utf8(bytes).map_err(|_| "a text is not UTF-8")?;
                if !offsets.iter().all(|offset| text.is_char_boundary(*offset as usize)) {
                    return Err("a text ends within a character".into());
                }
                Values::Texts { offsets, text }
            }
            (Gathered::Bytes(bytes), Physical::Bytes(width)) => Values::Bytes { width, bytes },
            (Gathered::Bytes(_), _) => return Err("bytes of no width".into()),
        };
        Ok(Column { values, valid: self.some_missing.then_some(self.valid) })
    }
}

fn plain_texts(mut bytes: &[u8], count: usize) -> Option<Vec<Box<str>>> {
    let mut texts = Vec::with_capacity(count.min(bytes.len() / 4));
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        texts.push(std::str::from_utf8(text).ok()?.into());
        bytes = rest;
    }
    Some(texts)
}

fn delta_lengths(bytes: &[u8], present: usize, offsets: &mut Vec<u32>, out: &mut Vec<u8>) -> Option<()> {
    let mut lengths = Vec::with_capacity(present);
    let texts = bits::deltas(bytes, present, &mut lengths)?;
    if lengths.len() != present {
        return None;
    }
    let mut end = out.len();
    for length in lengths {
        end = end.checked_add(usize::try_from(length).ok()?)?;
        offsets.push(u32::try_from(end).ok()?);
    }
    out.extend_from_slice(texts.get(..end - out.len())?);
    Some(())
}

/// Moves the last `present` values to the rows that have one, from the last row on.
fn spread<T: Copy>(values: &mut Vec<T>, valid: &[u64], from: usize, rows: usize, present: usize, none: T) {
    let start = values.len() - present;
    values.resize(start + rows, none);
    let mut next = start + present;
    for row in (0..rows).rev() {
        let bit = from + row;
        if valid[bit / 64] >> (bit % 64) & 1 == 1 {
            next -= 1;
            values[start + row] = values[next];
        }
    }
}

fn spread_offsets(offsets: &mut Vec<u32>, valid: &[u64], from: usize, rows: usize, present: usize) {
    let start = offsets.len() - present;
    let ends = offsets.split_off(start);
    let mut ends = ends.into_iter();
    let mut last = offsets.last().copied().unwrap_or(0);
    for bit in from..from + rows {
        if valid[bit / 64] >> (bit % 64) & 1 == 1 {
            last = ends.next().unwrap_or(last);
        }
        offsets.push(last);
    }
}

fn spread_bytes(bytes: &mut Vec<u8>, width: usize, valid: &[u64], from: usize, rows: usize, present: usize) {
    let start = bytes.len() - present * width;
    bytes.resize(start + rows * width, 0);
    let mut next = start + present * width;
    for row in (0..rows).rev() {
        let bit = from + row;
        if valid[bit / 64] >> (bit % 64) & 1 == 1 {
            next -= width;
            bytes.copy_within(next..next + width, start + row * width);
        }
    }
}
