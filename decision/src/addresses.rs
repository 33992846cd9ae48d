//! Which addresses a client may come from.

use std::net::IpAddr;

use ipnet::IpNet;

/// Blocks of addresses. What is denied is denied, whatever is allowed beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Empty = everybody who is not denied.
    pub allow: Vec<IpNet>,
    pub deny: Vec<IpNet>,
}

impl Addresses {
    /// `address` is canonical: an IPv4 address is not written as an IPv6 one.
    pub fn permit(&self, address: IpAddr) -> bool {
        let holds = |blocks: &[IpNet]| blocks.iter().any(|block| block.contains(&address));
        !holds(&self.deny) && (self.allow.is_empty() || holds(&self.allow))
    }
}

#[cfg(test)]
mod tests;
