//! What one may do with a resource.

use serde::{Deserialize, Serialize};

/// `Read` < `Edit` < `Admin`: who may do more may do less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Read,
    Edit,
    Admin,
}

impl Level {
    pub const ALL: [Self; 3] = [Self::Read, Self::Edit, Self::Admin];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Admin => "admin",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}
