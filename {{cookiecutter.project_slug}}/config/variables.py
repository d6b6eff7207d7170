"""Every environment variable: its type and bounds, its default, and what it means.

`.env.example` and docs/settings.md are made from this table: ``python -m devtools.settings_docs``.
A variable more is a field more, with its meaning below it.

https://docs.pydantic.dev/latest/concepts/fields/
"""

from typing import Annotated

from pydantic import Field

from config import variable_types as types
from config.env import BASE_DIR
from config.strategy_variables import Strategy
from config.variable_types import Group, Mark, Otherwise

REQUIRED, RANDOM = Mark.REQUIRED, Mark.RANDOM


class Keys(Group):
    """Keys. docs/accounts.md says how to change them without logging anybody out."""

    SECRET_KEY: Annotated[types.Secret50, REQUIRED, RANDOM] = ""
    """Signs sessions and the links in mails. Development has a key of its own, known to all."""

    SECRET_KEY_FALLBACKS: types.Secrets = []
    """Earlier keys, while one takes over from another."""

    JWT_SIGNING_KEY: Annotated[types.Secret32, REQUIRED, RANDOM, Otherwise("SECRET_KEY")] = ""
    """Signs access and refresh tokens."""

    JWT_VERIFICATION_KEYS: types.Secrets = []
    """Further keys whose tokens are accepted, while one takes over from another."""

    JWT_LEEWAY_SECONDS: Annotated[types.Number, Field(ge=0, le=300)] = 10
    """Seconds by which the clocks of servers may differ."""


class Hosts(Group):
    """Names and links."""

    SHARED_HOSTS: Annotated[
        types.Hosts, REQUIRED, Field(examples=["example.com,api.example.com"])
    ] = ["localhost", "127.0.0.1"]
    """Names that belong to no tenant: sign-up, admin, API clients that name their tenant."""

    TENANT_BASE_DOMAIN: Annotated[types.Domain, REQUIRED, Field(examples=["example.com"])] = (
        "localhost"
    )
    """Each new tenant gets a name below this domain."""

    PLATFORM_ORIGIN: Annotated[
        types.Origin,
        Otherwise("the first of SHARED_HOSTS; http://localhost:8000 in development"),
        Field(examples=["https://example.com"]),
    ] = ""
    """Where links in mails about accounts lead."""

    TENANT_URL: Annotated[
        types.TenantURL,
        Otherwise("https://{domain}; http://{domain}:8000 in development"),
        Field(examples=["https://{domain}"]),
    ] = ""
    """Where links in mails about a tenant lead: to its own domain, at this address."""

    TRUSTED_PROXY_COUNT: Annotated[
        types.OptionalNumber,
        Field(ge=0, le=10, examples=["1"]),
        Otherwise("1 in production, 0 in development"),
    ] = None
    """Proxies before the server that add to X-Forwarded-For, by which clients are told apart."""

    CORS_ALLOWED_ORIGINS: Annotated[types.Origins, Field(examples=["https://app.example.com"])] = []
    """Web pages of other origins whose scripts may ask the API: none, unless named."""


class Accounts(Group):
    """Accounts."""

    SIGN_UP_OPEN: Annotated[
        types.OptionalSwitch,
        Otherwise("on where a server can make tenants"),
        Field(examples=["on"]),
    ] = None
    """Whether anybody may sign up, which makes a tenant."""


class Mail(Group):
    """Mail."""

    EMAIL_URL: Annotated[
        types.SMTPURL,
        Otherwise("localhost, port 25; in development mails are shown on the console"),
        Field(examples=["smtp+tls://user:password@mail.example.com:587"]),
    ] = ""
    """The mail server: smtp+tls for STARTTLS, smtp+ssl for TLS."""

    DEFAULT_FROM_EMAIL: Annotated[
        types.Mailbox,
        Otherwise("noreply@ and TENANT_BASE_DOMAIN"),
        Field(examples=["noreply@example.com"]),
    ] = ""
    """The sender of all mails."""


class Limits(Group):
    """Limits. A rate counts the requests of a second, minute, hour or day."""

    THROTTLE_MEMBER: types.Rate = "600/minute"
    """Requests of one member."""

    THROTTLE_TENANT: types.Rate = "6000/minute"
    """Requests of all members of a tenant together."""

    THROTTLE_INVITATIONS: types.Rate = "60/hour"
    """Those among them that mail an invitation."""

    THROTTLE_ANONYMOUS: types.Rate = "60/minute"
    """Requests without a token from one address, log-ins included."""

    TENANT_REQUESTS_IN_FLIGHT: Annotated[types.Number, Field(ge=0, le=1000)] = 2
    """Requests of one tenant that a process works on at a time: two fewer than its threads. 0: no
    limit."""

    TENANT_TASKS_AT_ONCE: Annotated[types.Number, Field(ge=1, le=1000)] = 1
    """Open background tasks of a tenant that every worker serves; the others wait for half of the
    workers, so that a tenant with many holds nobody else up."""

    TENANT_STORAGE_BYTES: Annotated[types.Number, Field(ge=0, le=1024**5)] = 10 * 1024**3
    """Bytes of all files that a tenant may have attached. 0: no limit."""


class Files(Group):
    """Files and personal data."""

    MEDIA_ROOT: Annotated[
        types.Folder, Otherwise("media/"), Field(examples=["/var/lib/product/media"])
    ] = BASE_DIR / "media"
    """The folder of all files: where no new version replaces it, and no web server serves it."""

    ATTACHMENT_MAX_BYTES: Annotated[types.Number, Field(ge=1, le=5 * 1024**3)] = 25 * 1024**2
    """The largest file that may be attached."""

    PRIVACY_DUE_DAYS: Annotated[types.Number, Field(ge=1, le=90)] = 30
    """Days until a request for somebody's data, or for its end, is to be done."""

    PRIVACY_CONTENT_DAYS: Annotated[types.Number, Field(ge=1, le=90)] = 7
    """Days for which an export is kept."""

    PRIVACY_EXPORT_HOURS: Annotated[types.Number, Field(ge=0, le=2160)] = 24
    """Hours after an export of one person's data in which there is no other. 0: only one that is
    still open keeps the next one back."""


class Operation(Group):
    """Servers. What several of their processes share, and how they are watched."""

    WEB_CONCURRENCY: Annotated[types.Number, Field(ge=1, le=256)] = 2
    """Processes that serve. Gunicorn takes it from its own environment, never from .env."""

    CACHE_URL: Annotated[
        types.RedisURL,
        Otherwise("each process has a cache of its own"),
        Field(examples=["redis://cache.example.com:6379"]),
    ] = ""
    """A Redis or Valkey server, for server processes to share what they cache and count."""

    COUNTERS_URL: Annotated[
        types.RedisURL,
        Otherwise("CACHE_URL counts, and a tenant that fills the cache makes it forget"),
        Field(examples=["redis://counters.example.com:6379"]),
    ] = ""
    """Another server, for what is counted: requests, and wrong passwords."""

    METRICS_TOKEN: Annotated[types.Token, Otherwise("nothing is counted")] = ""
    """Prometheus sends this random text as a bearer token to /metrics on a shared host."""

    METRICS_TENANTS: Annotated[types.Number, Field(ge=0, le=100_000)] = 100
    """Tenants that have series of their own; the others have one together."""

    OTEL_EXPORTER_OTLP_ENDPOINT: Annotated[
        types.HTTPURL,
        Otherwise("no traces"),
        Field(examples=["http://collector.example.com:4318"]),
    ] = ""
    """Where traces go, by OTLP over HTTP. Other variables of OpenTelemetry hold as well."""

    OTEL_SERVICE_NAME: types.Name = "web"
    """The name of the service in traces."""

    SENTRY_DSN: Annotated[
        types.SentryURL,
        Otherwise("no reports"),
        Field(examples=["https://key@sentry.example.com/1"]),
    ] = ""
    """Where errors are reported: Sentry, or what speaks its protocol."""


class Compose(Group):
    """Compose and development. They read the variables above as well."""

    POSTGRES_PASSWORD: Annotated[types.Password, RANDOM] = ""
    """The password of PostgreSQL's superuser. Roles get theirs once, when the volume is empty."""

    DATABASE_OWNER_PASSWORD: Annotated[types.Password, RANDOM] = ""
    """The password of the owner's role."""

    DATABASE_PASSWORD: Annotated[types.Password, RANDOM] = ""
    """The password of the run-time role."""

    IMAGE: Annotated[types.Image, Field(examples=["ghcr.io/OWNER/product:main"])] = ""
    """Which image compose.production.yaml runs."""

    ACME_EMAIL: Annotated[types.Mailbox, Field(examples=["operations@example.com"])] = ""
    """Whom the authority writes to when a certificate cannot be renewed."""

    DEMO_PASSWORD: Annotated[types.TypedPassword, Otherwise("a random one, which is shown")] = ""
    """The password of the demo's users, in development."""

    DEBUG_TOOLBAR: types.Switch = False
    """Whether pages show the debug toolbar, in development."""


class Database(Group):
    """Database. PostgreSQL 15 or later, by two roles. Development starts a server of its own."""

    DATABASE_URL: Annotated[
        types.PostgresURL,
        REQUIRED,
        Otherwise("the server in .postgres/"),
        Field(examples=["postgres://runtime:password@db.example.com:5432/product"]),
    ] = ""
    """The run-time role, which answers requests. It owns nothing and is no superuser, so that no
    forgotten filter in the code can cross from one tenant to another. It may go through a pooler.
    """

    DATABASE_OWNER_URL: Annotated[
        types.PostgresURL,
        Otherwise("the server in .postgres/"),
        Field(examples=["postgres://owner:password@db.example.com:5432/product"]),
    ] = ""
    """The owner of the tables, for commands that make or change them, and for servers that make
    tenants (docs/deployment.md). It connects directly, never through a pooler."""

    DATABASE_POOL_SIZE: Annotated[types.Number, Field(ge=0, le=1000)] = 0
    """Connections that the threads of a process share, for which they wait five seconds; with 0
    each thread keeps its own."""

    DATABASE_KEEP_SECONDS: Annotated[types.Number, Field(ge=0, le=86_400)] = 300
    """Seconds for which a connection is kept between requests, without a pool. Under ASGI none."""

    DATABASE_STATEMENT_SECONDS: Annotated[types.Number, Field(ge=0, le=86_400)] = 15
    """Seconds for which a statement of the run-time role may run. 0: no limit. After a change of
    this and of the next three, run migrate."""

    DATABASE_LOCK_SECONDS: Annotated[types.Number, Field(ge=0, le=86_400)] = 5
    """Seconds for which it may wait for a lock. 0: no limit."""

    DATABASE_IDLE_SECONDS: Annotated[types.Number, Field(ge=0, le=86_400)] = 60
    """Seconds for which a transaction may do nothing. 0: no limit."""

    DATABASE_TEMP_FILE_MB: Annotated[types.Number, Field(ge=0, le=1024**2)] = 1024
    """Megabytes that a statement may sort on the disk. 0: no limit."""

    DATABASE_LONG_SECONDS: Annotated[types.Number, Field(ge=0, le=86_400)] = 300
    """Seconds for a statement of an export, an erasure, or a command that walks over tables."""


class Variables(Keys, Hosts, Accounts, Mail, Limits, Files, Operation, Compose, Strategy, Database):
    """All of them."""


# In the order of the page.
GROUPS = [group for group in Variables.__bases__ if issubclass(group, Group)]
FIELDS = {name: field for group in GROUPS for name, field in group.model_fields.items()}
