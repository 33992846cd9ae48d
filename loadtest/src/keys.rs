//! The keys of a run: the same for every gateway, of the form that the product mints, and drawn from a fixed sequence so that
//! two runs send the same bytes.

use decision::secret;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// How many keys are known, and how many are not.
pub(crate) const COUNT: usize = 2_000;
/// Organisations that share the keys.
const ORGS: usize = 500;
pub(crate) const PREFIX: &str = "lt_";

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) secret: String,
    pub(crate) org: String,
    /// The credential's id; the one that Portcullis gives it where Portcullis takes part.
    pub(crate) credential: String,
}

#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) known: Vec<Key>,
    /// Well-formed secrets of nobody.
    pub(crate) unknown: Vec<String>,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let mut state = 1;
        let mut secret = || {
            let minted = secret::mint(PREFIX, |bytes| bytes.fill_with(|| draw(&mut state)));
            secrecy::ExposeSecret::expose_secret(&minted).to_owned()
        };
        let known = (0..COUNT)
            .map(|n| Key {
                secret: secret(),
                org: format!("org_{:04}", n % ORGS),
                credential: format!("crd_{n:020}"),
            })
            .collect();
        let unknown = (0..COUNT).map(|_| secret()).collect();
        Self { known, unknown }
    }

    /// Writes `name` into `folder`: a line a key.
    pub(crate) fn write(
        &self,
        folder: &Path,
        name: &str,
        line: impl Fn(&Key) -> String,
    ) -> io::Result<()> {
        let mut text = String::new();
        for key in &self.known {
            writeln!(text, "{}", line(key)).map_err(io::Error::other)?;
        }
        fs::write(folder.join(name), text)
    }
}

/// A byte of the splitmix64 sequence: these keys open nothing, so they need no secrecy.
fn draw(state: &mut u64) -> u8 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 56) as u8
}
