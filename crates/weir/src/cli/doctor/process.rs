//! Weir itself: whether one runs, whose the ports are, and what its counters say.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use http::HeaderMap;

use super::finding::{Part, Report};
use super::web::{Site, shown};
use crate::config::{Config, Upstream};

/// Seconds after which a catalogue of prices is old.
const OLD: f64 = 30.0 * 86_400.0;
/// How many names are listed.
const NAMED: usize = 5;

/// The counters of a Weir that runs.
#[derive(Debug)]
pub(super) struct Running {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    labels: String,
    value: f64,
}

impl Running {
    fn read(page: &str) -> Running {
        let row = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}');
            Some(Row { name: name.to_owned(), labels: labels.to_owned(), value: value.parse().ok()? })
        };
        Running { rows: page.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect() }
    }

    fn rows(&self, name: &str) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.name == name)
    }

    /// The sum of a metric's rows.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.rows(name).map(|row| row.value).sum()
    }

    /// The row of a follower; `None` where there is none.
    pub(super) fn of_follower(&self, name: &str, follower: &str) -> Option<f64> {
        self.rows(name).find(|row| row.label("follower") == Some(follower)).map(|row| row.value)
    }
}

impl Row {
    fn label(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.labels.split_once(&format!("{name}=\""))?;
        rest.split('"').next()
    }
}

/// Finds a running Weir by its operators' port. Where there is none the ports must be free.
pub(super) async fn examine(config: &Config, admin: Option<SocketAddr>, report: &mut Report) -> Option<Running> {
    let address = reachable(admin.unwrap_or(config.admin));
    let site = Site::new(format!("http://{address}"), HeaderMap::new(), Upstream::default());
    match site.get("/metrics").await {
        Ok(answer) if answer.status.is_success() => {
            let running = Running::read(&String::from_utf8_lossy(&answer.body));
            if running.rows("weir_build_info").next().is_none() {
                let to_do = "stop what listens there, or choose another admin.listen; `ss -ltnp` says who it is";
                report.fault(Part::Ports, address, "somebody else answers at admin.listen", to_do);
                return None;
            }
            report.sound(Part::Ports, address, "a Weir answers operators");
            judge(&running, report);
            ready(&site, address, report).await;
            Some(running)
        }
        Ok(answer) if matches!(answer.status.as_u16(), 401 | 403) => {
            let to_do = "let /metrics be read without a token, or look at it yourself";
            let found = format!("answers {}, so its counters were not looked at", answer.status.as_u16());
            report.warning(Part::Ports, address, found, to_do);
            None
        }
        Ok(answer) => {
            let found = format!("something answers {} at admin.listen: {}", answer.status.as_u16(), shown(&answer));
            let to_do = "stop what listens there, or choose another admin.listen; `ss -ltnp` says who it is";
            report.fault(Part::Ports, address, found, to_do);
            None
        }
        Err(_) => {
            not_running(config, address, report);
            None
        }
    }
}

/// An address that stands for all of a machine's is reached on the machine itself.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address
}

fn not_running(config: &Config, admin: SocketAddr, report: &mut Report) {
    if let Some(holder) = holder(&config.data_dir.join("lock")) {
        let found = format!("process {holder} holds data_dir, and nobody answers at {admin}");
        let to_do = "name where it answers operators with --admin; or it hangs: `kill -TERM` and start it again";
        report.fault(Part::Ports, config.data_dir.display(), found, to_do);
        return;
    }
    for (name, address) in [("listen", config.listen), ("admin.listen", config.admin)] {
        match TcpListener::bind(address) {
            Ok(_) => report.sound(Part::Ports, address, format!("free for {name}")),
            Err(error) => {
                let to_do = format!("choose another {name}, or stop what is there; `ss -ltnp` says who it is");
                report.fault(Part::Ports, address, format!("cannot be listened at: {error}"), to_do);
            }
        }
    }
    let to_do = "start it: weir serve --config FILE; in a cluster: kubectl get pods -n llm -l app=llm-proxy";
    report.warning(Part::Weir, admin, "no Weir runs here", to_do);
}

/// Who holds a file's lock, as the kernel tells it: without trying to take it, which could keep a Weir from starting.
fn holder(lock: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let inode = std::fs::metadata(lock).ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    // 1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ours = words.get(1) == Some(&"FLOCK") && words.get(5)?.rsplit(':').next()?.parse() == Ok(inode);
        words.get(4)?.parse().ok().filter(|_| ours)
    })
}

async fn ready(site: &Site, address: SocketAddr, report: &mut Report) {
    match site.get("/readyz").await {
        Ok(answer) if answer.status.is_success() => report.sound(Part::Weir, address, "is ready"),
        Ok(answer) => {
            let to_do = "free room on the disk of data_dir, or wait until it is down";
            report.fault(Part::Weir, address, format!("is not ready: {}", shown(&answer)), to_do);
        }
        Err(error) => report.fault(Part::Weir, address, error, "see what it says on stderr"),
    }
}

fn judge(running: &Running, report: &mut Report) {
    judge_version(running, report);
    judge_balance(running, report);
    let some = |name: &str| Some(running.sum(name)).filter(|sum| *sum > 0.0);
    if running.sum("weir_config_last_reload_successful") == 0.0 {
        let to_do = "see on stderr why; `weir check` says it too";
        report.fault(Part::Weir, "configuration", "a changed file was refused, the one before is in force", to_do);
    }
    if let Some(count) = some("weir_unrecorded_requests_total") {
        let to_do = "free room on the disk of data_dir; on_journal_failure = \"refuse\" serves nobody unrecorded";
        report.warning(Part::Weir, "records", format!("{count} requests were served without one"), to_do);
    }
    if let Some(count) = some("weir_journal_dropped_lines_total") {
        let to_do = "raise journal.max_bytes, or mend the follower that is behind";
        report.warning(Part::Weir, "journal", format!("{count} lines went before a follower had read them"), to_do);
    }
    judge_store(running, report);
    let unpriced = busiest(running, "llm_unpriced_requests_total", "model");
    if !unpriced.is_empty() {
        let to_do = "weir prices MODEL says what is known; weir prices update, or [pricing], brings a price";
        report.warning(Part::Weir, "prices", format!("there is none for {}", unpriced.join(", ")), to_do);
    }
    if running.sum("weir_price_catalog_age_seconds") > OLD {
        report.warning(Part::Weir, "prices", "the catalogue is more than 30 days old", "weir prices update");
    }
    let refused = busiest(running, "weir_refused_total", "reason");
    if !refused.is_empty() {
        let found = format!("requests were refused: {}", refused.join(", "));
        report.warning(Part::Weir, "callers", found, "docs/operations.md explains each reason");
    }
    let wrong = busiest(running, "weir_field_errors_total", "field");
    if !wrong.is_empty() {
        let found = format!("values were not of their type: {}", wrong.join(", "));
        report.warning(Part::Weir, "fields", found, "look at `type` in [[fields]], and at what callers send");
    }
}

/// A Weir from before there were segments says nothing of them.
fn judge_store(running: &Running, report: &mut Report) {
    if running.rows("weir_store_up").any(|row| row.value == 0.0) {
        let to_do = "see on stderr why; free room on the disk of data_dir. Until then the journal keeps the lines";
        report.fault(Part::Weir, "store", "files of the journal cannot be made into segments", to_do);
    }
    let damaged = running.sum("weir_store_damaged_segments");
    if damaged > 0.0 {
        let to_do =
            "bring them back from a copy, or remove segments/damaged; what the journal still had is sealed again";
        report.warning(Part::Weir, "store", format!("{damaged} segments cannot be read and were set aside"), to_do);
    }
    let [segments, lines] = ["weir_store_segments", "weir_store_lines"].map(|name| running.sum(name));
    if running.rows("weir_store_segments").next().is_some() {
        let unsealed = running.sum("weir_store_unsealed_lines");
        report.sound(Part::Weir, "store", format!("{lines} lines in {segments} segments, {unsealed} to be sealed"));
    }
}

fn judge_version(running: &Running, report: &mut Report) {
    let version = running.rows("weir_build_info").find_map(|row| Some((row.label("version")?, row.label("commit")?)));
    let Some((version, commit)) = version else { return };
    match (version, commit) == (crate::VERSION, crate::COMMIT) {
        true => report.sound(Part::Weir, "version", format!("{version}, this one")),
        false => {
            let found = format!("{version} ({commit}) runs, and this is {}", crate::VERSION_WITH_COMMIT);
            let to_do = "restart it if it should be the newer one: weir_build_info tells which runs";
            report.warning(Part::Weir, "version", found, to_do);
        }
    }
}

fn judge_balance(running: &Running, report: &mut Report) {
    let [accepted, recorded, in_flight] =
        ["weir_accepted_total", "weir_recorded_total", "weir_in_flight"].map(|name| running.sum(name));
    let found = format!("{accepted} accepted, {recorded} recorded, {in_flight} in flight");
    match accepted == recorded + in_flight {
        true => report.sound(Part::Weir, "balance", found),
        false => report.fault(Part::Weir, "balance", found, "this must not be: please report it, with /metrics"),
    }
    if running.sum("weir_journal_up") == 0.0 {
        let to_do = "free room on the disk of data_dir, and look at its permissions; Weir goes on by itself";
        report.fault(Part::Weir, "journal", "cannot be written", to_do);
    }
}

/// The values of a label whose counters are not 0, the largest first.
fn busiest(running: &Running, metric: &str, label: &str) -> Vec<String> {
    let mut rows: Vec<(&str, f64)> = Vec::new();
    for row in running.rows(metric).filter(|row| row.value > 0.0) {
        let name = row.label(label).unwrap_or("?");
        match rows.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += row.value,
            None => rows.push((name, row.value)),
        }
    }
    rows.sort_by(|one, other| other.1.total_cmp(&one.1));
    rows.iter().take(NAMED).map(|(name, count)| format!("{name} ({count})")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP x y\n# TYPE x counter\nweir_build_info{version=\"0\",commit=\"c\"} 1\n\
        weir_accepted_total 5\nweir_recorded_total 3\nweir_in_flight 1\nweir_journal_up 0\n\
        weir_config_last_reload_successful 0\nweir_unrecorded_requests_total 2\nweir_journal_dropped_lines_total 1\n\
        llm_unpriced_requests_total{provider=\"p\",model=\"a\"} 1\nllm_unpriced_requests_total{provider=\"p\",model=\"b\"} 4\n\
        weir_price_catalog_age_seconds 9000000\nweir_refused_total{reason=\"missing_key\"} 7\n\
        weir_field_errors_total{field=\"team\"} 1\nweir_follower_lag_lines{follower=\"loki\"} 12\n\
        weir_store_up 0\nweir_store_damaged_segments{of=\"records\"} 2\nweir_store_segments{of=\"records\"} 3\n\
        weir_store_lines{of=\"records\"} 70\nweir_store_unsealed_lines 5\n";

    #[test]
    fn counters_say_what_is_wrong() {
        let running = Running::read(PAGE);
        assert_eq!(running.of_follower("weir_follower_lag_lines", "loki"), Some(12.0));
        assert_eq!(running.of_follower("weir_follower_lag_lines", "other"), None);
        let mut report = Report::default();
        judge(&running, &mut report);
        let said = report.to_text();
        for part in [
            "balance: 5 accepted, 3 recorded, 1 in flight",
            "journal: cannot be written",
            "a changed file was refused",
            "2 requests were served without one",
            "b (4), a (1)",
            "30 days old",
            "missing_key (7)",
            "team (1)",
            "cannot be made into segments",
            "2 segments cannot be read",
            "70 lines in 3 segments, 5 to be sealed",
            "4 faults, 8 warnings",
        ] {
            assert!(said.contains(part), "{part} is not in\n{said}");
        }
    }

    #[test]
    fn all_addresses_are_reached_by_one() {
        let at = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!((at("0.0.0.0:1").as_str(), at("[::]:2").as_str()), ("127.0.0.1:1", "[::1]:2"));
        assert_eq!(at("10.0.0.1:3"), "10.0.0.1:3");
    }

    #[test]
    fn a_lock_has_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let file = std::fs::File::create(&path).unwrap();
        assert_eq!(holder(&path), None);
        file.lock().unwrap();
        assert_eq!(holder(&path), Some(std::process::id()));
    }
}
