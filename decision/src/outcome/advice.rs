//! What a client can make of an outcome: whether the same request is worth sending again, and what helps otherwise.

use super::Outcome;

/// When the same request may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Not before something is changed.
    Never,
    /// After `Retry-After`.
    Later,
    /// At once or later, where sending it twice does no harm: nobody knows how far the first one got.
    IfHarmless,
}

impl Retry {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "no",
            Self::Later => "after `Retry-After`",
            Self::IfHarmless => "if it is idempotent",
        }
    }
}

impl Outcome {
    pub const fn retry(self) -> Retry {
        match self.status() {
            429 | 503 => Retry::Later,
            408 | 500 | 502 | 504 => Retry::IfHarmless,
            _ => Retry::Never,
        }
    }

    /// What a client may do, as a sentence.
    #[rustfmt::skip]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Forwarded => "What it got is the upstream's own answer, whatever its status.",
            Self::Answered => "The gateway's own answer: a preflight, a redirect, a fixed response.",
            Self::ClientGone => "It closed before its answer was whole; nobody was told anything.",

            Self::RequestMalformed => "Send what HTTP allows; the path must have one meaning: no dot or empty segments, no encoded slash.",
            Self::RequestTimeout => "Send head and body faster.",
            Self::HeadTooLarge => "Send fewer or shorter header fields.",
            Self::UriTooLong => "Send a shorter target; put data into the body.",
            Self::BodyTooLarge => "Send a smaller body, or in parts.",
            Self::HostUnknown => "Ask the host that the API is served under.",
            Self::RouteUnknown => "Correct the path.",
            Self::MethodNotAllowed => "Use one of the methods that `Allow` names.",
            Self::AddressDenied => "Call from an address that is allowed.",
            Self::CredentialMissing => "Send a credential.",
            Self::CredentialMalformed => "Send exactly one token after `Bearer`, in visible ASCII.",
            Self::CredentialAmbiguous => "Send one credential, in one place.",
            Self::CredentialUnknown => "Use another credential: it is mistyped, deleted, or of another API.",
            Self::CredentialRevoked => "Get a new credential; this one stays revoked.",
            Self::CredentialDisabled => "Ask the owner of the credential to enable it.",
            Self::CredentialExpired => "Get a new credential, or refresh the token.",
            Self::SchemeNotAccepted => "Use a kind of credential that the route accepts.",
            Self::AudienceMismatch => "Get a token for this resource.",
            Self::VerifierRefused => "Ask whoever runs the verifier; it knows why.",
            Self::FailuresExceeded => "Stop guessing, and wait as long as `Retry-After` says.",
            Self::RateExceeded | Self::LimiterUnavailable | Self::UpstreamUnavailable => "Wait as long as `Retry-After` says.",
            Self::QuotaExceeded => "Wait for the next period (`Retry-After`), or get a larger plan.",
            Self::SubjectSuspended => "Have the account's suspension lifted.",
            Self::SubjectInactive => "Have the account activated.",
            Self::OrgMissing => "Use a credential of an organisation, or choose one.",
            Self::OrgNotMember => "Choose an organisation that the subject belongs to.",
            Self::OrgMismatch => "Use the organisation of the credential.",
            Self::AdminRequired => "Use an administrator's credential.",
            Self::ResourceUnknown => "Correct the resource's id.",
            Self::ResourceForbidden => "Ask for access to the resource.",
            Self::CapabilityMissing => "Get a plan that includes it.",
            Self::ResourceRestricted => "Have the restriction lifted; what needs less may still work.",
            Self::LevelInsufficient => "Use a credential with a higher level.",
            Self::ScopeInsufficient => "Get a token with the scopes that are needed.",

            Self::StoreUnavailable | Self::VerifierUnavailable => "Wait as long as `Retry-After` says; the credential is as good as before.",
            Self::Overloaded => "Wait as long as `Retry-After` says; nothing of the request was done.",
            Self::Draining => "Send it again: another instance takes it.",
            Self::Internal => "Report it, with the request id.",

            Self::UpstreamTimeout | Self::UpstreamInvalid => "Send it again if that does no harm; the service may have done it.",
        }
    }
}
