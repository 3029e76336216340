//! Functions in KQL for Azure's Log Analytics, over what Container Insights collects.

use std::fmt::Write as _;

use meter::record::{FIELDS, Field, Unit};
use serde_json::{Value, json};

use super::Settings;

/// A function to be saved in a workspace.
struct Function {
    /// The name by which queries call it.
    name: &'static str,
    /// What it answers.
    about: &'static str,
    /// Its parameters, with types and defaults.
    parameters: &'static str,
    /// How it is called in the simplest case.
    call: &'static str,
    body: String,
}

/// The functions as statements, to be pasted in front of a query.
pub(super) fn statements(settings: &Settings) -> String {
    let mut out = String::from("// Rendered by `weir export`; changes by hand go with the next time.\n");
    out += "// Paste it in front of a query, as in: LlmExpensive(1.0) | summarize sum(cost_usd) by model\n";
    for Function { name, about, parameters, body, .. } in functions(settings) {
        let body = body.trim_end().replace('\n', "\n    ");
        _ = write!(out, "// {about}\nlet {name} = ({parameters}) {{\n    {body}\n}};\n");
    }
    out
}

/// The same as saved searches, for Terraform's `azurerm_log_analytics_saved_search` to go through.
pub(super) fn saved(settings: &Settings) -> Value {
    let saved = |function: Function| {
        let parameters: Vec<&str> = function.parameters.split(", ").filter(|text| !text.is_empty()).collect();
        json!({
            "alias": function.name, "category": "LLM", "description": function.about, "parameters": parameters,
            "query": function.body, "example": function.call,
        })
    };
    functions(settings).into_iter().map(saved).collect()
}

fn functions(settings: &Settings) -> Vec<Function> {
    let function =
        |name, about, parameters, call, body: &str| Function { name, about, parameters, call, body: body.to_owned() };
    let completed = "LlmRequests\n| where event == \"llm_request_completed\"\n| where ";
    vec![
        Function {
            name: "LlmRecords",
            about: "Every line of Weir's, with its fields as columns; record has fields of one's own too, as record.team.",
            parameters: "",
            call: "LlmRecords | take 10",
            body: records(settings),
        },
        function(
            "LlmRequests",
            "All requests, however they ended: what sums of tokens, cost and energy are made of.",
            "",
            "LlmRequests | summarize sum(cost_usd)",
            "LlmRecords\n| where event startswith \"llm_request_\"\n",
        ),
        function(
            "LlmHighTokenUsage",
            "Completed requests with many tokens.",
            "tokens:long=1000",
            "LlmHighTokenUsage(1000)",
            &format!("{completed}total_tokens > tokens\n"),
        ),
        function(
            "LlmExpensive",
            "Completed requests that cost much.",
            "usd:real=0.10",
            "LlmExpensive(0.10)",
            &format!("{completed}cost_usd > usd\n"),
        ),
        function(
            "LlmSlow",
            "Completed requests that took long.",
            "seconds:real=2.0",
            "LlmSlow(2.0)",
            &format!("{completed}processing_time_seconds > seconds\n"),
        ),
        function(
            "LlmOfModel",
            "Completed requests for a model.",
            "name:string=\"gpt-4\"",
            "LlmOfModel(\"gpt-4\")",
            &format!("{completed}model == name\n"),
        ),
        function(
            "LlmErrors",
            "Requests that failed.",
            "",
            "LlmErrors | summarize count() by error_type",
            "LlmRecords\n| where event == \"llm_request_failed\"\n",
        ),
        function(
            "LlmUsage",
            "Requests, tokens, cost, energy and latency by model and time.",
            "step:timespan=1h",
            "LlmUsage(1h)",
            "LlmRequests\n| summarize requests = count(), failed = countif(event == \"llm_request_failed\"),\n    \
             cancelled = countif(event == \"llm_request_cancelled\"), tokens = sum(total_tokens), cost_usd = sum(cost_usd),\n    \
             energy_kwh = sum(energy_consumption_kwh), p95_seconds = percentile(processing_time_seconds, 95)\n    \
             by model, bin(TimeGenerated, step)\n",
        ),
        function(
            "LlmCostBy",
            "US dollars by organization and user, of all requests.",
            "",
            "LlmCostBy | top 10 by cost_usd",
            "LlmRequests\n| summarize requests = count(), cost_usd = sum(cost_usd) by organization, user_id\n",
        ),
    ]
}

/// Lines with their fields as columns of their types. A message is a value already where the table's schema is the newer one,
/// and a text elsewhere.
fn records(settings: &Settings) -> String {
    let mut body = format!(
        "ContainerLogV2\n| where PodNamespace == \"{}\" and ContainerName == \"{}\"\n\
         | where tostring(LogMessage) has \"llm-metrics\"\n\
         | extend record = iff(gettype(LogMessage) == \"string\", parse_json(tostring(LogMessage)), LogMessage)\n\
         | where record.logger_name == \"llm-metrics\"\n| project TimeGenerated, PodName, record",
        settings.namespace, settings.app
    );
    for field in FIELDS {
        _ = write!(body, ",\n    {} = {}(record.{})", column(field), conversion(field.unit), field.name);
    }
    body.push('\n');
    body
}

/// A field's column: its name, but where that would be taken amiss.
fn column(field: &Field) -> &'static str {
    match field.name {
        // A word of the language.
        "timestamp" => "ended_at",
        name => name,
    }
}

const fn conversion(unit: Unit) -> &'static str {
    match unit {
        Unit::Text(_) | Unit::Id => "tostring",
        Unit::Count => "tolong",
        Unit::Usd | Unit::Kwh | Unit::Grams | Unit::Millilitres | Unit::Seconds | Unit::Number => "todouble",
        Unit::Bool => "tobool",
        Unit::Time => "todatetime",
    }
}
