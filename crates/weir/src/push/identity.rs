//! Whose lines they are: no stream that is pushed looks like one of Weir's own Records.
//!
//! Panels choose Records by `app`, `namespace` and `event`. A stream that has all three as Weir's Records have them keeps
//! what it says under another name, as Prometheus keeps labels that clash with its own: `app` becomes `exported_app`.

use super::check::SERVICE_NAME;

/// How names of events begin that Weir writes.
const OWN_EVENTS: &str = "llm_";
/// What stands before a label's own name.
const PREFIX: &str = "exported_";

/// Renames the labels by which a stream would be taken for Records, if it has them. `reserved` are values of `app` and `namespace`.
pub(super) fn tell_apart(labels: &mut [(String, String)], reserved: &[(String, String)]) {
    let value = |name: &str| labels.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let (app, namespace) = (value("app"), value("namespace"));
    let is_own = value("event").starts_with(OWN_EVENTS)
        && reserved.iter().any(|(own_app, own_namespace)| app == own_app && namespace == own_namespace);
    if !is_own {
        return;
    }
    for name in ["app", SERVICE_NAME] {
        let mut free = format!("{PREFIX}{name}");
        while labels.iter().any(|(known, _)| *known == free) {
            free.insert_str(0, PREFIX);
        }
        for (known, _) in labels.iter_mut().filter(|(known, _)| known == name) {
            known.clone_from(&free);
        }
    }
}
