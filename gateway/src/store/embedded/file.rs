//! The file under the store: made when missing, and told at each call from what somebody put in its place.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::Problem;
use crate::store::Unavailable;

/// How every SQLite database begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Makes the file when it is missing, readable and writable for its owner alone.
pub(super) fn prepare(path: &Path) -> Result<(), Problem> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(Problem::NotAFile),
        // Root could write it all the same; whoever took every write bit away did not want that.
        Ok(found) if found.permissions().readonly() => Err(Problem::ReadOnly),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(error) => Err(error.into()),
    }
}

fn create(path: &Path) -> Result<(), Problem> {
    let folder = path.parent().unwrap_or(path);
    if !folder.is_dir() {
        return Err(Problem::FolderMissing(folder.to_owned()));
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path)?;
    Ok(sync_folder(folder)?)
}

/// Makes the names of new files in a folder last.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The files that the store was opened on: the database and its write-ahead log.
///
/// SQLite goes on with a file that was removed or replaced: what it then acknowledged would be gone with the process. So
/// each call looks first whether the files are still the same, and still a database.
///
/// Made after, and dropped after, every connection of this process: closing any descriptor of a file gives up the locks
/// that SQLite holds on it (POSIX).
#[derive(Debug)]
pub(super) struct OpenFiles {
    database: File,
    identities: [Identity; 2],
}

#[derive(Debug)]
struct Identity {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl OpenFiles {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        // The log lies beside the file that a link leads to.
        let mut log = fs::canonicalize(path)?.into_os_string();
        log.push("-wal");
        Ok(Self {
            database: File::open(path)?,
            identities: [Identity::of(path)?, Identity::of(Path::new(&log))?],
        })
    }

    pub(super) fn verify(&self) -> Result<(), Unavailable> {
        for identity in &self.identities {
            identity.verify()?;
        }
        let mut beginning = [0; MAGIC.len()];
        let read = self.database.read_exact_at(&mut beginning, 0);
        if read.is_err() || beginning != *MAGIC {
            return Err(Unavailable { reason: "the store file has been overwritten".into() });
        }
        Ok(())
    }
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self { path: path.to_owned(), device: found.dev(), inode: found.ino() })
    }

    fn verify(&self) -> Result<(), Unavailable> {
        let reason = match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (self.device, self.inode) => return Ok(()),
            Ok(_) => format!("{} has been replaced", self.path.display()),
            Err(error) => format!("{}: {error}", self.path.display()),
        };
        Err(Unavailable { reason })
    }
}
