"""Detects leaks of a request: disclosed data, different answers, changed rows."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction

from apps.audit.models import AuditEvent
from apps.audit.services import Action
from apps.isolation.app_registry import OWNER, SHARED_DB
from apps.isolation.context import ActiveTenant, activate_tenant
from tests.isolation.declarations import shared_models, tenant_models
from tests.isolation.samples import Samples

# These differ by time, and by the length of the requested id.
VOLATILE_HEADERS = {"Date", "Expires", "X-Request-ID", "Content-Length"}
_CSRF = re.compile(r"(?<=csrfmiddlewaretoken\" value=\")\w+")


@dataclass(frozen=True)
class Answer:
    """A response, with the log lines, mails and queries of its request."""

    status: int
    headers: str
    body: str
    mails: str
    logs: str

    @property
    def is_done(self) -> bool:
        """True if the request succeeded. Pages redirect after success."""
        return self.status < 300 or (self.status == 302 and "/login/?next=" not in self.headers)

    def without(self, *ids: object) -> tuple[int, str, str]:
        """Return the comparable parts of the response, with the requested ids replaced."""
        headers, body = self.headers, self.body
        for each in ids:
            headers, body = headers.replace(str(each), "<id>"), body.replace(str(each), "<id>")
        return self.status, headers, body

    def mentions_of(self, theirs: Samples, *known: str) -> str:
        """Return the places that mention a tenant, except for the ``known`` texts."""
        for name in ("headers", "body", "mails", "logs"):
            text: str = getattr(self, name)
            for each in known:
                text = text.replace(each, "")
            if theirs.canary.lower() in text.lower():
                return f"{name}: {text}"
        return ""


def ask(
    client: Any,
    method: str,
    url: str,
    body: Any = None,
    *,
    look: Callable[[], Any] = lambda: None,
    **headers: str,
) -> Answer:
    """Send a request and record all that leaves the process.

    Its writes are rolled back, after ``look`` has inspected them.
    """
    outbox = getattr(mail, "outbox", [])
    sent = len(outbox)
    files = [value for value in (body or {}).values() if hasattr(value, "seek")]
    for file in files:
        file.seek(0)
    is_form = files or not url.startswith("/api/")
    options = {"format": "multipart" if is_form else "json", "headers": headers}
    cookies = deepcopy(client.cookies)
    with taken_back(), _records() as records:
        response = getattr(client, method.lower())(url, body, **options)
        content = response.getvalue()
        look()
    client.cookies = cookies
    return Answer(
        status=response.status_code,
        headers=str({k: v for k, v in response.items() if k not in VOLATILE_HEADERS}),
        body=_CSRF.sub("", content.decode(errors="replace")),
        mails="".join(str(message.message()) for message in outbox[sent:]),
        logs="\n".join(records),
    )


@contextmanager
def taken_back() -> Iterator[None]:
    """Roll back the writes of the block in every open database, and restore the files."""
    with ExitStack() as stack:
        stack.callback(_put_back, _files())
        for alias in list(connections):
            if alias != OWNER:
                atomic = transaction.atomic(using=alias)
                # Marked as Django's own test transactions, so that durable blocks may be inside.
                atomic._from_testcase = True  # type: ignore[attr-defined]
                stack.enter_context(atomic)
        yield
        for alias in list(connections):
            if connections[alias].in_atomic_block:
                transaction.set_rollback(True, using=alias)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@contextmanager
def _records() -> Iterator[list[str]]:
    """Yield a list of all log records."""
    root, collector = logging.getLogger(), _Collector()
    level = root.level
    root.addHandler(collector)
    root.setLevel(logging.DEBUG)
    try:
        yield collector.texts
    finally:
        root.setLevel(level)
        root.removeHandler(collector)


def fingerprint(theirs: Samples, ours: Samples) -> list[str]:
    """Return checksums of their tables, of shared rows that are not ours, and of files."""
    checksum = "md5(string_agg(t::text, ';' ORDER BY t::text))"
    with activate_tenant(ActiveTenant(theirs.tenant.pk)):
        tables = _each_table(DEFAULT_DB_ALIAS, checksum, _rows_of(theirs))
    not_ours = {model: f"NOT coalesce({which}, false)" for model, which in _ours(ours).items()}
    return [*tables, *_each_table(SHARED_DB, checksum, not_ours), *_files_but_for(ours)]


def rows_with(ours: Samples, texts: list[str]) -> list[str]:
    """Return the number of our rows that contain one of the texts, by table."""
    counter = f"count(*) FILTER (WHERE t::text ~* '{'|'.join(texts)}')"
    with activate_tenant(ActiveTenant(ours.tenant.pk)):
        tables = _each_table(DEFAULT_DB_ALIAS, counter, _rows_of(ours))
    return [*tables, *_each_table(SHARED_DB, counter, _ours(ours))]


def _rows_of(own: Samples) -> dict[type[models.Model], str]:
    """Return SQL conditions for a tenant's rows that do not rely on isolation."""
    return {
        model: f"tenant_id = '{own.tenant.pk}'" if hasattr(model, "tenant_id") else "true"
        for model in tenant_models()
    }


def _ours(ours: Samples) -> dict[type[models.Model], str]:
    """Return SQL conditions for our rows of the shared data."""
    us, members = f"'{ours.tenant.pk}'", _table(apps.get_model("memberships.Membership"))
    return {
        apps.get_model("tenants.Tenant"): f"id = {us}",
        get_user_model(): f"id IN (SELECT user_id FROM {members} WHERE tenant_id = {us})",
        **dict.fromkeys(shared_models(), f"tenant_id = {us}"),
        # Also events without a tenant, and failed log-ins, which any tenant may get.
        AuditEvent: f"tenant_id = {us} OR tenant_id IS NULL OR action = '{Action.LOG_IN_FAILED}'",
    }


def _each_table(
    alias: str, expression: str, conditions: dict[type[models.Model], str]
) -> list[str]:
    columns = [
        f"(SELECT {expression} FROM {_table(model)} t WHERE {condition})"
        for model, condition in conditions.items()
    ]
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)}")
        values = cursor.fetchone() or ()
    names = [model._meta.label for model in conditions]
    return [f"{name}: {value}" for name, value in zip(names, values, strict=True)]


def _table(model: type[models.Model]) -> str:
    return connections[SHARED_DB].ops.quote_name(model._meta.db_table)


def _files_but_for(ours: Samples) -> list[str]:
    """Return the files outside of our folder, with their checksums."""
    us = {str(ours.tenant.pk), ours.tenant.pk.hex}
    return [
        f"{path} {sha256(content).hexdigest()}"
        for path, content in _files().items()
        if not us & set(path.parts)
    ]


def _files() -> dict[Path, bytes]:
    assert settings.MEDIA_ROOT, "only the files of the world are put back, not the project's own"
    root = Path(settings.MEDIA_ROOT)
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _put_back(files: dict[Path, bytes]) -> None:
    now = _files()
    for path in now.keys() - files.keys():
        path.unlink()
    for path, content in files.items():
        if now.get(path) != content:
            path.write_bytes(content)
