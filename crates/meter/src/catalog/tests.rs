use std::collections::HashSet;

use super::*;

fn catalog(rows: &str) -> Catalog {
    Catalog::parse(format!("# weir prices 1\n# L 2026-11-23 somebody, MIT\n{rows}")).unwrap()
}

#[test]
fn what_is_built_in_can_be_read() {
    let catalog = Catalog::parse(EMBEDDED.to_owned()).unwrap();
    assert!(catalog.rows().count() > 5000);
    assert_eq!(time::day_text(Catalog::embedded().as_of()), "2026-11-23");
    assert_eq!(Catalog::embedded().sources(), catalog.sources());
    for row in catalog.rows() {
        assert!(
            catalog.find(&row.provider, &row.model).is_some_and(|(found, how)| found == row && how == Match::Exact)
        );
        assert!(catalog.source_of(&row).is_some(), "{row}");
    }
}

#[test]
fn no_name_means_two_rows() {
    let catalog = Catalog::embedded();
    let mut seen = HashSet::new();
    for row in catalog.rows() {
        for alias in &row.aliases {
            assert!(seen.insert((row.provider.clone(), alias.clone())), "{} {alias}", row.provider);
        }
    }
}

#[test]
fn a_text_that_is_no_catalogue() {
    for (text, error) in [
        ("", BadCatalog::Title),
        ("# weir prices 2\n", BadCatalog::Title),
        ("# weir prices 1\n# L yesterday somebody\n", BadCatalog::Head(2)),
        ("# weir prices 1\n# L\n", BadCatalog::Head(2)),
        ("# weir prices 1\n# L 2026-11-23 a\np\tb\tL\tinput=1\np\ta\tL\tinput=1\n", BadCatalog::Order(4)),
        ("# weir prices 1\n# L 2026-11-23 a\np\ta\tL\tinput=1\np\ta\tL\tinput=2\n", BadCatalog::Order(4)),
        ("# weir prices 1\n# L 2026-11-23 a\np\ta\tG\tinput=1\n", BadCatalog::Source(3)),
    ] {
        assert_eq!(Catalog::parse(text.to_owned()).unwrap_err(), error, "{text}");
    }
    assert!(matches!(Catalog::parse("# weir prices 1\n\nx".to_owned()), Err(BadCatalog::Row(2, _))));
}

#[test]
fn rows_are_found_wherever_they_stand() {
    let catalog = catalog(
        "a\tm\tL\tinput=1\na\tn\tL\tinput=2\talias other x-*\naa\tm\tL\tinput=3\nb\tm\tL\tinput=4\nb\tM\tL\tinput=5\n"
            .replace("b\tm\tL\tinput=4\nb\tM\tL\tinput=5\n", "b\tM\tL\tinput=5\nb\tm\tL\tinput=4\n")
            .as_str(),
    );
    let input = |provider, model| {
        let (row, how) = catalog.find(provider, model)?;
        Some((row.bands[0].rates.get(Component::Input)? / 1_000_000, how))
    };
    assert_eq!(input("a", "m"), Some((1, Match::Exact)));
    assert_eq!(input("aa", "m"), Some((3, Match::Exact)));
    assert_eq!(input("b", "m"), Some((4, Match::Exact)));
    assert_eq!(input("b", "M"), Some((5, Match::Exact)));
    assert_eq!(input("a", "other"), Some((2, Match::Alias)));
    assert_eq!(input("a", "x-0613"), Some((2, Match::Version)));
    assert_eq!(input("a", "m-2026-01-01"), Some((1, Match::Dated)));
    for (provider, model) in [("", "m"), ("ab", "m"), ("c", "m"), ("a", "z"), ("a", "x-latest")] {
        assert_eq!(input(provider, model), None, "{provider} {model}");
    }
    assert!(catalog.has_provider("aa") && !catalog.has_provider("ab"));
    assert_eq!(catalog.providers_of("m").collect::<Vec<_>>(), ["a", "aa", "b"]);
}

#[test]
fn names_of_known_models() {
    let catalog = Catalog::embedded();
    let found = |provider, name| catalog.find(provider, name).map(|(row, _)| row.model);
    for (provider, name, model) in [
        ("openai", "gpt-4o-2024-08-06", Some("gpt-4o-2024-08-06")),
        ("openai", "gpt-4o-2024-05-13", Some("gpt-4o-2024-05-13")),
        ("openai", "gpt-5.4-2026-03-05", Some("gpt-5.4-2026-03-05")),
        ("anthropic", "claude-sonnet-4-5-20250929", Some("claude-sonnet-4-5-20250929")),
        ("anthropic", "claude-opus-5-5-20261012", Some("claude-opus-5-5")),
        ("google", "models/gemini-2.5-pro", Some("gemini-2.5-pro")),
        ("google", "gemini-flash-latest", Some("gemini-flash-latest")),
        // No near match that lies.
        ("openai", "gpt-4o-2", None),
        ("openai", "gpt-6-sol-mini", None),
        ("anthropic", "claude-opus-4-99", None),
        ("mistral", "mistral-giant-latest", None),
        ("openai", "claude-opus-5-5", None),
    ] {
        assert_eq!(found(provider, name).as_deref(), model, "{provider} {name}");
    }
}

/// Anthropic: a write for five minutes costs 1.25 and one for an hour 2 times the input, in every row. Of a row that breaks
/// this the figures were mixed up.
#[test]
fn anthropics_cache_writes_follow_its_rule() {
    for row in Catalog::embedded().rows().filter(|row| row.provider == "anthropic") {
        for band in &row.bands {
            let get = |component| band.rates.get(component);
            let Some(input) = get(Component::Input) else { continue };
            // Claude 3 Haiku's published figures are rounded.
            let rounded = row.model.starts_with("claude-3-haiku");
            if let Some(write) = get(Component::CacheWrite).filter(|_| !rounded) {
                assert_eq!(write * 4, input * 5, "{row}");
            }
            if let Some(hour) = get(Component::CacheWrite1h) {
                assert_eq!(hour, input * 2, "{row}");
            }
        }
    }
}
