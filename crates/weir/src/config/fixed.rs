//! What a configuration that is read again cannot change: sockets, files and tables are made of it once.

use std::fmt::Debug;

use super::{Config, ConfigError, invalid};

impl Config {
    /// Makes of a configuration that was read again one that can take the place of `self`.
    ///
    /// # Errors
    /// A setting has changed that cannot change while Weir runs; it is named.
    pub fn succeed(&self, next: Config) -> Result<Config, ConfigError> {
        same("listen", &self.listen, &next.listen)?;
        same("admin.listen", &self.admin, &next.admin)?;
        same("data_dir", &self.data_dir, &next.data_dir)?;
        same("threads", &self.threads, &next.threads)?;
        same("stdout", &self.stdout, &next.stdout)?;
        same("max_in_flight", &self.max_in_flight, &next.max_in_flight)?;
        same("body_memory", &self.body_memory, &next.body_memory)?;
        same("durability", &self.durability.name(), &next.durability.name())?;
        same("on_journal_failure", &self.on_journal_failure.name(), &next.on_journal_failure.name())?;
        same("journal.rotate_bytes", &self.journal.rotate_bytes, &next.journal.rotate_bytes)?;
        same("journal.rotate_after", &self.journal.rotate_after, &next.journal.rotate_after)?;
        same("query", &self.query, &next.query)?;
        if !self.followers.iter().eq(&next.followers) || !self.hubs.iter().eq(&next.hubs) {
            return Err(invalid(
                "followers",
                "cannot change while Weir runs, nor can the labels of their lines; start Weir anew",
            ));
        }
        if self.tls.is_some() != next.tls.is_some() {
            return Err(invalid("tls", "cannot come or go while Weir runs; start Weir anew"));
        }
        let mut next = Config { simulated: self.simulated, ..next };
        next.fields.inherit(&self.fields);
        for grid in &next.grids {
            let same = self.grids.iter().find(|other| other.zone == grid.zone && other.url == grid.url);
            same.into_iter().for_each(|other| grid.hourly.add(&other.hourly.series()));
        }
        Ok(next)
    }
}

fn same<T: PartialEq + Debug>(place: &str, before: &T, now: &T) -> Result<(), ConfigError> {
    if before == now {
        return Ok(());
    }
    let reason = format_args!("is {before:?} and cannot become {now:?} while Weir runs; start Weir anew for that");
    Err(invalid(place, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_change_is_refused_by_name() {
        let provider = "[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n";
        let whole = |settings: &str| Config::parse(&format!("{settings}\n{provider}")).unwrap();
        let before = whole("threads = 1");
        for (place, settings) in [
            ("listen", "listen = \"127.0.0.1:1\""),
            ("admin.listen", "admin.listen = \"127.0.0.1:1\""),
            ("data_dir", "data_dir = \"elsewhere\""),
            ("threads", "threads = 3"),
            ("stdout", "stdout = false"),
            ("max_in_flight", "max_in_flight = 1"),
            ("body_memory", "body_memory = 1"),
            ("durability", "durability = \"fsync\""),
            ("on_journal_failure", "on_journal_failure = \"serve\""),
            ("journal.rotate_bytes", "journal.rotate_bytes = \"1 MiB\""),
            ("journal.rotate_after", "journal.rotate_after = \"2h\""),
            ("followers", "followers = [{ kind = \"loki\", url = \"http://l\" }]"),
            ("tls", "tls = { cert = \"a\", key = \"b\" }"),
        ] {
            let threads = if place == "threads" { "" } else { "threads = 1\n" };
            let error = before.succeed(whole(&format!("{threads}{settings}"))).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{place}: ")), "{place}: {error}");
        }
        let error = before.succeed(whole("threads = 1\ndurability = \"fsync\"")).unwrap_err().to_string();
        assert!(error.starts_with("durability: is \"flush\" and cannot become \"fsync\" while Weir runs"), "{error}");
        for settings in ["instance = \"x\"", "timeouts.total = \"1s\"", "body_limit = 1", "journal.keep = \"1d\""] {
            assert!(before.succeed(whole(&format!("threads = 1\n{settings}"))).is_ok(), "{settings}");
        }
    }
}
