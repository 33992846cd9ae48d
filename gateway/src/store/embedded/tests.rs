use std::path::PathBuf;
use std::sync::Arc;

use decision::secret::{Pepper, Peppers};
use secrecy::SecretString;
use tempfile::TempDir;

use super::{Embedded, Problem};
use crate::store::conformance::{Fixture, conformance};

mod bounded;
mod crashing;
mod elsewhere;
mod migrating;
mod opening;
mod pepper;
mod rotating;
mod running;

conformance!(empty);

async fn empty() -> Fixture {
    let folder = Folder::new();
    Fixture { store: Arc::new(folder.open()), keep: Box::new(folder) }
}

/// A folder for one store.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("portcullis.db")
    }

    fn open(&self) -> Embedded {
        Embedded::open(&self.path(), &pepper_of("first")).unwrap()
    }

    fn problem(&self) -> Problem {
        match Embedded::open(&self.path(), &pepper_of("first")) {
            Err(error) => error.problem,
            Ok(_) => panic!("the store opened"),
        }
    }
}

fn pepper_of(name: &str) -> Peppers {
    Pepper::new(&SecretString::from(format!("{name:.<32}"))).unwrap().into()
}

/// Runs a future to its end on a runtime of its own.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
