"""Every environment variable: type, bounds, default and meaning.

``python -m devtools.settings_docs`` generates `.env.example` and docs/settings.md from this module.
To add a variable, add a field with a docstring.

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
    """Keys. docs/accounts.md explains how to change them without logging anybody out."""

    SECRET_KEY: Annotated[types.Secret50, REQUIRED, RANDOM] = ""
    """Signs sessions and the links in mails. Development uses a public default."""

    SECRET_KEY_FALLBACKS: types.Secrets = []
    """Previous keys, still accepted during a key change."""

    JWT_SIGNING_KEY: Annotated[types.Secret32, REQUIRED, RANDOM, Otherwise("SECRET_KEY")] = ""
    """Signs access and refresh tokens."""

    JWT_VERIFICATION_KEYS: types.Secrets = []
    """Further keys whose tokens are accepted during a key change."""

    JWT_LEEWAY_SECONDS: Annotated[types.Number, Field(ge=0, le=300)] = 10
    """Tolerated difference between servers' clocks, in seconds."""


class Hosts(Group):
    """Names and links."""

    SHARED_HOSTS: Annotated[
        types.Hosts, REQUIRED, Field(examples=["example.com,api.example.com"])
    ] = ["localhost", "127.0.0.1"]
    """Hosts without a tenant: for sign-up, admin, and API clients that name their tenant."""

    TENANT_BASE_DOMAIN: Annotated[types.Domain, REQUIRED, Field(examples=["example.com"])] = (
        "localhost"
    )
    """Parent domain of new tenants' domains."""

    PLATFORM_ORIGIN: Annotated[
        types.Origin,
        Otherwise("the first of SHARED_HOSTS; http://localhost:8000 in development"),
        Field(examples=["https://example.com"]),
    ] = ""
    """Base URL of links in mails about accounts."""

    TENANT_URL: Annotated[
        types.TenantURL,
        Otherwise("https://{domain}; http://{domain}:8000 in development"),
        Field(examples=["https://{domain}"]),
    ] = ""
    """Base URL of links in mails about a tenant; {domain} is the tenant's domain."""

    TRUSTED_PROXY_COUNT: Annotated[
        types.OptionalNumber,
        Field(ge=0, le=10, examples=["1"]),
        Otherwise("1 in production, 0 in development"),
    ] = None
    """Number of proxies in front of the server that append to X-Forwarded-For. It determines the
    address of a client."""

    CORS_ALLOWED_ORIGINS: Annotated[types.Origins, Field(examples=["https://app.example.com"])] = []
    """Origins of web pages whose scripts may call the API."""


class Accounts(Group):
    """Accounts."""

    SIGN_UP_OPEN: Annotated[
        types.OptionalSwitch,
        Otherwise("on if the server can create tenants"),
        Field(examples=["on"]),
    ] = None
    """Lets anybody sign up and create a tenant."""

    PENDING_TENANTS: Annotated[types.Number, Field(ge=0, le=1000)] = 0
    """Number of future tenants whose storage a worker keeps ready, so that no sign-up waits for it.
    0: only those that prepare_tenants makes."""


class Mail(Group):
    """Mail."""

    EMAIL_URL: Annotated[
        types.SMTPURL,
        Otherwise("localhost, port 25; in development, mails appear on the console"),
        Field(examples=["smtp+tls://user:password@mail.example.com:587"]),
    ] = ""
    """Mail server: smtp+tls for STARTTLS, smtp+ssl for TLS."""

    DEFAULT_FROM_EMAIL: Annotated[
        types.Mailbox,
        Otherwise("noreply@ followed by TENANT_BASE_DOMAIN"),
        Field(examples=["noreply@example.com"]),
    ] = ""
    """Sender of all mails."""


class Limits(Group):
    """Limits. A rate counts the requests per second, minute, hour or day."""

    THROTTLE_MEMBER: types.Rate = "600/minute"
    """Requests of one member."""

    THROTTLE_TENANT: types.Rate = "6000/minute"
    """Requests of all members of a tenant together."""

    THROTTLE_INVITATIONS: types.Rate = "60/hour"
    """Requests that mail an invitation, of all members of a tenant together."""

    THROTTLE_ANONYMOUS: types.Rate = "60/minute"
    """Requests without a token from one address, log-ins included."""

    TENANT_REQUESTS_IN_FLIGHT: Annotated[types.Number, Field(ge=0, le=1000)] = 2
    """Concurrent requests of one tenant in a process: two fewer than its threads. 0: no limit."""

    TENANT_TASKS_AT_ONCE: Annotated[types.Number, Field(ge=1, le=1000)] = 1
    """Open background tasks of one tenant that may use every slot of the workers. Further ones use
    half of the slots, so that a tenant with many tasks does not delay other tenants."""

    TENANT_STORAGE_BYTES: Annotated[types.Number, Field(ge=0, le=1024**5)] = 10 * 1024**3
    """Total size of a tenant's attachments, in bytes. 0: no limit."""

    TENANT_GRACE_DAYS: Annotated[types.Number, Field(ge=0, le=3650)] = 30
    """Days between the archiving of a tenant and the deletion of its data."""

    BACKUP_KEEP_DAYS: Annotated[types.Number, Field(ge=0, le=3650)] = 30
    """Days for which you keep backups. The certificate of a purge says until when they contain the
    tenant's data."""


class Files(Group):
    """Files and personal data."""

    MEDIA_ROOT: Annotated[
        types.Folder, Otherwise("media/"), Field(examples=["/var/lib/product/media"])
    ] = BASE_DIR / "media"
    """Folder of all files. A new version must not replace it, and no web server may serve it."""

    MEDIA_BUCKET: Annotated[types.Bucket, Field(examples=["product-media"])] = ""
    """Bucket of an S3-compatible service for all files, instead of MEDIA_ROOT. It must be private.
    AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY name the
    service and the account."""

    ATTACHMENT_MAX_BYTES: Annotated[types.Number, Field(ge=1, le=5 * 1024**3)] = 25 * 1024**2
    """Largest size of an attachment, in bytes."""

    TENANT_EXPORT_DAYS: Annotated[types.Number, Field(ge=1, le=90)] = 7
    """Days until the archive that an Owner has ordered is deleted."""

    TENANT_EXPORT_BYTES: Annotated[types.Number, Field(ge=0, le=1024**5)] = 512 * 1024**2
    """Largest size of a tenant's files, in bytes, for which an Owner can order an archive. A worker
    writes it into its temporary folder. 0: no limit."""

    TENANT_EXPORT_HOURS: Annotated[types.Number, Field(ge=0, le=2160)] = 24
    """Hours between two orders of an archive. 0: only one that is being written delays the next."""

    PRIVACY_DUE_DAYS: Annotated[types.Number, Field(ge=1, le=90)] = 30
    """Days until a request for an export or an erasure is due."""

    PRIVACY_CONTENT_DAYS: Annotated[types.Number, Field(ge=1, le=90)] = 7
    """Days until an export is deleted."""

    PRIVACY_EXPORT_HOURS: Annotated[types.Number, Field(ge=0, le=2160)] = 24
    """Hours between two exports of one person's data. 0: only an open export delays the next."""


class Operation(Group):
    """Servers. Processes, shared caches and monitoring."""

    WEB_CONCURRENCY: Annotated[types.Number, Field(ge=1, le=256)] = 2
    """Number of server processes. Gunicorn reads it from its own environment, never from .env."""

    CACHE_URL: Annotated[
        types.RedisURL,
        Otherwise("each process has its own cache"),
        Field(examples=["redis://cache.example.com:6379"]),
    ] = ""
    """Redis or Valkey server in which all processes share cached values and counters."""

    COUNTERS_URL: Annotated[
        types.RedisURL,
        Otherwise("CACHE_URL; a tenant that fills the cache then evicts the counters"),
        Field(examples=["redis://counters.example.com:6379"]),
    ] = ""
    """Separate server for the counters of requests and wrong passwords."""

    METRICS_TOKEN: Annotated[types.Token, Otherwise("no metrics")] = ""
    """Random text that Prometheus sends as a bearer token to /metrics on a shared host."""

    METRICS_TENANTS: Annotated[types.Number, Field(ge=0, le=100_000)] = 100
    """Number of tenants with their own time series; the others share one."""

    OTEL_EXPORTER_OTLP_ENDPOINT: Annotated[
        types.HTTPURL,
        Otherwise("no traces"),
        Field(examples=["http://collector.example.com:4318"]),
    ] = ""
    """Receiver of traces, by OTLP over HTTP. Other OpenTelemetry variables apply as well."""

    OTEL_SERVICE_NAME: types.Name = "web"
    """Name of the service in traces."""

    SENTRY_DSN: Annotated[
        types.SentryURL,
        Otherwise("no reports"),
        Field(examples=["https://key@sentry.example.com/1"]),
    ] = ""
    """Receiver of error reports: Sentry, or a service with its protocol."""


class Compose(Group):
    """Compose and development. Both read the variables above as well."""

    POSTGRES_PASSWORD: Annotated[types.Password, RANDOM] = ""
    """Password of PostgreSQL's superuser. Roles get passwords once, when the volume is empty."""

    DATABASE_OWNER_PASSWORD: Annotated[types.Password, RANDOM] = ""
    """Password of the owner's role."""

    DATABASE_PASSWORD: Annotated[types.Password, RANDOM] = ""
    """Password of the run-time role."""

    IMAGE: Annotated[types.Image, Field(examples=["ghcr.io/OWNER/product:main"])] = ""
    """Image that compose.production.yaml runs."""

    ACME_EMAIL: Annotated[types.Mailbox, Field(examples=["operations@example.com"])] = ""
    """Address that the certificate authority notifies when a certificate cannot be renewed."""

    DEMO_PASSWORD: Annotated[types.TypedPassword, Otherwise("a random one, which is shown")] = ""
    """Password of the demo's users, in development."""

    DEBUG_TOOLBAR: types.Switch = False
    """Shows the debug toolbar on pages, in development."""


class Database(Group):
    """Database. PostgreSQL 15 or later, with two roles. Development starts its own server."""

    DATABASE_URL: Annotated[
        types.PostgresURL,
        REQUIRED,
        Otherwise("the server in .postgres/"),
        Field(examples=["postgres://runtime:password@db.example.com:5432/product"]),
    ] = ""
    """Address with the run-time role, which serves requests. The role owns nothing and is not a
    superuser, so that no forgotten filter in the code reaches another tenant. It may go through a
    pooler."""

    DATABASE_OWNER_URL: Annotated[
        types.PostgresURL,
        Otherwise("the server in .postgres/"),
        Field(examples=["postgres://owner:password@db.example.com:5432/product"]),
    ] = ""
    """Address with the owner of the tables, for commands that create or change them, and for
    servers that create tenants (docs/deployment.md). It must be direct, never through a pooler."""

    DATABASE_POOL_SIZE: Annotated[types.Number, Field(ge=0, le=1000)] = 0
    """Size of the connection pool of a process; threads wait five seconds for a connection. 0: each
    thread keeps its own connection."""

    DATABASE_KEEP_SECONDS: Annotated[types.Number, Field(ge=0, le=86_400)] = 300
    """Seconds for which a connection is kept between requests, without a pool. ASGI keeps none."""

    DATABASE_STATEMENT_SECONDS: Annotated[types.Number, Field(ge=0, le=86_400)] = 15
    """Seconds that a statement of the run-time role may take. 0: no limit. Run migrate after
    changing this or the next three."""

    DATABASE_LOCK_SECONDS: Annotated[types.Number, Field(ge=0, le=86_400)] = 5
    """Seconds that a statement may wait for a lock. 0: no limit."""

    DATABASE_IDLE_SECONDS: Annotated[types.Number, Field(ge=0, le=86_400)] = 60
    """Seconds that a transaction may be idle. 0: no limit."""

    DATABASE_TEMP_FILE_MB: Annotated[types.Number, Field(ge=0, le=1024**2)] = 1024
    """Megabytes of temporary files of a statement, for example for sorting. 0: no limit."""

    DATABASE_LONG_SECONDS: Annotated[types.Number, Field(ge=0, le=86_400)] = 300
    """Seconds that a statement of an export, an erasure or tenant_health_check may take."""


class Variables(Keys, Hosts, Accounts, Mail, Limits, Files, Operation, Compose, Strategy, Database):
    """All variables."""


# In the order of docs/settings.md.
GROUPS = [group for group in Variables.__bases__ if issubclass(group, Group)]
FIELDS = {name: field for group in GROUPS for name, field in group.model_fields.items()}
