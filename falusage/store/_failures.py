"""What the Delta library and the servers behind it say when they fail, in one plain sentence.

The library's own text is a tree of causes with colours, addresses and XML. Each kind of failure is
one line of a table here: how to know it, what it means, and what to do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import polars as pl

_S3: Final = "S3"
_AZURE: Final = "Azure"
_GCS: Final = "GCS"
_SERVICES: Final = {
    **dict.fromkeys(("s3", "s3a"), _S3),
    **dict.fromkeys(("az", "adl", "azure", "abfs", "abfss"), _AZURE),
    **dict.fromkeys(("gs", "gcs"), _GCS),
}
_CREDENTIALS: Final = {
    _S3: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (with AWS_SESSION_TOKEN for temporary keys), "
    "or AWS_PROFILE, and AWS_REGION",
    _AZURE: "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY, "
    "or AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID",
    _GCS: "GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT, each the path of a key file",
}
_ENDPOINT: Final = {
    _S3: "AWS_ENDPOINT_URL",
    _AZURE: "AZURE_STORAGE_ENDPOINT",
    _GCS: "GOOGLE_BASE_URL",
}

BUSY: Final = "another writer was faster"
"""How the sentence of a conflict begins."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of failure: how to know it, what it means and what to do."""

    pattern: str
    meaning: str
    advice: str


_KINDS: Final = (
    _Kind(
        r"InvalidBlockList|InvalidBlobOrBlock|PreconditionFailed|ConditionNotMet|BlobAlreadyExists"
        r"|ConditionalRequestConflict|OperationAborted|already exists"
        r"|(?:^|\D)(?:409|412) (?:Conflict|Precondition)",
        f"{BUSY} at the same moment",
        "run this again",
    ),
    _Kind(
        r"certificate|UnknownIssuer|SSL|TLS|InvalidContentType|self.signed",
        "no secure connection could be made: the server's certificate or its TLS is not accepted",
        "check the address and its https, and set SSL_CERT_FILE to the CA bundle of your network",
    ),
    _Kind(
        r"no providers? in (?:the )?chain|not loaded|CredentialsNotLoaded|"
        r"169\.254\.169\.254|169\.254\.170\.2|metadata\.google|Account must be specified"
        r"|MissingAccount|MissingAccessKey|MissingSecretAccessKey|no credentials|NoCredentials"
        r"|IMDS|loading credentials|failed to get (?:a )?credential|identity/oauth2/token|Azure CLI"
        r"|credentials? (?:provider|could not|cannot|not found)",
        "no credentials for {service} were found",
        "set {credentials}, or pass them as storage_options",
    ),
    _Kind(
        r"InvalidAccessKeyId|SignatureDoesNotMatch|AuthenticationFailed|ExpiredToken|InvalidToken"
        r"|TokenRefreshRequired|InvalidAuthenticationInfo|Unauthenticated|(?:^|\D)401(?:\D|$)"
        r"|invalid_grant|invalid_client|Invalid private key|invalid key|InvalidByte|base64"
        r"|RequestTimeTooSkewed|NoAuthenticationInformation",
        "{service} does not accept the credentials",
        "check {credentials}, or what storage_options holds, and this machine's clock",
    ),
    _Kind(
        r"AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocationConstraint"
        r"|(?:^|\D)301(?:\D|$)|BareRedirect|bare redirect|incorrectly configured region"
        r"|[Rr]egion .*(?:wrong|incorrect|missing)",
        "the bucket is in another region than the one asked",
        "set AWS_REGION to the bucket's region",
    ),
    _Kind(
        r"NoSuchBucket|ContainerNotFound|ContainerBeingDeleted|ResourceNotFound"
        r"|bucket does not exist|(?:^|\D)404(?:\D|$)|not found",
        "{service} has no such bucket or container, or not at this address",
        "check the store's address, and make the bucket first",
    ),
    _Kind(
        r"AccessDenied|AuthorizationFailure|AuthorizationPermissionMismatch|PermissionDenied"
        r"|InsufficientPermissions|AccountProblem|(?:^|\D)403(?:\D|$)|Forbidden|lack.*privileges",
        "{service} does not allow access (403)",
        "these credentials need the right to list, read, write and delete there; looked for are "
        "{credentials}",
    ),
    _Kind(
        r"timed out|operation timed|deadline",
        "the server did not answer in time",
        "check the network and run this again; storage_options takes a 'timeout'",
    ),
    _Kind(
        r"SlowDown|ServerBusy|TooManyRequests|Throttl|RequestLimitExceeded|ServiceUnavailable"
        r"|InternalError|OperationTimedOut|(?:^|\D)(?:429|500|502|503|504)(?:\D|$)|Server Error",
        "the server is busy or has an outage ({status})",
        "nothing is wrong with the store: run this again later",
    ),
    _Kind(
        r"dns error|lookup address|Connection refused|connection refused|tcp connect|unreachable"
        r"|connect error|client error \(Connect\)",
        "the server cannot be reached",
        "check the network, the proxy and {endpoint}, and run this again",
    ),
    _Kind(
        r"error decoding response|end of file|IncompleteMessage|connection closed|reset by peer"
        r"|broken pipe|body error|unexpected EOF|request or response body|message completed"
        r"|SendRequest|error sending request|Got invalid .*response|ended without an answer",
        "the connection broke before the answer was complete",
        "run this again",
    ),
    _Kind(
        r"scheme is not allowed|BadScheme|builder error|allow_http",
        "its endpoint is plain http, which is not used unless it is allowed",
        "use https, or pass the storage option allow_http='true'",
    ),
    _Kind(
        r"scheme|Unknown.*(?:url|store)|InvalidTableLocation|Unable to recogni[sz]e URL"
        r"|[Nn]o suitable object store|Invalid table location",
        "this is not an address of a kind that is known",
        "expected a folder, s3://bucket/folder, az://container/folder or gs://bucket/folder: check "
        "its scheme",
    ),
)


def sentence(error: BaseException, uri: str) -> str:
    """Return what went wrong and what to do, without escape sequences, XML or Rust's own text."""
    text = said(error)
    service = _SERVICES.get(uri.partition("://")[0].lower())
    if service is None and not re.match(r"(?!file:)\w+://", uri):
        return f"{_brief(text)}; check the disk and the path"
    # The request's own address names no fault, whatever its letters spell.
    told = re.sub(r"\S*https?://(?!169\.254|metadata)\S*", "", text)
    # A duration is not a fault, too: "in 1.301ms" is not the status 301.
    told = re.sub(r"\b\d+(?:\.\d+)?\s?(?:[nmµμ]?s|seconds?)\b", "…", told)
    words = {
        "service": service or "the server",
        "credentials": _CREDENTIALS.get(service or "", "the credentials"),
        "endpoint": _ENDPOINT.get(service or "", "the address"),
        "status": _status(told),
    }
    for kind in _KINDS:
        if re.search(kind.pattern, told):
            return f"{kind.meaning.format(**words)}; {kind.advice.format(**words)}"
    return f"{_brief(told)}; check the address and storage_options"


def said(error: BaseException) -> str:
    """Return an error's words and those of its causes, on one line and without colours."""
    texts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        texts.append(str(cause))
        cause = cause.__cause__
    text = re.sub(r"\x1b\[[0-9;]*m", "", " ".join(texts))
    return re.sub(r"[\s↳]+", " ", text).strip()


def is_foreign(error: BaseException) -> bool:
    """Return whether an error is from the Delta library, its panics included."""
    from deltalake.exceptions import DeltaError

    return (
        isinstance(error, DeltaError | OSError | ValueError | TypeError | pl.exceptions.PolarsError)
        or type(error).__name__ == "PanicException"
    )


def _status(text: str) -> str:
    found = re.search(r"(?:^|\D)(429|50\d)(?:\D|$)", text)
    return found[1] if found else "no status"


def _brief(text: str) -> str:
    """Return an unknown error's words, without markup and no longer than a line or two."""
    plain = re.sub(r"<[^>]*>", " ", text)
    plain = re.sub(r"\b[A-Z]\w+ ?\{|[{}\x00-\x1f\x7f]", " ", plain)
    plain = re.sub(r".*status code (?=\d{3})", "the server answered ", plain)
    plain = re.sub(r"Generic \S+ error|Error performing (?:\w+ )+in \S+ - ", " ", plain)
    plain = re.sub(r"\s+", " ", plain).strip()
    return plain if len(plain) <= 200 else f"{plain[:200]}…"
