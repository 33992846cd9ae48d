//! The store's calls, each handed to its room.

use async_trait::async_trait;
use decision::facts::{Credential, Resource, Subject, SubjectKind, Timestamp};
use decision::name::Id;
use decision::secret::{Digests, Sealed};

use super::{Redis, audit, credentials, find, list, log, realm, repeat};
use crate::store::{
    AuditEntry, AuditFilter, Author, Begun, ChangeError, Changed, Changes, Filter, Keep, ListError,
    New, Page, Position, Read, RepeatKey, Reply, ResourceFilter, Rotated, Store, Unavailable,
};

#[async_trait]
impl Store for Redis {
    async fn find(
        &self,
        api: &str,
        digests: &Digests,
    ) -> Result<Read<Option<Credential>>, Unavailable> {
        find::find(self, api, digests).await
    }

    async fn subject(&self, realm: &str, id: &Id) -> Result<Read<Option<Subject>>, Unavailable> {
        find::of_realm(self, "subject", realm, id).await
    }

    async fn resource(&self, realm: &str, id: &Id) -> Result<Read<Option<Resource>>, Unavailable> {
        find::of_realm(self, "resource", realm, id).await
    }

    async fn used(&self, uses: &[(Id, Timestamp)]) -> Result<(), Unavailable> {
        find::used(self, uses).await
    }

    async fn get(&self, id: &Id) -> Result<Option<Credential>, Unavailable> {
        Ok(credentials::get(self, id).await?.map(|found| found.kept.credential))
    }

    async fn list(
        &self,
        filter: &Filter,
        cursor: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Credential>, ListError> {
        list::list(self, filter, cursor, limit, now).await
    }

    async fn create(&self, new: New, author: &Author) -> Result<Changed<Credential>, ChangeError> {
        self.created(author, credentials::create(self, new, author)).await
    }

    async fn update(
        &self,
        credential: Credential,
        author: &Author,
    ) -> Result<Changed<Credential>, ChangeError> {
        self.held(credentials::update(self, credential, author)).await
    }

    async fn revoke(
        &self,
        id: &Id,
        version: Option<u64>,
        reason: Option<String>,
        forget: bool,
        author: &Author,
    ) -> Result<Changed<Credential>, ChangeError> {
        self.held(credentials::revoke(self, id, version, reason.as_ref(), forget, author)).await
    }

    async fn delete(
        &self,
        id: &Id,
        version: Option<u64>,
        author: &Author,
    ) -> Result<Changed<Credential>, ChangeError> {
        self.held(credentials::delete(self, id, version, author)).await
    }

    async fn rotate(
        &self,
        old: Credential,
        successor: New,
        author: &Author,
    ) -> Result<Rotated, ChangeError> {
        self.rotated(author, credentials::rotate(self, old, successor, author)).await
    }

    async fn reveal(
        &self,
        id: &Id,
        on_behalf: Option<&Id>,
        author: &Author,
    ) -> Result<Option<Sealed>, ChangeError> {
        // What was revealed must not be revealed to nobody's knowledge: a failover must not lose the entry of the audit log.
        self.held(credentials::reveal(self, id, on_behalf, author)).await
    }

    async fn forget_ended(
        &self,
        keeps: &[Keep],
        author: &Author,
    ) -> Result<Vec<Changed<Credential>>, Unavailable> {
        credentials::forget_ended(self, keeps, author).await
    }

    async fn subjects(
        &self,
        realm: &str,
        kind: Option<SubjectKind>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Subject>, ListError> {
        list::subjects(self, realm, kind, cursor, limit).await
    }

    async fn put_subject(
        &self,
        realm: &str,
        subject: Subject,
        author: &Author,
    ) -> Result<Changed<Subject>, ChangeError> {
        self.held(realm::put(self, realm, subject, &[], author)).await
    }

    async fn delete_subject(
        &self,
        realm: &str,
        id: &Id,
        version: Option<u64>,
        apis: &[String],
        author: &Author,
    ) -> Result<Changed<Subject>, ChangeError> {
        self.held(realm::delete(self, realm, id, version, apis, author)).await
    }

    async fn resources(
        &self,
        realm: &str,
        filter: &ResourceFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Resource>, ListError> {
        list::resources(self, realm, filter, cursor, limit).await
    }

    async fn put_resource(
        &self,
        realm: &str,
        resource: Resource,
        apis: &[String],
        author: &Author,
    ) -> Result<Changed<Resource>, ChangeError> {
        self.held(realm::put(self, realm, resource, apis, author)).await
    }

    async fn delete_resource(
        &self,
        realm: &str,
        id: &Id,
        version: Option<u64>,
        apis: &[String],
        author: &Author,
    ) -> Result<Changed<Resource>, ChangeError> {
        self.held(realm::delete(self, realm, id, version, apis, author)).await
    }

    async fn changes(&self, after: Position, limit: usize) -> Result<Changes, Unavailable> {
        log::changes(self, after, limit).await
    }

    async fn audit(
        &self,
        filter: &AuditFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<AuditEntry>, ListError> {
        audit::list(self, filter, cursor, limit).await
    }

    async fn begin(
        &self,
        key: &RepeatKey,
        body: [u8; 32],
        now: Timestamp,
    ) -> Result<Begun, Unavailable> {
        repeat::begin(self, key, body, now).await
    }

    async fn finish(
        &self,
        key: &RepeatKey,
        reply: Option<Reply>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let is_kept = reply.is_some();
        let finish = repeat::finish(self, key, reply, now);
        // Whoever asks again after a failover must not be served twice. That it was begun is held with what it has changed.
        if is_kept { self.held(finish).await } else { finish.await }
    }
}
