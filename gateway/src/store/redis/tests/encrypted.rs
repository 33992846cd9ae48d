//! Redis behind TLS.

use std::path::{Path, PathBuf};

use decision::config::snapshot::{Address, RedisServers, RedisSettings, RedisTls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::{Server, open, peppers, try_open};
use crate::store::conformance::{NOW, at, credential, digest, new};
use crate::store::{SharedLog as _, Store as _};

/// Files of an authority, and of a server and a client that it has signed.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the authority");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let files = Self { folder };
        std::fs::write(files.path("ca.crt"), ca.pem()).unwrap();
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &ca).unwrap();
            std::fs::write(files.path(&format!("{name}.crt")), certificate.pem()).unwrap();
            std::fs::write(files.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    async fn server(&self) -> Server {
        let path = |name: &str| self.path(name).display().to_string();
        let (ca, certificate, key) = (path("ca.crt"), path("server.crt"), path("server.key"));
        let files =
            ["--tls-ca-cert-file", &ca, "--tls-cert-file", &certificate, "--tls-key-file", &key];
        Server::start(&[&["--tls-port"], &files[..]].concat()).await
    }
}

#[tokio::test]
async fn a_server_is_reached_through_tls_with_a_certificate_of_ones_own() {
    let files = Files::new();
    let server = files.server().await;
    let identity = Some((files.path("client.crt"), files.path("client.key")));
    let tls = RedisTls { ca: Some(files.path("ca.crt")), identity };
    let redis = open(&RedisSettings { tls: Some(tls.clone()), ..server.settings() }).await;
    redis.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    assert!(redis.find("app", &digest(1).into()).await.unwrap().value.is_some());
    redis.listen().await.unwrap();

    // What is wrong is said, and not only that something is.
    let other = Files::new();
    let localhost = RedisServers::One(Address { host: "localhost".into(), port: server.port });
    let here = server.settings().servers;
    for (servers, wrong, expected) in [
        (
            &here,
            RedisTls { ca: Some(other.path("ca.crt")), ..tls.clone() },
            "invalid peer certificate",
        ),
        (&here, RedisTls { identity: None, ..tls.clone() }, "CertificateRequired"),
        (&here, RedisTls { ca: Some(files.path("nowhere.crt")), ..tls.clone() }, "nowhere.crt"),
        (&localhost, tls, "localhost"),
    ] {
        let servers = servers.clone();
        let settings = RedisSettings { tls: Some(wrong), servers, ..server.settings() };
        let redis = try_open(&settings, &peppers("first")).await.unwrap();
        let reason = redis.find("app", &digest(1).into()).await.unwrap_err().reason;
        assert!(reason.contains(&server.port.to_string()), "{reason}");
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
}
