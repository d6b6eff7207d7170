"""Tenant-scoped signatures."""

from django.core.signing import TimestampSigner

from apps.isolation.context import require_tenant


def tenant_signer(purpose: str) -> TimestampSigner:
    """Return a signer whose values are valid for the active tenant and this purpose only."""
    return TimestampSigner(salt=f"{require_tenant().id}:{purpose}")
