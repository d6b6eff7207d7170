"""Certificates of purges: signed statements of what this installation has deleted."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.signing import Signer

from apps.audit.models import AuditEvent
from apps.privacy.models import PrivacyRequest
from apps.tenants.models import Purge

_signer = Signer(salt="apps.offboarding.certificate")


def certify(purge: Purge, finished_at: datetime) -> str:
    """Return the signed certificate of a purge, which names the tenant by its id only."""
    backups_until = finished_at + timedelta(days=settings.BACKUP_KEEP_DAYS)
    events, requests = (
        model.objects.for_tenant(purge.tenant_id).count() for model in (AuditEvent, PrivacyRequest)
    )
    statement = {
        "tenant": str(purge.tenant_id),
        "begun_at": _text(purge.begun_at),
        "finished_at": _text(finished_at),
        "actor": str(purge.actor_id) if purge.actor_id else None,
        "reason": purge.reason,
        "deleted": purge.found,
        "remains": {
            "audit events": f"{events}, which contain ids, but no names, addresses or contents",
            "privacy requests": f"{requests}, which contain ids only, as proof of their answers",
            "backups": f"until {backups_until:%Y-%m-%d}, when the last one is deleted",
            "cached values": "until they expire, on servers whose cache is in their memory",
        },
    }
    return _signer.sign(json.dumps(statement, sort_keys=True))


def read_certificate(purge: Purge) -> dict[str, Any]:
    """Return a certificate with its digest; raise BadSignature if it was changed."""
    statement = _signer.unsign(purge.certificate)
    return {**json.loads(statement), "sha256": sha256(statement.encode()).hexdigest()}


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")
