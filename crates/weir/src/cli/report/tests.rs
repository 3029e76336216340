use proptest::prelude::*;

use super::focus::Charges;
use super::group::decimal;
use super::*;

const DAY: u64 = 86_400 * 1_000_000_000;
/// 2026-11-01.
const START: u64 = 1_793_491_200_000_000_000;

fn line(day: u64, organization: &str, model: &str, more: &str) -> meter::record::Line {
    let at = String::from_utf8_lossy(&meter::time::format(START + day * DAY + 7)).into_owned();
    let who = if organization.is_empty() { String::new() } else { format!(",\"organization\":\"{organization}\"") };
    let text = format!(
        "{{\"timestamp\":\"{at}\",\"event\":\"llm_request_completed\",\"model\":\"{model}\",\"status\":\"success\",\
         \"provider\":\"openai\"{who}{more}}}"
    );
    meter::record::Line::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"))
}

/// With a cost of these parts, in nano-dollars.
fn priced(day: u64, organization: &str, model: &str, (input, cache, output): (u64, u64, u64)) -> meter::record::Line {
    let usd = |units: u64| meter::decimal::to_string(units, 9);
    let more = format!(
        ",\"input_tokens\":30,\"output_tokens\":5,\"total_tokens\":35,\"cached_input_tokens\":10,\"cost_usd\":{},\
         \"cost_input_usd\":{},\"cost_output_usd\":{},\"cost_cache_usd\":{}",
        usd(input + cache + output),
        usd(input),
        usd(output),
        usd(cache)
    );
    line(day, organization, model, &more)
}

fn period() -> Period {
    Period { since: START, until: START + 30 * DAY }
}

fn statement(by: &[&str], lines: &[meter::record::Line]) -> Statement {
    let mut statement = Statement::new(&by.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>());
    lines.iter().for_each(|line| statement.add(line, period()));
    statement
}

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn lines() -> Vec<meter::record::Line> {
    vec![
        priced(0, "acme", "gpt-4o", (1, 2, 3)),
        priced(1, "acme", "gpt-4o", (10, 0, 0)),
        priced(1, "acme", "o3", (0, 0, 100)),
        priced(2, "", "gpt-4o", (1_000_000_000, 0, 1)),
        line(3, "acme", "new", ",\"total_tokens\":7,\"input_tokens\":7"),
        priced(99, "acme", "gpt-4o", (5, 5, 5)),
    ]
}

#[test]
fn sums_are_taken_apart_by_any_field() {
    let statement = statement(&["organization", "model"], &lines());
    let shown = text(|out| output::csv(out, &statement, None));
    let wanted = "organization,model,requests,errors,cancelled,input_tokens,cached_input_tokens,output_tokens,\
                  processing_time_seconds,unknown_energy_requests,energy_consumption_kwh,unpriced_requests,cost_usd\n\
                  ,gpt-4o,1,0,0,30,10,5,,1,,0,1.000000001\n\
                  acme,o3,1,0,0,30,10,5,,1,,0,0.0000001\n\
                  acme,gpt-4o,2,0,0,60,20,10,,2,,0,0.000000016\n\
                  acme,new,1,0,0,7,,,,1,,1,\n";
    assert_eq!(shown, wanted);
    let by_day = super::tests::statement(&["day"], &lines());
    assert_eq!(
        by_day.groups.keys().map(|key| key[0].as_str()).collect::<Vec<_>>(),
        ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"]
    );
    assert_eq!(super::tests::statement(&["month"], &lines()).groups.keys().next().unwrap()[0], "2026-11");
    assert!(group::check("no such field").is_err() && group::check("cost_centre").is_ok());
}

#[test]
fn a_table_ends_with_its_total() {
    let statement = statement(&["model"], &lines());
    let shown = text(|out| output::table(out, &statement, None, period()));
    let last = shown.lines().last().unwrap();
    assert!(last.starts_with("total ") && last.ends_with(" 1.000000117"), "{shown}");
    assert!(shown.starts_with("2026-11-01 00:00:00 to 2026-12-01 00:00:00 (UTC)\n"), "{shown}");
}

/// What nobody knows is not 0: not in a row, not in the total, and not where revenue stands beside it.
#[test]
fn unknown_is_unknown_in_statements_too() {
    let known =
        ",\"total_tokens\":9,\"input_tokens\":9,\"output_tokens\":0,\"energy_consumption_kwh\":0.5,\"cost_usd\":0";
    let lines = [
        line(0, "acme", "free", known),
        line(0, "beta", "dark", ",\"total_tokens\":7"),
        line(0, "beta", "dark", ",\"cost_usd\":null,\"input_tokens\":null"),
    ];
    let both = statement(&["model"], &lines);
    let shown = text(|out| output::table(out, &both, None, period()));
    let cells = |row: usize| shown.lines().rev().nth(row).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(
        cells(3)[3..],
        [
            "input_tokens",
            "output_tokens",
            "unknown_energy_requests",
            "energy_consumption_kwh",
            "unpriced_requests",
            "cost_usd"
        ]
    );
    assert_eq!(cells(2), ["free", "1", "0", "9", "0", "0", "0.5", "0", "0"]);
    assert_eq!(cells(1), ["dark", "2", "0", "-", "-", "1", "-", "1", "-"]);
    assert_eq!(cells(0), ["total", "3", "0", "9", "0", "1", "0.5", "1", "0"]);
    let revenue = join::parse("organization,revenue\nacme,1\nbeta,1\nidle,1\n", "organization").unwrap();
    let by_organization = statement(&["organization"], &lines);
    let joined = Joined::new(&by_organization, 0, revenue);
    let json: serde_json::Value =
        serde_json::from_str(&text(|out| output::json(out, &by_organization, Some(&joined), period()))).unwrap();
    let row = json["rows"].as_array().unwrap().iter().find(|row| row["organization"] == "beta").unwrap();
    assert!(["input_tokens", "energy_consumption_kwh", "cost_usd"].iter().all(|name| row[name].is_null()), "{row}");
    assert_eq!(
        (&row["requests"], &row["unknown_energy_requests"], &row["unpriced_requests"]),
        (&2.into(), &1.into(), &1.into())
    );
    let unit = |name: &str| json["units"].as_array().unwrap().iter().find(|unit| unit["organization"] == name).unwrap();
    assert!(unit("beta")["cost_usd"].is_null() && unit("beta")["margin_usd"].is_null());
    // Nobody asked for anything there: that costs nothing.
    assert_eq!((&unit("idle")["cost_usd"], &unit("idle")["margin_usd"]), (&"0".into(), &"1".into()));
    let nothing = text(|out| output::csv(out, &statement(&[], &[]), None));
    assert_eq!(nothing.lines().count(), 1);
    let nothing = text(|out| output::table(out, &statement(&["model"], &[]), None, period()));
    assert!(nothing.ends_with(" 0\n"), "{nothing}");
}

#[test]
fn a_field_that_no_record_has_is_said() {
    let lines = [line(0, "", "m", ""), line(1, "", "m", ",\"team\":\"search\"")];
    let by = ["organization", "team", "bogus", "day"];
    assert_eq!(statement(&by, &lines).absent(), ["bogus"]);
    assert_eq!(statement(&by, &lines[..1]).absent(), ["team", "bogus"]);
    assert_eq!(statement(&by, &[]).absent(), [""; 0]);
    let mut charges = Charges::new(&by.map(str::to_owned));
    charges.add(&priced(0, "", "m", (1, 0, 0)), period());
    assert_eq!(charges.absent(), ["team", "bogus"]);
}

#[test]
fn revenue_stands_beside_cost() {
    let revenue = join::parse("organization,revenue\nacme,\"1,000.50\"\nacme,-0.5\nidle,3\n", "organization").unwrap();
    let joined = Joined::new(
        &statement(&["organization", "model"], &[priced(0, "acme", "m", (400_000_000_000, 0, 0))]),
        0,
        revenue,
    );
    let statement = statement(&["organization", "model"], &[priced(0, "acme", "m", (400_000_000_000, 0, 0))]);
    let shown = text(|out| output::csv(out, &statement, Some(&joined)));
    let tails: Vec<_> = shown.lines().map(|line| line.rsplitn(5, ',').take(4).collect::<Vec<_>>()).collect();
    assert_eq!(tails[0], ["return_percent", "margin_usd", "revenue_usd", "cost_usd"]);
    assert_eq!(tails[1], ["150.00", "600", "1000", "400"]);
    assert_eq!(tails[2], ["", "3", "3", "0"]);
    let json: serde_json::Value =
        serde_json::from_str(&text(|out| output::json(out, &statement, Some(&joined), period()))).unwrap();
    assert_eq!((&json["return"]["margin_usd"], &json["units"][0]["organization"]), (&"603".into(), &"acme".into()));
    assert_eq!(json["total"]["requests"], 1);
}

#[test]
fn what_is_no_revenue_is_refused() {
    for (text, said) in [
        ("", "it is empty"),
        ("a,revenue\n", "no column organization"),
        ("organization,b\n", "no column revenue"),
        ("organization,revenue\nacme,1e3\n", "line 2"),
        ("organization,revenue\nacme,0.0000000001\n", "line 2"),
        ("organization,revenue\nacme\n", "line 2: it has fewer values"),
    ] {
        let error = join::parse(text, "organization").unwrap_err();
        assert!(error.contains(said), "{text:?}: {error}");
    }
}

#[test]
fn charges_have_the_columns_of_focus() {
    let mut charges = Charges::new(&["organization".to_owned()]);
    lines().iter().for_each(|line| charges.add(line, period()));
    let shown = text(|out| charges.write(out));
    let rows = crate::cli::csv::rows(&shown).unwrap();
    let heading = &rows[0].1;
    assert!(heading.is_sorted());
    let mandatory = [
        "BilledCost",
        "BillingAccountId",
        "BillingAccountName",
        "BillingCurrency",
        "BillingPeriodEnd",
        "BillingPeriodStart",
        "ChargeCategory",
        "ChargeClass",
        "ChargeDescription",
        "ChargePeriodEnd",
        "ChargePeriodStart",
        "ContractedCost",
        "EffectiveCost",
        "InvoiceIssuerName",
        "ListCost",
        "PricingQuantity",
        "PricingUnit",
        "ProviderName",
        "PublisherName",
        "ServiceCategory",
        "ServiceName",
    ];
    mandatory.iter().for_each(|name| assert!(heading.iter().any(|column| column == name), "{name}"));
    let cell = |row: usize, name: &str| rows[row].1[heading.iter().position(|column| column == name).unwrap()].as_str();
    assert_eq!(cell(1, "ChargePeriodStart"), "2026-11-01T00:00:00Z");
    assert_eq!(cell(1, "ChargePeriodEnd"), "2026-11-02T00:00:00Z");
    assert_eq!(
        (cell(1, "BillingPeriodStart"), cell(1, "BillingPeriodEnd")),
        ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    );
    assert_eq!(
        (cell(1, "SkuMeter"), cell(1, "ConsumedQuantity"), cell(1, "BilledCost")),
        ("Input tokens", "20", "0.000000001")
    );
    assert_eq!((cell(1, "SubAccountId"), cell(1, "Tags")), ("acme", "{\"organization\":\"acme\"}"));
    assert!(rows.iter().skip(1).all(|(_, row)| row.len() == heading.len()));
}

proptest! {
    /// Whatever is asked for, all of it together is the ledger, to the nano-dollar.
    #[test]
    fn statements_add_up_to_the_ledger(
        records in prop::collection::vec((0..30_u64, 0..3_usize, 0..3_usize, (0..u64::from(u32::MAX), 0..9_u64, 0..9_u64), prop::option::of(0..99_u64)), 0..40),
    ) {
        let lines: Vec<_> = records.iter().map(|(day, who, model, parts, _)| {
            priced(*day, ["", "acme", "beta"][*who], ["a", "b", "c"][*model], *parts)
        }).collect();
        let cost: u128 = records.iter().map(|(_, _, _, (a, b, c), _)| u128::from(a + b + c)).sum();
        for by in [&["organization", "model"][..], &["day"], &["month", "provider", "cached_input_tokens"], &[]] {
            let statement = statement(by, &lines);
            prop_assert_eq!(statement.total().cost(), Some(cost));
            prop_assert_eq!(statement.total().requests, records.len() as u64);
            let mut charges = Charges::new(&statement.by);
            lines.iter().for_each(|line| charges.add(line, period()));
            let shown = text(|out| charges.write(out));
            let rows = crate::cli::csv::rows(&shown).unwrap();
            for column in ["BilledCost", "ListCost", "EffectiveCost"] {
                let at = rows[0].1.iter().position(|name| name == column).unwrap();
                let sum: u128 = rows[1..].iter().map(|(_, row)| u128::from(meter::decimal::parse(&row[at], 9).unwrap())).sum();
                prop_assert_eq!(decimal(sum, 9), decimal(cost, 9));
            }
        }
    }
}

/// A statement is the same whether Records lie in segments, where only some of their fields are read, or in the journal.
#[test]
fn a_statement_does_not_depend_on_where_records_lie() {
    const RECORDS: u64 = 900;
    let dir = tempfile::tempdir().unwrap();
    let lot = store::Lot::new(dir.path());
    let options = store::Options { rotate_bytes: 64 << 10, ..store::Options::default() };
    let (mut journal, _) = store::Journal::open(&lot.journal(), options).unwrap();
    let mut all = Vec::new();
    for record in crate::simulate::history::History::new(RECORDS, START, START + 30 * DAY, 7).unwrap() {
        let mut bytes = Vec::new();
        meter::record::render(&record, &mut bytes);
        all.push(meter::record::Line::parse(&bytes).unwrap());
        journal.append(&bytes, 1).unwrap();
        if journal.is_due() {
            journal.rotate(0).unwrap().give_back().unwrap();
        }
    }
    let by: Vec<String> = ["model", "month", "user_id", "client"].map(str::to_owned).into();
    let period = Period { since: START + 3 * DAY, until: START + 20 * DAY };
    let (mut statement, mut charges) = (Statement::new(&by), Charges::new(&by));
    all.iter().for_each(|line| statement.add(line, period));
    all.iter().for_each(|line| charges.add(line, period));
    let wanted = (statement.groups, text(|out| charges.write(out)));
    let stored = || {
        let by_and = |fields| by.iter().map(String::as_str).chain(fields).collect::<Vec<&str>>();
        let (mut statement, mut charges) = (Statement::new(&by), Charges::new(&by));
        let fields = by_and(group::FIELDS.to_vec());
        records::of_data_dir(dir.path(), period, &fields, |line| statement.add(line, period)).unwrap();
        let fields = by_and(focus::FIELDS.to_vec());
        records::of_data_dir(dir.path(), period, &fields, |line| charges.add(line, period)).unwrap();
        (statement.groups, text(|out| charges.write(out)))
    };
    assert_eq!(stored(), wanted);
    let library = crate::seal::open(dir.path()).unwrap();
    while library.seal(&lot.journal(), journal.first()).unwrap().is_some() {}
    let sealed = library.shelf().sealed();
    assert!(sealed > RECORDS / 2, "{sealed}");
    store::journal::trim(&lot.journal(), journal.first(), sealed, Some(std::time::Duration::ZERO), u64::MAX).unwrap();
    assert_eq!(stored(), wanted);
}
