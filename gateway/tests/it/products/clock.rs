//! The wall clock of a gateway in the test's hand, by Debian's libfaketime. What measures spans of time goes on as ever.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::Setup;

/// It stands still until it is set anew.
pub(crate) struct WallClock {
    folder: TempDir,
}

impl WallClock {
    pub(crate) fn at(instant: &str) -> Self {
        let clock = Self { folder: tempfile::tempdir().unwrap() };
        clock.set(instant);
        clock
    }

    /// From now on it is this instant: `2026-11-28T23:59:59.999Z`.
    pub(crate) fn set(&self, instant: &str) {
        let instant = OffsetDateTime::parse(instant, &Rfc3339).unwrap();
        let beside = self.folder.path().join("new");
        let text = format!("{}.{:03}\n", instant.unix_timestamp(), instant.millisecond());
        fs::write(&beside, text).unwrap();
        fs::rename(beside, self.file()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("now")
    }

    /// A gateway that goes by it, and believes to be in this time zone, spelled as POSIX does: `NZDT-13`.
    pub(crate) fn of(&self, setup: Setup, zone: &str) -> Setup {
        setup
            .environment("LD_PRELOAD", library().to_str().unwrap())
            .environment("FAKETIME_TIMESTAMP_FILE", self.file().to_str().unwrap())
            // Seconds since 1970, whatever the time zone.
            .environment("FAKETIME_FMT", "%s")
            // It is read on each call.
            .environment("FAKETIME_NO_CACHE", "1")
            .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .environment("NO_FAKE_STAT", "1")
            .environment("TZ", zone)
    }
}

/// # Panics
/// When it is not installed.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let mut found = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    found.find(|file| file.exists()).expect("Debian's package libfaketime is installed")
}
