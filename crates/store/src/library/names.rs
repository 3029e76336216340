//! Names of segments: the first line and the last.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::Path;

use crate::Seq;
use crate::segment::SUFFIX;

/// What a segment's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) file: String,
    pub(super) first: Seq,
    pub(super) last: Seq,
}

impl Name {
    fn parse(file: &str) -> Option<Name> {
        let (first, last) = file.strip_suffix(SUFFIX)?.split_once('-')?;
        let number = |digits: &str| digits.parse::<Seq>().ok().filter(|_| digits.len() == 20);
        let (first, last) = (number(first)?, number(last)?);
        (first <= last && last < Seq::MAX).then(|| Name { file: file.to_owned(), first, last })
    }
}

/// The segments in `dir`, those with more lines first, so that one comes before those whose place it takes. What a dead process
/// was writing is removed.
pub(super) fn found(dir: &Path) -> io::Result<Vec<Name>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        if name.ends_with(".writing") {
            fs::remove_file(entry.path())?;
        }
        found.extend(Name::parse(&name));
    }
    found.sort_by_key(|name| (Reverse(name.last - name.first), name.first));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_which_lines() {
        let name = Name::parse("00000000000000000007-00000000000000000009.parquet").unwrap();
        assert_eq!((name.first, name.last), (7, 9));
        for other in ["7-9.parquet", "00000000000000000009-00000000000000000007.parquet", "x.parquet", "segments.json"]
        {
            assert_eq!(Name::parse(other), None);
        }
    }

    #[test]
    fn the_larger_one_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        for (first, last) in [(1, 5), (6, 10), (1, 10), (11, 11)] {
            fs::write(dir.path().join(format!("{first:020}-{last:020}.parquet")), b"").unwrap();
        }
        fs::write(dir.path().join("00000000000000000012.parquet.writing"), b"").unwrap();
        let found: Vec<_> = found(dir.path()).unwrap().into_iter().map(|name| (name.first, name.last)).collect();
        assert_eq!(found, [(1, 10), (1, 5), (6, 10), (11, 11)]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    }
}
