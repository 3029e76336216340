use std::sync::Arc;

use super::*;
use crate::catalog::Catalog;
use crate::decimal;
use crate::usage::{Class, Usage};

/// 2026-11-23T12:00:00Z, a Monday.
const NOON: u64 = 1_795_435_200_000_000_000;

fn gpt_4() -> Price {
    let tariff = Tariff { input: 0.03, output: 0.06, ..Tariff::default() };
    Price::from_tariff("config:gpt-4", &tariff).unwrap()
}

fn prices(catalog: &str, rules: Vec<Rule>) -> Prices {
    let listing = Listing { provider: "p".to_owned(), region: None };
    Prices::from(Book {
        catalog: Arc::new(Catalog::parse(format!("# weir prices 1\n# L 2026-11-23 somebody\n{catalog}\n")).unwrap()),
        rules,
        listings: [("here".to_owned(), listing)].into(),
        ..Book::default()
    })
}

fn ask<'a>(model: &'a str, usage: &'a Usage) -> Ask<'a> {
    Ask {
        provider: "here",
        models: [None, Some(model), None],
        at: NOON,
        usage: Some(usage),
        exact: true,
        ..Ask::default()
    }
}

fn usage(input: u64, output: u64) -> Usage {
    Usage::default().with(Class::Input, input).with(Class::Output, output)
}

#[test]
fn the_missions_worked_example() {
    let usage = Usage::from_inclusive(25, 150, crate::usage::Parts::default());
    let cost = gpt_4().cost(&usage).unwrap();
    let parts = cost.parts.unwrap();
    assert_eq!((parts.input, parts.output, parts.cache), (750_000, 9_000_000, 0));
    assert_eq!(decimal::to_string(cost.total(), NANO), "0.00975");
}

#[test]
fn cached_input_is_billed_once() {
    let tariff = Tariff { input: 3.0, output: 15.0, cached_input: Some(0.3), per_million: true, ..Tariff::default() };
    let price = Price::from_tariff("config:m", &tariff).unwrap();
    let usage = Usage::default().with(Class::Input, 1000).with(Class::CachedInput, 10_000);
    let cost = price.cost(&usage).unwrap();
    let parts = cost.parts.unwrap();
    assert_eq!((parts.input, parts.cache, cost.total()), (3_000_000, 3_000_000, 6_000_000));
}

#[test]
fn a_component_is_rounded_once_half_up() {
    let tariff = Tariff { input: 0.0005, per_million: true, ..Tariff::default() };
    let price = Price::from_tariff("config:m", &tariff).unwrap();
    let cost = |tokens| price.cost(&Usage::default().with(Class::Input, tokens)).unwrap().total();
    assert_eq!((cost(0), cost(1), cost(2), cost(3)), (0, 1, 1, 2));
}

#[test]
fn a_true_zero_is_free() {
    let price = Price::from_tariff("config:m", &Tariff::default()).unwrap();
    assert_eq!(price.cost(&Usage::default()).unwrap().status, CostStatus::Free);
    assert_eq!(gpt_4().cost(&Usage::default()).unwrap().status, CostStatus::Contracted);
}

#[test]
fn the_tier_is_the_answers_and_an_unknown_one_has_no_price() {
    let prices = prices("p\tm\tL\tinput=2 output=10\t@priority input=4 output=20", Vec::new());
    let usage = usage(1000, 100);
    let total = |tier| prices.cost(&Ask { tier, ..ask("m", &usage) }).map(|cost| cost.total());
    for standard in [None, Some("default"), Some("standard"), Some("on_demand"), Some("auto")] {
        assert_eq!(total(standard), Some(3_000_000), "{standard:?}");
    }
    assert_eq!(total(Some("priority")), Some(6_000_000));
    for unknown in ["prioritty", "scale", "flex", "Priority"] {
        assert_eq!(total(Some(unknown)), None, "{unknown}");
    }
}

#[test]
fn a_long_input_costs_more_as_a_whole() {
    let prices =
        prices("p\tm\tL\tinput=2 output=10 cache_read=0.2\t>272000 input=4 output=15 cache_read=0.4", Vec::new());
    let at = Usage::default().with(Class::Input, 72_000).with(Class::CachedInput, 200_000).with(Class::Output, 1000);
    let beyond = at.with(Class::Input, 72_001);
    assert_eq!(prices.cost(&ask("m", &at)).unwrap().total(), 144_000_000 + 40_000_000 + 10_000_000);
    let cost = prices.cost(&ask("m", &beyond)).unwrap();
    assert_eq!(cost.total(), 288_004_000 + 80_000_000 + 15_000_000);
    assert_eq!(&*cost.price_id, "p/m >272000");
    assert_eq!(cost.as_of.as_deref(), Some("2026-11-23"));
}

#[test]
fn a_price_holds_from_its_day_to_the_next() {
    let prices = prices(
        "p\tm\tL\tuntil:2027-01-01 input=1\tfrom:2027-01-01 input=2\t@flex until:2027-01-01 input=0.5",
        Vec::new(),
    );
    let usage = usage(1000, 0);
    let new_year = 1_798_761_600_000_000_000;
    let total = |at, tier| prices.cost(&Ask { at, tier, ..ask("m", &usage) }).map(|cost| cost.total());
    assert_eq!((total(new_year - 1, None), total(new_year, None)), (Some(1_000_000), Some(2_000_000)));
    // What was not announced for a tier is not known.
    assert_eq!((total(NOON, Some("flex")), total(new_year, Some("flex"))), (Some(500_000), None));
}

#[test]
fn hours_have_their_price() {
    let prices = prices("p\tm\tL\tinput=2\twhen:12345/10:00-24:00 input=1", Vec::new());
    let usage = usage(1000, 0);
    let total = |at| prices.cost(&Ask { at, ..ask("m", &usage) }).unwrap().total();
    assert_eq!((total(NOON), total(NOON - 3 * 3_600_000_000_000)), (1_000_000, 2_000_000));
}

#[test]
fn what_has_no_price_is_not_known() {
    let prices = prices("p\tm\tL\tinput=2 cache_write=2.5\np\tn\tL\tper query=0.002", Vec::new());
    let input = usage(1000, 0);
    assert_eq!(prices.cost(&ask("m", &input)).unwrap().total(), 2_000_000);
    assert!(prices.cost(&ask("m", &input.with(Class::Output, 1))).is_none(), "output has no price");
    assert!(prices.cost(&ask("m", &input.with(Class::CacheWrite1h, 1))).is_none(), "an hour is not five minutes");
    assert!(prices.cost(&Ask { searches: 1, ..ask("m", &input) }).is_none(), "a search has no price");
    assert!(prices.cost(&ask("n", &input)).is_none() && prices.cost(&ask("x", &input)).is_none());
    assert!(prices.cost(&Ask { provider: "there", ..ask("m", &input) }).is_none(), "of another provider");
}

#[test]
fn searches_and_requests_cost_beside_tokens() {
    let prices = prices("p\tm\tL\tinput=2\tper request=0.005 web_search=0.01", Vec::new());
    let usage = usage(1000, 0);
    let cost = prices.cost(&Ask { searches: 3, ..ask("m", &usage) }).unwrap();
    assert_eq!((cost.total(), cost.parts.unwrap().tools), (37_000_000, 35_000_000));
}

#[test]
fn searches_of_files_cost_as_the_list_says_and_runs_of_code_are_in_no_figure() {
    let prices = prices("p\tm\tL\tinput=2\tper storage_searches=0.0025\np\tn\tL\tinput=2", Vec::new());
    let usage = usage(1000, 0);
    let cost = |model, file_searches, code_runs| prices.cost(&Ask { file_searches, code_runs, ..ask(model, &usage) });
    let searched = cost("m", 4, 0).unwrap();
    assert_eq!(
        (searched.total(), searched.parts.unwrap().tools, searched.status),
        (12_000_000, 10_000_000, CostStatus::List)
    );
    assert!(cost("n", 1, 0).is_none(), "a search without a price");
    let ran = cost("m", 0, 2).unwrap();
    assert_eq!((ran.total(), ran.status), (2_000_000, CostStatus::Estimated));
    let mut book = prices.book().clone();
    book.own.insert("m".to_owned(), Arc::new(gpt_4()));
    let own = Prices::from(book).cost(&Ask { file_searches: 1, code_runs: 1, ..ask("m", &usage) }).unwrap();
    assert_eq!(
        (own.total(), own.status),
        (30_000_000, CostStatus::Contracted),
        "what is not mentioned costs nothing more"
    );
}

#[test]
fn what_the_catalogue_says_has_its_day() {
    let rule = Rule::new("here/rented", None, true, None, None).unwrap();
    let prices = prices("p\tm\tL\tinput=10\np\town\tL\tinput=10\np\trented\tL\tinput=10", vec![rule]);
    let mut book = prices.book().clone();
    book.own.insert("own".to_owned(), Arc::new(gpt_4()));
    book.own.insert("nobody's".to_owned(), Arc::new(gpt_4()));
    let prices = Prices::from(book);
    let usage = usage(1000, 0);
    let cost = |model, reported| prices.cost(&Ask { reported, ..ask(model, &usage) }).unwrap();
    let list = cost("m", None).as_of;
    assert!(list.is_some());
    for (model, reported) in [("m", Some(7)), ("rented", None), ("own", None)] {
        let cost = cost(model, reported);
        assert_eq!((cost.list.is_some(), &cost.as_of), (true, &list), "{model}");
    }
    for (model, reported) in [("nobody's", None), ("unknown", Some(7))] {
        let cost = cost(model, reported);
        assert_eq!((cost.list, cost.as_of), (None, None), "{model}");
    }
}

#[test]
fn whose_price_counts() {
    let rule = |pattern, factor| Rule::new(pattern, Some(factor), false, None, None).unwrap();
    let rules = vec![rule("here/*", 0.9), rule("here/gpt-5*", 0.8), rule("there/*", 0.1)];
    let prices = prices("p\tgpt-4\tL\tinput=10\np\tgpt-5\tL\tinput=10\np\to3\tL\tinput=10", rules);
    let mut book = prices.book().clone();
    book.own.insert("o3".to_owned(), Arc::new(gpt_4()));
    let prices = Prices::from(book);
    let usage = usage(1000, 0);
    let cost = |model, reported| prices.cost(&Ask { reported, ..ask(model, &usage) }).unwrap();
    // The operator's own price before all else.
    assert_eq!((cost("o3", Some(7)).total(), cost("o3", None).status), (30_000_000, CostStatus::Contracted));
    // Then a contract, the one that fixes more of the name.
    let contracted = cost("gpt-5", Some(7));
    assert_eq!((contracted.total(), contracted.list), (8_000_000, Some(10_000_000)));
    assert_eq!(&*contracted.price_id, "rule:here/gpt-5* p/gpt-5");
    assert_eq!(cost("gpt-4", None).total(), 9_000_000);
    // A contract on a model without a list price says nothing, but the bill does.
    let reported = cost("o1", Some(7));
    assert_eq!((reported.total(), reported.status, reported.parts), (7, CostStatus::Reported, None));
}

#[test]
fn the_bill_counts_before_the_list() {
    let prices = prices("p\tm\tL\tinput=10", Vec::new());
    let usage = usage(1000, 0);
    let cost = prices.cost(&Ask { reported: Some(9_000_000), ..ask("m", &usage) }).unwrap();
    assert_eq!((cost.total(), cost.list, cost.status), (9_000_000, Some(10_000_000), CostStatus::Reported));
    assert_eq!(prices.cost(&ask("m", &usage)).unwrap().status, CostStatus::List);
    let counted = prices.cost(&Ask { exact: false, ..ask("m", &usage) }).unwrap();
    assert_eq!((counted.total(), counted.status), (10_000_000, CostStatus::Estimated));
}

#[test]
fn capacity_that_is_paid_otherwise_costs_nothing_more() {
    let rule = Rule::new("here/*", None, true, Some("2026-01-01"), Some("2027-01-01")).unwrap();
    let prices = prices("p\tm\tL\tinput=10", vec![rule]);
    let usage = usage(1000, 0);
    let cost = prices.cost(&ask("m", &usage)).unwrap();
    assert_eq!((cost.total(), cost.list, cost.status), (0, Some(10_000_000), CostStatus::Contracted));
    let before = prices.cost(&Ask { at: 0, ..ask("m", &usage) }).unwrap();
    assert_eq!((before.total(), before.status), (10_000_000, CostStatus::List));
    assert_eq!(prices.cost(&ask("unknown", &usage)).map(|cost| (cost.total(), cost.list)), Some((0, None)));
}

#[test]
fn rules_that_cannot_be() {
    for (pattern, factor, provisioned, from, until, why) in [
        ("gpt-5", Some(0.9), false, None, None, BadRule::Pattern),
        ("a/b", None, false, None, None, BadRule::Nothing),
        ("a/b", Some(0.9), true, None, None, BadRule::Nothing),
        ("a/b", Some(-1.0), false, None, None, BadRule::Factor("-1".to_owned())),
        ("a/b", Some(0.0), false, None, None, BadRule::Factor("0".to_owned())),
        ("a/b", Some(0.9), false, Some("soon"), None, BadRule::Date("soon".to_owned())),
        ("a/b", Some(0.9), false, Some("2026-02-01"), Some("2026-02-01"), BadRule::Never),
    ] {
        assert_eq!(Rule::new(pattern, factor, provisioned, from, until), Err(why));
    }
}

#[test]
fn a_region_costs_more_and_searches_there_do_not() {
    let prices = prices(
        "p\teu/n\tL\tinput=4\np\tm\tL\tinput=2\tper web_search=0.01\ttimes eu=1.1\np\tn\tL\tinput=2",
        Vec::new(),
    );
    let mut book = prices.book().clone();
    book.listings.insert("here".to_owned(), Listing { provider: "p".to_owned(), region: Some("eu".to_owned()) });
    let prices = Prices::from(book);
    let usage = usage(1000, 0);
    assert_eq!(prices.cost(&Ask { searches: 1, ..ask("m", &usage) }).unwrap().total(), 12_200_000);
    assert_eq!(prices.cost(&ask("n", &usage)).unwrap().total(), 4_000_000, "a row of the region's own");
}

#[test]
fn the_model_that_answered_counts_first() {
    let prices = prices("p\tbig\tL\tinput=10\np\tsmall\tL\tinput=1", Vec::new());
    let usage = usage(1000, 0);
    let cost = |models| prices.cost(&Ask { models, ..ask("", &usage) }).unwrap().total();
    assert_eq!(cost([None, Some("big"), Some("small-2026-01-02")]), 1_000_000);
    assert_eq!(cost([Some("small"), Some("fast"), None]), 1_000_000);
    assert_eq!(cost([None, Some("big"), Some("unknown")]), 10_000_000);
}

#[test]
fn many_names_do_not_fill_the_memory() {
    let prices = prices("p\tm\tL\tinput=10", Vec::new());
    let usage = usage(1000, 0);
    for number in 0..10_000 {
        assert!(prices.cost(&ask(&format!("made-up-{number}"), &usage)).is_none());
    }
    assert_eq!(prices.cost(&ask("m", &usage)).unwrap().total(), 10_000_000);
}

proptest::proptest! {
    #[test]
    fn components_add_up(counts in proptest::array::uniform9(0u64..1 << 40), searches in 0u64..100, factor in 1u64..2_000_000) {
        let usage = Class::ALL.into_iter().zip(counts).fold(Usage::default(), |usage, (class, count)| usage.with(class, count));
        let cost = gpt_4().cost(&usage).unwrap();
        let parts = cost.parts.unwrap();
        proptest::prop_assert_eq!(cost.total(), parts.input + parts.output + parts.cache + parts.tools);
        let exact = u128::from(usage.input()) * 30_000_000 + u128::from(usage.output()) * 60_000_000;
        proptest::prop_assert!(u128::from(cost.total()).abs_diff(exact / 1000) <= 3);
        // The same with a factor and searches, from a row in which every class has a price of its own.
        let rule = Rule::new("here/*", Some(factor as f64 / 1e6), false, None, None).unwrap();
        let row = "p\tm\tL\tinput=1 output=2 cache_read=4 cache_write=8 cache_write_1h=16 reasoning=32 input_audio=64 \
                   output_audio=128 input_image=256\tper web_search=0.01";
        let prices = prices(row, vec![rule]);
        let cost = prices.cost(&Ask { searches, ..ask("m", &usage) }).unwrap();
        let parts = cost.parts.unwrap();
        proptest::prop_assert_eq!(cost.total(), parts.input + parts.output + parts.cache + parts.tools);
        let each = [1u128, 4, 8, 16, 64, 256, 2, 32, 128];
        let pico: u128 = counts.iter().zip(each).map(|(count, usd)| u128::from(*count) * usd * 1_000_000).sum();
        let exact = (pico + u128::from(searches) * 10_000_000_000) * u128::from(factor) / 1_000_000_000;
        proptest::prop_assert!(u128::from(cost.total()).abs_diff(exact) <= 4);
    }

    #[test]
    fn no_class_is_counted_twice(class in 0usize..9, tokens in 1u64..1 << 40) {
        let prices = prices(
            "p\tm\tL\tinput=1 output=2 cache_read=4 cache_write=8 cache_write_1h=16 reasoning=32 input_audio=64 output_audio=128 input_image=256",
            Vec::new(),
        );
        let each = [1u64, 4, 8, 16, 64, 256, 2, 32, 128];
        let usage = Usage::default().with(Class::ALL[class], tokens);
        let cost = prices.cost(&ask("m", &usage)).unwrap();
        let parts = cost.parts.unwrap();
        proptest::prop_assert_eq!(cost.total(), tokens * each[class] * 1000);
        proptest::prop_assert_eq!([parts.input, parts.output, parts.cache].iter().filter(|part| **part > 0).count(), 1);
    }
}

#[test]
fn a_band_without_a_price_of_the_cache_has_one_in_proportion() {
    let row = "p\tm\tL\tinput=2 cache_read=0.2 cache_write=2.5\t>100000 input=4\t@batch input=1\t@flex input=1\
               \t@priority input=4 cache_read=1";
    let prices = prices(row, Vec::new());
    let total = |tier, cached| {
        let usage = Usage::default().with(Class::CachedInput, cached).with(Class::CacheWrite, 0);
        prices.cost(&Ask { tier, ..ask("m", &usage) }).map(|cost| cost.total())
    };
    assert_eq!((total(None, 10_000), total(None, 200_000)), (Some(2_000_000), Some(80_000_000)));
    assert_eq!((total(Some("flex"), 10_000), total(Some("priority"), 10_000)), (Some(1_000_000), Some(10_000_000)));
    assert_eq!(total(Some("batch"), 10_000), Some(10_000_000), "no discount on a discount");
}
