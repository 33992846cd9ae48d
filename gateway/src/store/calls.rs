//! The calls of a store, listed once for those that stand around one and do the same at each.

/// Gives `$around!` the calls of [`super::Store`]: `name(argument: type, …) -> answer;`.
macro_rules! store_calls {
    ($around:ident) => {
        $around! {
            find(api: &str, digests: &Digests) -> Result<Read<Option<Credential>>, Unavailable>;
            subject(realm: &str, id: &Id) -> Result<Read<Option<Subject>>, Unavailable>;
            resource(realm: &str, id: &Id) -> Result<Read<Option<Resource>>, Unavailable>;
            used(uses: &[(Id, Timestamp)]) -> Result<(), Unavailable>;
            get(id: &Id) -> Result<Option<Credential>, Unavailable>;
            list(filter: &Filter, cursor: Option<&str>, limit: usize, now: Timestamp)
                -> Result<Page<Credential>, ListError>;
            create(new: New, author: &Author) -> Result<Changed<Credential>, ChangeError>;
            update(credential: Credential, author: &Author) -> Result<Changed<Credential>, ChangeError>;
            revoke(id: &Id, version: Option<u64>, reason: Option<String>, forget: bool, author: &Author)
                -> Result<Changed<Credential>, ChangeError>;
            delete(id: &Id, version: Option<u64>, author: &Author) -> Result<Changed<Credential>, ChangeError>;
            rotate(old: Credential, successor: New, author: &Author) -> Result<Rotated, ChangeError>;
            reveal(id: &Id, on_behalf: Option<&Id>, author: &Author) -> Result<Option<Sealed>, ChangeError>;
            forget_ended(keeps: &[Keep], author: &Author) -> Result<Vec<Changed<Credential>>, Unavailable>;
            subjects(realm: &str, kind: Option<SubjectKind>, cursor: Option<&str>, limit: usize)
                -> Result<Page<Subject>, ListError>;
            put_subject(realm: &str, subject: Subject, author: &Author) -> Result<Changed<Subject>, ChangeError>;
            delete_subject(realm: &str, id: &Id, version: Option<u64>, apis: &[String], author: &Author)
                -> Result<Changed<Subject>, ChangeError>;
            resources(realm: &str, filter: &ResourceFilter, cursor: Option<&str>, limit: usize)
                -> Result<Page<Resource>, ListError>;
            put_resource(realm: &str, resource: Resource, apis: &[String], author: &Author)
                -> Result<Changed<Resource>, ChangeError>;
            delete_resource(realm: &str, id: &Id, version: Option<u64>, apis: &[String], author: &Author)
                -> Result<Changed<Resource>, ChangeError>;
            changes(after: Position, limit: usize) -> Result<Changes, Unavailable>;
            audit(filter: &AuditFilter, cursor: Option<&str>, limit: usize)
                -> Result<Page<AuditEntry>, ListError>;
            begin(key: &RepeatKey, body: [u8; 32], now: Timestamp) -> Result<Begun, Unavailable>;
            finish(key: &RepeatKey, reply: Option<Reply>, now: Timestamp) -> Result<(), Unavailable>;
        }
    };
}
pub(crate) use store_calls;
