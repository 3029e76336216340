//! The machine: its clock, its limits, and the directory that everything durable lies in.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{Access, access, statfs, statvfs};
use rustix::process::{Resource, getrlimit};

use super::finding::{Part, Report};
use crate::config::Config;

/// 2026-01-01, before which no Weir ran, in seconds since 1970.
const BEGAN: u64 = 1_767_225_600;
/// Files beside those of requests: the journal, listeners, followers, what is kept to providers.
const OTHER_FILES: u64 = 512;
/// What a Weir needs beside bodies, in bytes.
const OTHER_MEMORY: u64 = 256 << 20;
/// Free bytes below which the journal soon finds no room, and below which that is to be looked at.
const NO_ROOM: u64 = 64 << 20;
const LITTLE_ROOM: u64 = 1 << 30;
/// File systems on other machines, by the number that the kernel has for them.
const REMOTE: [(i64, &str); 5] =
    [(0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "SMB"), (0x0100_21997, "9P"), (0x00C3_6400, "Ceph")];

/// The clock, as far as it can be seen from here.
pub(super) fn examine(report: &mut Report) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = format!("weir {} on {}", crate::VERSION_WITH_COMMIT, name.trim());
    if now < BEGAN {
        let to_do = "set this machine's clock, and keep it set: Records have its time";
        report.fault(Part::Machine, name, "the clock stands before 2026", to_do);
    } else {
        report.sound(Part::Machine, name, "the clock is plausible; it is compared with those of others below");
    }
}

/// What the kernel lets a process have, beside what is configured.
pub(super) fn examine_limits(config: &Config, report: &mut Report) {
    let needed = 2 * u64::from(config.max_in_flight) + OTHER_FILES;
    match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < needed => {
            let found = format!("at most {most}, and max_in_flight = {} needs {needed}", config.max_in_flight);
            let to_do =
                "raise it (LimitNOFILE= in a unit, --ulimit nofile=65536 for a container), or lower max_in_flight";
            report.warning(Part::Machine, "open files", found, to_do);
        }
        most => {
            let most = most.map_or_else(|| "any number".to_owned(), |most| most.to_string());
            report.sound(Part::Machine, "open files", format!("{most}, {needed} are needed at most"));
        }
    }
    if let Some(most) = memory_limit().filter(|most| *most < config.body_memory + OTHER_MEMORY) {
        let mebibytes = |bytes: u64| bytes >> 20;
        let found =
            format!("at most {} MiB, and body_memory alone is {} MiB", mebibytes(most), mebibytes(config.body_memory));
        let to_do = "raise the limit, or lower body_memory: the kernel ends who takes more";
        report.warning(Part::Machine, "memory", found, to_do);
    }
}

/// The control group's limit in bytes, as containers have one.
fn memory_limit() -> Option<u64> {
    fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}

/// The directory, without touching anything in it.
pub(super) fn examine_data_dir(dir: &Path, report: &mut Report) {
    let place = dir.display();
    let existing = match fs::metadata(dir) {
        Ok(metadata) if !metadata.is_dir() => {
            report.fault(Part::DataDir, place, "is no directory", "name a directory in data_dir");
            return;
        }
        Ok(_) => dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            report.sound(Part::DataDir, &place, "is not there yet; Weir makes it when it starts");
            match dir.ancestors().skip(1).find(|above| above.as_os_str().is_empty() || above.is_dir()) {
                Some(above) if !above.as_os_str().is_empty() => above,
                _ => Path::new("."),
            }
        }
        Err(error) => {
            report.fault(Part::DataDir, place, error, "run the doctor as the user who runs Weir");
            return;
        }
    };
    if let Err(error) = access(existing, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let to_do = "let the user who runs Weir write there (chown, fsGroup), or choose another data_dir";
        report.fault(Part::DataDir, existing.display(), io::Error::from(error), to_do);
        return;
    }
    examine_version(dir, report);
    examine_file_system(existing, report);
}

fn examine_version(dir: &Path, report: &mut Report) {
    let Ok(text) = fs::read_to_string(dir.join("version")) else { return };
    match text.trim().parse::<u32>() {
        Ok(found) if found > store::data_dir::VERSION => {
            let found = format!("has layout version {found}, this Weir knows up to {}", store::data_dir::VERSION);
            report.fault(Part::DataDir, dir.display(), found, "use the newer Weir that wrote it");
        }
        Ok(_) => {}
        Err(_) => {
            let to_do = "choose another data_dir: what lies here was not written by Weir";
            report.fault(Part::DataDir, dir.display(), "its file `version` holds no number", to_do);
        }
    }
}

fn examine_file_system(dir: &Path, report: &mut Report) {
    let place = dir.display();
    if let Ok(found) = statfs(dir)
        && let Some((_, name)) = REMOTE.iter().find(|(number, _)| *number == i64::from(found.f_type as u32))
    {
        let to_do = "put data_dir on a disk of this machine: it is locked and written in place";
        report.warning(Part::DataDir, &place, format!("lies on {name}"), to_do);
    }
    let Ok(found) = statvfs(dir) else { return };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let shown = format!("{} MiB are free", free >> 20);
    let to_do = "free room, or lower journal.max_bytes";
    if free < NO_ROOM {
        report.fault(Part::DataDir, place, format!("{shown}: new requests get 503 without room"), to_do);
    } else if free < LITTLE_ROOM {
        report.warning(Part::DataDir, place, shown, to_do);
    } else {
        report.sound(Part::DataDir, place, shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(dir: &Path) -> (bool, String) {
        let mut report = Report::default();
        examine_data_dir(dir, &mut report);
        (report.is_sound(), report.to_text())
    }

    #[test]
    fn a_directory_is_looked_at_and_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("a/b");
        let (_, said) = found(&missing);
        assert!(said.contains("is not there yet") && !missing.exists(), "{said}");
        std::fs::write(dir.path().join("file"), "x").unwrap();
        assert!(!found(&dir.path().join("file")).0);
        std::fs::write(dir.path().join("version"), "9\n").unwrap();
        let (sound, said) = found(dir.path());
        assert!(!sound && said.contains("layout version 9"), "{said}");
        std::fs::write(dir.path().join("version"), "nine").unwrap();
        assert!(found(dir.path()).1.contains("holds no number"));
    }
}
