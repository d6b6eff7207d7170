"""Helpers of the commands about archives."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from apps.portability.exceptions import ArchiveError
from apps.tenants.management.base import in_a_sentence
from apps.tenants.models import INCOMPLETE, Tenant


@contextmanager
def in_sentences(what: str) -> Iterator[None]:
    """Turn expected errors, of files too, into sentences instead of a traceback."""
    try:
        with in_a_sentence(what):
            yield
    except (ArchiveError, OSError) as error:
        raise CommandError(f"Cannot {what}: {error}") from error


def tenant_called(slug: str) -> Tenant:
    """Return a complete tenant; raise CommandError if there is none."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"There is no tenant {slug!r}.")
    if tenant.status in INCOMPLETE:
        raise CommandError(f"The tenant {slug!r} is not complete: it is {tenant.status}.")
    return tenant


def print_report(report: Mapping[str, Any], to: OutputWrapper, *, as_json: bool) -> None:
    """Print a JSON object, or a line for each of its values."""
    if as_json:
        to.write(json.dumps(report))
        return
    for name, value in report.items():
        if text := _text(value):
            to.write(f"{name.replace('_', ' ')}: {text}")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {kind}" for kind, count in value.items() if count)
    return "\n".join(value) if isinstance(value, list) else str(value)
