//! Which requests a query is about: words in braces become labels.

/// Which lines are a deployment's, and which of them are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The label `namespace`.
    pub namespace: String,
    /// The label `app`.
    pub app: String,
    /// What narrows them.
    pub filter: Filter,
}

/// What narrows a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Nothing: all of them.
    All,
    /// A dashboard's variables: provider, model, organization.
    Variables,
    /// The same, in a link that leads out of the dashboard. Several values are joined by `|` and nothing is escaped, because
    /// the query stands in JSON there.
    Link,
}

/// Words for lines, and what the label `event` is there.
const WORDS: &[(&str, &str)] = &[
    ("{requests}", "event=~\"llm_request_.+\""),
    ("{completed}", "event=\"llm_request_completed\""),
    ("{failed}", "event=\"llm_request_failed\""),
    ("{cancelled}", "event=\"llm_request_cancelled\""),
    ("{answered}", "event=~\"llm_request_(completed|failed)\""),
    ("{unfinished}", "event=~\"llm_request_(failed|cancelled)\""),
];

/// What is chosen of Prometheus's series about requests.
const SERIES: &str = "{job=~\"$job\", instance=~\"$instance\", provider=~\"$provider\", model=~\"$model\"";
/// The same of those about a process.
const PROCESS: &str = "{job=~\"$job\", instance=~\"$instance\"";

impl Default for Selection {
    fn default() -> Self {
        Self { namespace: "llm".to_owned(), app: "llm-proxy".to_owned(), filter: Filter::All }
    }
}

impl Selection {
    /// The same, narrowed by `filter`.
    #[must_use]
    pub fn with(&self, filter: Filter) -> Self {
        Self { filter, ..self.clone() }
    }

    /// The deployment's lines, whatever they tell of, as a selector.
    #[must_use]
    pub fn stream(&self) -> String {
        format!("{{{}}}", self.labels())
    }

    /// A query with labels in place of words.
    #[must_use]
    pub fn expand(&self, expr: &str) -> String {
        let (labels, filters) = match self.filter {
            Filter::All => ("", ""),
            Filter::Variables => {
                (", provider=~\"$provider\"", " | model=~\"$model\" | organization=~\"$organization\"")
            }
            Filter::Link => (
                ", provider=~\"${provider:pipe}\"",
                " | model=~\"${model:raw}\" | organization=~\"${organization:raw}\"",
            ),
        };
        let mut expanded = expr.to_owned();
        for (word, event) in WORDS {
            expanded = expanded.replace(word, &format!("{{{}, {event}{labels}}}{filters}", self.labels()));
        }
        expanded.replace("{series", SERIES).replace("{process", PROCESS)
    }

    fn labels(&self) -> String {
        let Self { namespace, app, .. } = self;
        format!("namespace={}, app={}", quoted(namespace), quoted(app))
    }
}

/// A text as both languages quote it; what would need more than JSON's escapes is refused where it is read.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_labels() {
        let selection = Selection::default();
        assert_eq!(selection.stream(), r#"{namespace="llm", app="llm-proxy"}"#);
        assert_eq!(
            selection.expand("rate({failed} [5m])"),
            r#"rate({namespace="llm", app="llm-proxy", event="llm_request_failed"} [5m])"#
        );
        let narrowed = selection.with(Filter::Variables).expand("{requests}");
        assert!(narrowed.ends_with(r#", provider=~"$provider"} | model=~"$model" | organization=~"$organization""#));
        assert_eq!(
            selection.expand(r#"x{process} / y{series, a="b"}"#),
            r#"x{job=~"$job", instance=~"$instance"} / y{job=~"$job", instance=~"$instance", provider=~"$provider", model=~"$model", a="b"}"#
        );
    }
}
