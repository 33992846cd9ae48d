//! The closed catalogue of what can become of a request (contract, section 6).
//!
//! An outcome is a metric label, a log field and the key of a dialect, so its spelling is
//! part of the contract. It says *no*; a fault ("cannot tell") is an outcome of its own
//! with blame `gateway`, and is never spelled as a refusal of the client.

mod advice;

use std::fmt;

pub use advice::Retry;

/// The eight words of the path of a request, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    Accept,
    Route,
    Credential,
    Authenticate,
    Limit,
    Authorize,
    Forward,
    Record,
}

impl Stage {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Route => "route",
            Self::Credential => "credential",
            Self::Authenticate => "authenticate",
            Self::Limit => "limit",
            Self::Authorize => "authorize",
            Self::Forward => "forward",
            Self::Record => "record",
        }
    }
}

/// Who is at fault: only `Gateway` and `Upstream` burn an error budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Not a refusal at all.
    Nobody,
    Client,
    Gateway,
    Upstream,
}

impl Blame {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "none",
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Upstream => "upstream",
        }
    }
}

/// What the catalogue says of one outcome.
struct Row {
    name: &'static str,
    status: u16,
    blame: Blame,
    stage: Stage,
    title: &'static str,
}

macro_rules! catalogue {
    ($($variant:ident $name:literal $status:literal $blame:ident $stage:ident $title:literal;)*) => {
        /// What became of a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Outcome { $(#[doc = $title] $variant,)* }

        impl Outcome {
            /// Every outcome, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        name: $name, status: $status, blame: Blame::$blame, stage: Stage::$stage, title: $title,
                    },)*
                }
            }
        }
    };
}

catalogue! {
    Forwarded            "forwarded"            0   Nobody   Forward      "the upstream answered";
    Answered             "answered"             200 Nobody   Route        "the gateway answered";
    ClientGone           "client_gone"          499 Nobody   Forward      "the client went away";

    RequestMalformed     "request_malformed"    400 Client   Accept       "The request is malformed";
    RequestTimeout       "request_timeout"      408 Client   Accept       "The request took too long to arrive";
    HeadTooLarge         "head_too_large"       431 Client   Accept       "The request's header fields are too large";
    UriTooLong           "uri_too_long"         414 Client   Accept       "The request's target is too long";
    BodyTooLarge         "body_too_large"       413 Client   Route        "The request's body is too large";
    HostUnknown          "host_unknown"         404 Client   Route        "No API is served under this host";
    RouteUnknown         "route_unknown"        404 Client   Route        "No route leads to this path";
    MethodNotAllowed     "method_not_allowed"   405 Client   Route        "The method is not allowed on this path";
    AddressDenied        "address_denied"       403 Client   Route        "The client's address is not allowed";
    CredentialMissing    "credential_missing"   401 Client   Credential   "A credential is required";
    CredentialMalformed  "credential_malformed" 401 Client   Credential   "The credential is malformed";
    CredentialAmbiguous  "credential_ambiguous" 400 Client   Credential   "The request carries different credentials";
    CredentialUnknown    "credential_unknown"   401 Client   Authenticate "The credential is not valid";
    CredentialRevoked    "credential_revoked"   401 Client   Authenticate "The credential is revoked";
    CredentialDisabled   "credential_disabled"  401 Client   Authenticate "The credential is disabled";
    CredentialExpired    "credential_expired"   401 Client   Authenticate "The credential has expired";
    SchemeNotAccepted    "scheme_not_accepted"  401 Client   Authenticate "This kind of credential is not accepted here";
    AudienceMismatch     "audience_mismatch"    401 Client   Authenticate "The credential is meant for another audience";
    VerifierRefused      "verifier_refused"     403 Client   Authenticate "The credential was refused";
    FailuresExceeded     "failures_exceeded"    429 Client   Authenticate "Too many failed attempts";
    RateExceeded         "rate_exceeded"        429 Client   Limit        "Too many requests";
    QuotaExceeded        "quota_exceeded"       429 Client   Limit        "The quota is used up";
    SubjectSuspended     "subject_suspended"    403 Client   Authenticate "The account is suspended";
    SubjectInactive      "subject_inactive"     403 Client   Authenticate "The account is inactive";
    OrgMissing           "org_missing"          403 Client   Authenticate "The credential belongs to no organisation";
    OrgNotMember         "org_not_member"       403 Client   Authenticate "Not a member of the organisation";
    OrgMismatch          "org_mismatch"         403 Client   Authorize    "The credential belongs to another organisation";
    AdminRequired        "admin_required"       403 Client   Authorize    "An administrator is required";
    ResourceUnknown      "resource_unknown"     404 Client   Authorize    "No such resource";
    ResourceForbidden    "resource_forbidden"   403 Client   Authorize    "No access to this resource";
    CapabilityMissing    "capability_missing"   403 Client   Authorize    "The plan does not include this";
    ResourceRestricted   "resource_restricted"  403 Client   Authorize    "The resource is restricted";
    LevelInsufficient    "level_insufficient"   403 Client   Authorize    "The credential's level does not suffice";
    ScopeInsufficient    "scope_insufficient"   403 Client   Authorize    "The credential's scopes do not suffice";

    StoreUnavailable     "store_unavailable"    503 Gateway  Authenticate "The credential cannot be checked right now";
    VerifierUnavailable  "verifier_unavailable" 503 Gateway  Authenticate "The credential cannot be verified right now";
    LimiterUnavailable   "limiter_unavailable"  503 Gateway  Limit        "The limits cannot be checked right now";
    Overloaded           "overloaded"           503 Gateway  Accept       "The gateway is overloaded";
    Draining             "draining"             503 Gateway  Forward      "The gateway is going away";
    Internal             "internal"             500 Gateway  Forward      "The gateway failed";

    UpstreamUnavailable  "upstream_unavailable" 503 Upstream Forward      "The service is unavailable";
    UpstreamTimeout      "upstream_timeout"     504 Upstream Forward      "The service did not answer in time";
    UpstreamInvalid      "upstream_invalid"     502 Upstream Forward      "The service gave no valid answer";
}

impl Outcome {
    /// The spelling in metrics, logs and dialects.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The HTTP status of the outcome itself; 0 for [`Outcome::Forwarded`], whose status is the upstream's.
    pub const fn status(self) -> u16 {
        self.row().status
    }

    pub const fn blame(self) -> Blame {
        self.row().blame
    }

    /// Whether the gateway answers with it instead of an upstream.
    pub const fn is_refusal(self) -> bool {
        !matches!(self.blame(), Blame::Nobody)
    }

    /// The stage that gives this outcome. One that several stages can give (a malformed request, a
    /// drain) names the first of them.
    pub const fn stage(self) -> Stage {
        self.row().stage
    }

    /// One sentence for people, without a full stop.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// The outcome whose name this is.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.name() == name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
