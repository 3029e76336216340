//! Parquet's encodings of small numbers: runs and packed bits, and packed differences. Everything here reads bytes that may be
//! damaged, and answers `None` then.

/// Reads `count` numbers of `width` bits in the hybrid of runs and packed bits.
pub(super) fn hybrid(mut bytes: &[u8], width: u8, count: usize, out: &mut Vec<u32>) -> Option<()> {
    if width > 32 {
        return None;
    }
    let end = out.len() + count;
    out.reserve(count);
    while out.len() < end {
        let header = varint(&mut bytes)?;
        let left = end - out.len();
        if header & 1 == 0 {
            let size = usize::from(width.div_ceil(8));
            let (value, rest) = bytes.split_at_checked(size)?;
            let value = value.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
            let run = usize::try_from(header >> 1).ok()?.min(left);
            if run == 0 {
                return None;
            }
            out.resize(out.len() + run, value);
            bytes = rest;
        } else {
            let groups = usize::try_from(header >> 1).ok()?;
            if groups == 0 {
                return None;
            }
            let needed = left.min(groups.checked_mul(8)?);
            let size = groups.checked_mul(usize::from(width))?.min(bytes.len());
            unpack_u32(&bytes[..size], width, needed, out)?;
            bytes = &bytes[size..];
        }
    }
    Some(())
}

/// Reads as many bits as there are `rows` into the words of a bitmap that has `at` bits already. Returns how many are set.
pub(super) fn bitmap(mut bytes: &[u8], rows: usize, at: usize, words: &mut Vec<u64>) -> Option<usize> {
    let end = at + rows;
    words.resize(end.div_ceil(64), 0);
    let (mut row, mut set) = (at, 0);
    while row < end {
        let header = varint(&mut bytes)?;
        if header & 1 == 0 {
            let (value, rest) = bytes.split_first()?;
            let run = usize::try_from(header >> 1).ok()?.min(end - row);
            if run == 0 || *value > 1 {
                return None;
            }
            if *value == 1 {
                fill(words, row, run);
                set += run;
            }
            (row, bytes) = (row + run, rest);
        } else {
            let groups = usize::try_from(header >> 1).ok()?;
            let run = groups.checked_mul(8)?.min(end - row);
            let (packed, rest) = bytes.split_at_checked(groups.min(bytes.len()))?;
            if run == 0 || packed.len() * 8 < run {
                return None;
            }
            for (group, byte) in packed.iter().enumerate().take(run.div_ceil(8)) {
                let here = (run - group * 8).min(8);
                let byte = u64::from(*byte) & ((1 << here) - 1);
                let at = row + group * 8;
                words[at / 64] |= byte << (at % 64);
                if at % 64 + here > 64 {
                    words[at / 64 + 1] |= byte >> (64 - at % 64);
                }
                set += byte.count_ones() as usize;
            }
            (row, bytes) = (row + run, rest);
        }
    }
    Some(set)
}

/// Sets `count` bits from `from` on.
pub(super) fn fill(words: &mut [u64], from: usize, count: usize) {
    let (mut at, end) = (from, from + count);
    while at < end {
        let here = (64 - at % 64).min(end - at);
        let mask = if here == 64 { u64::MAX } else { (1 << here) - 1 };
        words[at / 64] |= mask << (at % 64);
        at += here;
    }
}

/// Reads a block of packed differences, and returns what stands behind it.
pub(super) fn deltas<'a>(mut bytes: &'a [u8], most: usize, out: &mut Vec<i64>) -> Option<&'a [u8]> {
    let block = usize::try_from(varint(&mut bytes)?).ok()?;
    let minis = usize::try_from(varint(&mut bytes)?).ok()?;
    let count = usize::try_from(varint(&mut bytes)?).ok()?;
    let mut last = zigzag(varint(&mut bytes)?);
    if count > most || minis == 0 || minis > 1024 || block > 1 << 20 || block % minis != 0 {
        return None;
    }
    let per_mini = block / minis;
    if per_mini == 0 || per_mini % 8 != 0 {
        return None;
    }
    let start = out.len();
    out.reserve(count);
    if count > 0 {
        out.push(last);
    }
    while out.len() - start < count {
        let least = zigzag(varint(&mut bytes)?);
        let (widths, rest) = bytes.split_at_checked(minis)?;
        bytes = rest;
        for width in widths {
            let left = count - (out.len() - start);
            if left == 0 {
                break;
            }
            // The last one of all need not be whole.
            let size = (per_mini / 8 * usize::from(*width)).min(bytes.len());
            let from = out.len();
            unpack_i64(&bytes[..size], *width, left.min(per_mini), out)?;
            bytes = &bytes[size..];
            for value in &mut out[from..] {
                last = last.wrapping_add(least).wrapping_add(*value);
                *value = last;
            }
        }
    }
    Some(bytes)
}

fn unpack_u32(bytes: &[u8], width: u8, count: usize, out: &mut Vec<u32>) -> Option<()> {
    if (count * usize::from(width)).div_ceil(8) > bytes.len() {
        return None;
    }
    if width == 0 {
        out.resize(out.len() + count, 0);
        return Some(());
    }
    let mask = u32::MAX >> (32 - width);
    let start = out.len();
    out.resize(start + count, 0);
    let out = &mut out[start..];
    let width = usize::from(width);
    // Eight numbers take as many bytes as one takes bits; as long as a whole word can be read at each of them, it is.
    let whole = bytes.len().saturating_sub(8) / width * 8;
    let whole = whole.min(count) / 8 * 8;
    for (group, eight) in out[..whole].chunks_exact_mut(8).enumerate() {
        let bytes = &bytes[group * width..group * width + width + 7];
        for (at, value) in eight.iter_mut().enumerate() {
            let bit = at * width;
            *value = (word(bytes, bit / 8) >> (bit % 8)) as u32 & mask;
        }
    }
    for (at, value) in out.iter_mut().enumerate().skip(whole) {
        let bit = at * width;
        *value = (tail(bytes, bit / 8) >> (bit % 8)) as u32 & mask;
    }
    Some(())
}

fn unpack_i64(bytes: &[u8], width: u8, count: usize, out: &mut Vec<i64>) -> Option<()> {
    if width > 64 || (count * usize::from(width)).div_ceil(8) > bytes.len() {
        return None;
    }
    if width == 0 {
        out.resize(out.len() + count, 0);
        return Some(());
    }
    let mask = u64::MAX >> (64 - width);
    let start = out.len();
    out.resize(start + count, 0);
    let out = &mut out[start..];
    let wide = width > 56;
    let width = usize::from(width);
    let whole = if wide { 0 } else { bytes.len().saturating_sub(8) / width * 8 };
    let whole = whole.min(count) / 8 * 8;
    for (group, eight) in out[..whole].chunks_exact_mut(8).enumerate() {
        let bytes = &bytes[group * width..group * width + width + 7];
        for (at, value) in eight.iter_mut().enumerate() {
            let bit = at * width;
            *value = (word(bytes, bit / 8) >> (bit % 8) & mask) as i64;
        }
    }
    for (at, value) in out.iter_mut().enumerate().skip(whole) {
        let bit = at * width;
        let (low, high) = (tail(bytes, bit / 8), u64::from(bytes.get(bit / 8 + 8).copied().unwrap_or(0)));
        let both = u128::from(high) << 64 | u128::from(low);
        *value = ((both >> (bit % 8)) as u64 & mask) as i64;
    }
    Some(())
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    match bytes[at..].first_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => tail(bytes, at),
    }
}

/// Eight bytes from `at` on, with zeros for those that are not there.
fn tail(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take(8).rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
