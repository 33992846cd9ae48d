//! What lists are asked for, and their pages.

use decision::facts::CredentialState;
use decision::name::Id;

/// Which credentials a list shows. Fields that are `None` restrict nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub api: Option<String>,
    pub subject: Option<String>,
    pub org: Option<String>,
    pub scheme: Option<String>,
    pub external_id: Option<String>,
    pub state: Option<CredentialState>,
}

/// Which resources a list shows. Fields that are `None` restrict nothing.
#[derive(Clone, Debug, Default)]
pub struct ResourceFilter {
    pub parent: Option<Id>,
    pub kind: Option<String>,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// What to give as `cursor` for the next page; `None` at the end.
    pub next: Option<String>,
}
