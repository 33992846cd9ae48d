//! The files that a gateway is started on: the house's own, and beside it perhaps some of `config/` as they are shipped.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Setup;

impl Setup {
    /// All apis and upstreams are those of these `files` of `config/`.
    pub(crate) fn shipped(files: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
        let mut setup = Self::new("");
        setup.shipped = files.iter().map(|file| folder.join(file)).collect();
        setup
    }

    /// All that it reads is this folder of `config/`.
    pub(crate) fn shipped_folder(folder: &str) -> Self {
        Self::shipped(&[folder])
    }

    /// Writes what the gateway is to read, and says where that is.
    pub(super) fn laid_out(&self, folder: &Path) -> PathBuf {
        if let [shipped] = &*self.shipped
            && shipped.is_dir()
        {
            return shipped.clone();
        }
        let own = folder.join("portcullis.yaml");
        fs::write(&own, self.yaml()).unwrap();
        for file in &self.shipped {
            let link = folder.join(file.file_name().unwrap());
            // An earlier gateway may have left it.
            drop(fs::remove_file(&link));
            symlink(file, link).unwrap();
        }
        if self.shipped.is_empty() { own } else { folder.to_owned() }
    }

    /// The whole of the house's own file.
    pub(crate) fn yaml(&self) -> String {
        let Self { apis, server, listener, store, .. } = self;
        let own = [
            format!("listeners: [{{ name: public, address: \"127.0.0.1:0\"{listener} }}]"),
            "admin: { address: \"127.0.0.1:0\", token: \"${PORTCULLIS_ADMIN_TOKEN:-}\" }"
                .to_owned(),
            "health: { address: \"127.0.0.1:0\" }".to_owned(),
            "drain: { delay: 0s, timeout: 10s }".to_owned(),
        ];
        let key = |line: &str| format!("  {}:", line.split(':').next().unwrap());
        let given = |line: &String| !server.contains(&key(line));
        let own: String =
            own.iter().filter(|line| given(line)).flat_map(|line| ["  ", line, "\n"]).collect();
        // A machine that runs all tests at once may keep a look-up waiting far longer than a request should.
        let patience = if store.contains("  timeout:") { "" } else { "  timeout: 10s\n" };
        format!("server:\n{own}{server}store:\n  path: portcullis.db\n{patience}{store}{apis}")
    }
}
