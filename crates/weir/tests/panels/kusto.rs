//! The functions for Azure: columns of the fields' types, and one function for each question.

use std::collections::BTreeSet;

use meter::record::{FIELDS, field};
use serde_json::Value;

use crate::read;

fn functions() -> Vec<Value> {
    serde_json::from_str(&read("observability/azure/llm-functions.json")).unwrap()
}

#[test]
fn every_field_is_a_column() {
    let functions = functions();
    let records = functions.iter().find(|function| function["alias"] == "LlmRecords").unwrap();
    let body = records["query"].as_str().unwrap();
    for field in FIELDS {
        assert!(body.contains(&format!("(record.{})", field.name)), "{}", field.name);
    }
    for named in
        body.split("record.").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
    {
        assert!(field(named).is_some(), "{named}");
    }
    assert!(body.contains("| project TimeGenerated, PodName, record,\n"), "fields of one's own are in the whole");
    assert!(body.starts_with("ContainerLogV2\n| where PodNamespace == \"llm\" and ContainerName == \"llm-proxy\"\n"));
}

/// Names that a function uses are fields, its parameters, what it makes, or other functions.
#[test]
fn functions_name_what_there_is() {
    let words = |text: &str| {
        let outside: Vec<&str> = text.split('"').step_by(2).collect();
        let parts = outside.join(" ");
        parts.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect::<Vec<_>>()
    };
    const LANGUAGE: &[&str] =
        &["where", "startswith", "summarize", "count", "countif", "sum", "percentile", "by", "bin", "TimeGenerated"];
    let functions = functions();
    let aliases: BTreeSet<&str> = functions.iter().map(|function| function["alias"].as_str().unwrap()).collect();
    assert_eq!(aliases.len(), functions.len());
    for function in functions.iter().filter(|function| function["alias"] != "LlmRecords") {
        let body = function["query"].as_str().unwrap();
        let parameters: Vec<&str> = function["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_str().unwrap().split(':').next().unwrap())
            .collect();
        let made: Vec<&str> = body.split(" = ").map(|part| part.rsplit([' ', '\n']).next().unwrap()).collect();
        for word in words(body).iter().filter(|word| word.starts_with(|c: char| c.is_alphabetic())) {
            let word = word.as_str();
            let is_known = LANGUAGE.contains(&word)
                || field(word).is_some()
                || parameters.contains(&word)
                || made.contains(&word)
                || aliases.contains(word);
            assert!(is_known, "{}: {word}", function["alias"]);
        }
        for (open, close) in [('(', ')'), ('{', '}')] {
            assert_eq!(body.matches(open).count(), body.matches(close).count());
        }
    }
}

/// The six questions, with the same limits, have a function each.
#[test]
fn the_six_questions_are_functions() {
    let text = read("observability/azure/llm-functions.kql");
    for (name, asks) in [
        ("LlmRequests", "event startswith \"llm_request_\""),
        ("LlmHighTokenUsage", "(tokens:long=1000)"),
        ("LlmExpensive", "(usd:real=0.10)"),
        ("LlmSlow", "(seconds:real=2.0)"),
        ("LlmOfModel", "(name:string=\"gpt-4\")"),
        ("LlmErrors", "event == \"llm_request_failed\""),
    ] {
        let (_, rest) = text.split_once(&format!("let {name} = ")).unwrap_or_else(|| panic!("{name}"));
        assert!(rest.split("\n};").next().unwrap().contains(asks), "{name}");
    }
}
