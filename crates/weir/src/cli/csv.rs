//! Values with commas between them, as RFC 4180 has them.

/// The rows of a text, each with the number of the line that it begins in. White space at the ends of a row's lines and empty
/// lines are nothing; a mark of the byte order at the beginning is passed over.
///
/// # Errors
/// A value in quotes does not end.
pub(super) fn rows(text: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let mut rows = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    let mut line = 1;
    while rest.peek().is_some() {
        let (first, mut row, mut more) = (line, Vec::new(), true);
        while more {
            let mut cell = String::new();
            if rest.next_if_eq(&'"').is_some() {
                loop {
                    match rest.next() {
                        Some('"') if rest.next_if_eq(&'"').is_some() => cell.push('"'),
                        Some('"') => break,
                        Some(c) => {
                            line += usize::from(c == '\n');
                            cell.push(c);
                        }
                        None => return Err(format!("line {first}: a value in quotes does not end")),
                    }
                }
            }
            more = loop {
                match rest.next() {
                    Some(',') => break true,
                    Some('\n') => {
                        line += 1;
                        break false;
                    }
                    None => break false,
                    Some('\r') if rest.peek().is_none_or(|next| *next == '\n') => {}
                    Some(c) => cell.push(c),
                }
            };
            row.push(cell);
        }
        if row.len() > 1 || row.first().is_some_and(|cell| !cell.trim().is_empty()) {
            rows.push((first, row));
        }
    }
    Ok(rows)
}

/// A value as it stands in a row: in quotes where it must be. What a spreadsheet would take for a formula gets an apostrophe in front,
/// since texts come from callers.
pub(super) fn quote(value: &str) -> String {
    let formula =
        value.starts_with(['=', '+', '@', '\t', '\r']) || (value.starts_with('-') && value.parse::<f64>().is_err());
    let apostrophe = if formula { "'" } else { "" };
    if value.contains([',', '"', '\n', '\r']) {
        format!("\"{apostrophe}{}\"", value.replace('"', "\"\""))
    } else {
        format!("{apostrophe}{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_the_rfc_says() {
        let read =
            |text: &str| rows(text).unwrap().into_iter().map(|(line, row)| (line, row.join("|"))).collect::<Vec<_>>();
        let found = read("\u{feff}a,b\r\n\"1,\"\"x\"\"\",\"two\nlines\"\n\n,\nlast,");
        let wanted = [(1, "a|b"), (2, "1,\"x\"|two\nlines"), (5, "|"), (6, "last|")];
        assert_eq!(found, wanted.map(|(line, row)| (line, row.to_owned())));
        assert!(read("").is_empty());
        assert_eq!(rows("a\n\"open").unwrap_err(), "line 2: a value in quotes does not end");
    }

    proptest::proptest! {
        #[test]
        fn what_is_quoted_reads_back(cells in proptest::collection::vec("[^\u{0}\u{feff}]{0,9}", 1..5)) {
            let line = cells.iter().map(|cell| quote(cell)).collect::<Vec<_>>().join(",") + "\n";
            let found = rows(&line).unwrap();
            let bare = |cell: &String| cell.strip_prefix('\'').unwrap_or(cell).to_owned();
            if let Some((_, row)) = found.first() {
                proptest::prop_assert_eq!(row.len(), cells.len());
                for (read, cell) in row.iter().zip(&cells) {
                    proptest::prop_assert_eq!(bare(read), bare(cell));
                }
            }
        }
    }
}
