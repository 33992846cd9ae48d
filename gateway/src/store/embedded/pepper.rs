//! The pepper that an embedded store makes for itself, in a file beside its own.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use decision::secret::PEPPER_MIN;
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use super::file;

/// Bytes of randomness in a pepper made here; written as hexadecimal digits.
const RANDOM: usize = 32;
/// The most bytes a pepper's file may have.
const LENGTH_MAX: u64 = 4096;

/// A pepper and where it was found or put.
#[derive(Debug)]
pub struct PepperFile {
    pub value: SecretString,
    pub path: PathBuf,
    /// It was made just now: whoever keeps copies of the store must keep one of this file, too.
    pub created: bool,
    /// Its group may read it: worth a warning. (A Kubernetes volume with `fsGroup` makes every file so.)
    pub group_readable: bool,
}

/// Why there is no pepper.
#[derive(Debug, thiserror::Error)]
pub enum PepperError {
    #[error(
        "pepper {}: the file is gone, and the store {} cannot be read without it; restore it, or set store.pepper",
        .pepper.display(), .store.display()
    )]
    Gone { pepper: PathBuf, store: PathBuf },
    #[error("pepper {}: everybody may read the file (mode {mode:03o}); it must be 600", .path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("pepper {}: holds fewer than {PEPPER_MIN} bytes", .path.display())]
    Short { path: PathBuf },
    #[error("pepper {}: the folder {} does not exist", .path.display(), .folder.display())]
    FolderMissing { path: PathBuf, folder: PathBuf },
    #[error("pepper {}: {error}", .path.display())]
    Failed { path: PathBuf, error: io::Error },
}

/// The pepper in `<store>.pepper`, made when neither it nor the store is there yet. A store that has lost its pepper never
/// gets another: that would be a silent 401 for everybody.
pub fn pepper_beside(store: &Path) -> Result<PepperFile, PepperError> {
    let mut path = store.as_os_str().to_owned();
    path.push(".pepper");
    let path = PathBuf::from(path);
    let failed = |error| PepperError::Failed { path: path.clone(), error };
    match fs::File::open(&path) {
        Ok(found) => read(found, path, false),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        Err(_) if fs::metadata(store).is_ok_and(|store| store.len() > 0) => {
            Err(PepperError::Gone { pepper: path, store: store.to_owned() })
        }
        Err(_) => {
            let folder = std::path::absolute(&path).map_err(failed)?;
            let folder = folder.parent().unwrap_or(&folder);
            if !folder.is_dir() {
                return Err(PepperError::FolderMissing { folder: folder.to_owned(), path });
            }
            let created = create(&path, folder).map_err(failed)?;
            read(fs::File::open(&path).map_err(failed)?, path, created)
        }
    }
}

/// Whole or not at all, and lasting. `false`: another process was first, and its pepper stands.
fn create(path: &Path, folder: &Path) -> io::Result<bool> {
    let mut random = Zeroizing::new([0; RANDOM]);
    SystemRandom::new().fill(random.as_mut()).map_err(|_| io::Error::other("no randomness"))?;
    // A temporary file has mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    for byte in random.iter() {
        write!(file, "{byte:02x}")?;
    }
    writeln!(file)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => file::sync_folder(folder).map(|()| true),
        Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

fn read(file: fs::File, path: PathBuf, created: bool) -> Result<PepperFile, PepperError> {
    let failed = |error| PepperError::Failed { path: path.clone(), error };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(PepperError::Exposed { path, mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LENGTH_MAX).read_to_string(&mut text).map_err(failed)?;
    let value = SecretString::from(text.trim_end_matches(['\n', '\r']));
    if value.expose_secret().len() < PEPPER_MIN {
        return Err(PepperError::Short { path });
    }
    Ok(PepperFile { value, path, created, group_readable: mode & 0o070 != 0 })
}
