//! A request, and the head that an upstream would see of it.

use std::net::{IpAddr, Ipv4Addr};

use http::HeaderValue;
use ipnet::IpNet;

use crate::authorize::Permit;
use crate::request::{Field, Framing, Protocol, RequestHead};
use crate::{forwarded, identity};

/// A request that owns what a head borrows.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) host: String,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) framing: Framing,
    pub(crate) peer: IpAddr,
    pub(crate) trusted_proxies: Vec<IpNet>,
}

impl Request {
    pub(crate) fn get(target: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            target: target.to_owned(),
            host: "api.example".to_owned(),
            fields: Vec::new(),
            framing: Framing::None,
            peer: Ipv4Addr::new(192, 0, 2, 1).into(),
            trusted_proxies: Vec::new(),
        }
    }

    pub(crate) fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn trusting(mut self, network: &str) -> Self {
        self.trusted_proxies.push(network.parse().unwrap());
        self
    }

    pub(crate) fn with_head<T>(&self, f: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        let fields: Vec<Field<'_>> =
            self.fields.iter().map(|(name, value)| Field { name, value }).collect();
        f(&RequestHead {
            protocol: Protocol::Http11,
            method: &self.method,
            path,
            query,
            host: &self.host,
            fields: &fields,
            framing: self.framing,
            listener: 0,
            peer: self.peer,
            trusted_proxies: &self.trusted_proxies,
        })
    }

    /// What the upstream gets of this request, as the gateway is to build it: what is left, then what we say ourselves.
    pub(crate) fn sent(&self, permit: &Permit<'_>, request_id: &str) -> Self {
        let (edits, request_id) = (permit.edits(), HeaderValue::from_str(request_id).unwrap());
        let mut sent = Self { fields: Vec::new(), ..self.clone() };
        if let Some(target) = &edits.target {
            sent.target = target.clone();
        }
        self.with_head(|head| {
            for (position, field) in head.fields.iter().enumerate() {
                if let Some(value) = edits.value(position, field) {
                    sent.fields.push((field.name.to_owned(), value.to_vec()));
                }
            }
            let peer = forwarded::address_value(head.peer);
            forwarded::for_each(head, &peer, "http", |name, value| {
                sent.fields.push((name.to_owned(), value.to_vec()));
            });
            for (name, value) in identity::headers(permit, &request_id) {
                sent.fields.push((name.as_str().to_owned(), value.as_bytes().to_vec()));
            }
        });
        sent
    }

    /// Every value of a name, in whatever case.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let same = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        same.map(|(_, value)| {
            std::str::from_utf8(value).unwrap_or_else(|_| panic!("{name} is no text"))
        })
        .collect()
    }
}
