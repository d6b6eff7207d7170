"""Moves a tenant to another installation, whatever the isolation strategies of both are.

Each step can be repeated, and continues after an interruption. The tenant is copied while it works;
then it is only read for some seconds, while the last changes follow. Its status here is stored
before the other installation opens it: there are never two that write.
"""

import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.audit.services import Action, record
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.strategy.write_fence import lower_fence, raise_fence
from apps.moves.comparing import Content, Difference, compare
from apps.moves.documents import Answer, Question
from apps.moves.peer import Peer
from apps.offboarding.services import purge
from apps.portability.exceptions import ArchiveError
from apps.portability.exporting import Changes, ExportOptions, describe, write_archive
from apps.portability.locks import import_lock
from apps.portability.tables import tenant_tables
from apps.privacy.models import PrivacyRequest, RequestStatus
from apps.tasks.models import OPEN, State, TaskRun
from apps.tenants import lifecycle
from apps.tenants.models import Status, Tenant
from apps.tenants.slugs import default_domain

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_ROUNDS = 5
"""Comparisons of `start`, at most."""

PAUSE = ("sums", "load", "sums", "open")
"""Commands of the other installation that run while nobody can write to the tenant."""

CLOCKS = timedelta(minutes=5)
"""By this the clocks of two installations may differ."""


@dataclass(frozen=True, slots=True)
class Options:
    """The operator's decisions about a move."""

    with_audit: bool = False
    drain_seconds: float = 10
    """Time for writes and tasks that have begun to end; afterwards the move is given up."""
    max_pause: float = 60
    """Seconds without writes that may be expected, at most."""
    fence_seconds: float = 30
    """Seconds for which late writes are refused here after the move."""
    discards: bool = False
    """If true, a tenant comes back without what was changed there, or if it is not there."""
    note: Callable[[str], None] = lambda step: None
    """Called with a sentence about each step."""


def start(tenant: Tenant, peer: Peer, options: Options) -> dict[str, Any]:
    """Copy a tenant, and what changes meanwhile, until little differs; it goes on working here."""
    with _alone(tenant, {Status.ACTIVE}):
        if peer.ask("check", _question(tenant)).status == "absent":
            options.note("copying all rows and files")
            with transaction.atomic(using=SHARED_DB):
                record(Action.TENANT_EXPORTED, tenant, tenant=tenant, actor=None)
            _send(tenant, peer, ExportOptions())
        difference = _follow_until_small(tenant, peer, options)
    return {"tenant": tenant.slug, "copied": "yes", "ranges_sent_last": difference.ranges}


def switch(tenant: Tenant, peer: Peer, options: Options) -> dict[str, Any]:
    """Make the other installation the one that serves the tenant.

    Until the other one is complete, every error leaves the tenant active here.
    """
    with _alone(tenant, {Status.ACTIVE, Status.MOVING, Status.MOVED}) as status:
        # If the tenant has moved, an earlier run was interrupted after the last changes.
        earlier = None if status == Status.MOVED else _prepare_pause(tenant, peer, options)
        with peer.started(*PAUSE if earlier else ("open",)):
            began = time.monotonic()
            if earlier:
                _hand_over(tenant, peer, options, *earlier)
            options.note("opening it there")
            nothing = Changes({label: [] for label in tenant_tables()}, frozenset())
            _send(tenant, peer, ExportOptions(options.with_audit, changes=nothing), verb="open")
            pause = time.monotonic() - began if earlier else None
        lifecycle.permit_purge_of_moved(tenant)
        if earlier:
            options.note(f"refusing late writes for {options.fence_seconds:g} seconds")
            time.sleep(options.fence_seconds)
        lower_fence(tenant, seconds=options.drain_seconds)
    return {"tenant": tenant.slug, "status": Status.MOVED, **_left(tenant, pause)}


def back(tenant: Tenant, peer: Peer, options: Options) -> dict[str, Any]:
    """Serve a tenant here again that has moved, if nothing was changed there."""
    with _alone(tenant, {Status.MOVED}):
        there = peer.ask("status").status
        if there in {Status.ACTIVE, Status.SUSPENDED}:
            options.note("stopping it there")
            _take_back(tenant, peer, options)
        elif there == Status.IMPORTING:
            # A command that opens it there may still be running: it finds nothing to open.
            peer.ask("remove", _question(tenant))
        elif not (there == "absent" and options.discards):
            message = f"It is {there} there. If no other installation has it, --discard-changes"
            raise ArchiveError(f"{message} serves the tenant here with what is here.")
        lower_fence(tenant, seconds=options.drain_seconds)
        lifecycle.move_back(tenant)
    return {"tenant": tenant.slug, "status": Status.ACTIVE}


def cancel(tenant: Tenant, peer: Peer, options: Options) -> dict[str, Any]:
    """Give a move up: serve the tenant here, and remove the copy there."""
    with _alone(tenant, {Status.ACTIVE, Status.MOVING}):
        _stay(tenant, options)
        peer.ask("remove", _question(tenant))
    return {"tenant": tenant.slug, "status": Status.ACTIVE}


def complete(tenant: Tenant, reason: str, *, at_once: bool) -> dict[str, Any]:
    """Delete here what belongs to a tenant that has moved, after the time of grace."""
    with _alone(tenant, {Status.MOVED, Status.PURGING}):
        begun = purge(tenant, reason=reason, at_once=at_once)
    return {"tenant": tenant.slug, "status": "purged", "certificate": str(begun.pk)}


def status_of(tenant: Tenant, peer: Peer) -> dict[str, Any]:
    """Return the tenant's status here and there."""
    return {"tenant": tenant.slug, "here": tenant.status, "there": peer.ask("status").status}


@contextmanager
def _alone(tenant: Tenant, allowed: set[Status]) -> "Iterator[Status]":
    """Keep other runs out, and yield the tenant's status; raise ValidationError for another one."""
    with import_lock(tenant.pk):
        status = Status(Tenant.objects.values_list("status", flat=True).get(pk=tenant.pk))
        if status not in allowed:
            wanted = " or ".join(sorted(allowed))
            message = f"This needs a tenant that is {wanted}; this one is {status}."
            raise ValidationError({"status": message})
        yield status


def _question(tenant: Tenant) -> Question:
    header, shared = describe(tenant)
    return Question(header=header, shared=shared)


def _send(tenant: Tenant, peer: Peer, options: ExportOptions, verb: str = "load") -> Answer:
    def write(stream: IO[bytes]) -> dict[str, Any]:
        return write_archive(tenant, stream, options)

    return peer.send(verb, write)[0]


def _follow_until_small(tenant: Tenant, peer: Peer, options: Options) -> Difference:
    """Send what differs, again and again, while the tenant works; return what was sent last.

    What is compared and what is sent are of two moments. A row that is sent may refer to a new one
    that is not, which the other installation refuses; the next round has both.
    """
    began = peer.ask("status").since
    since = began and began - CLOCKS
    for left in reversed(range(MOST_ROUNDS)):
        now = timezone.now() - CLOCKS
        difference = _compare(tenant, peer, options, since)
        try:
            _send_changes(tenant, peer, difference)
        except ArchiveError as error:
            if not left:
                raise
            options.note(f"trying again, since the changes were refused: {error}")
            continue
        if difference.is_small:
            break
        since = now
    return difference


def _compare(
    tenant: Tenant,
    peer: Peer,
    options: Options,
    since: datetime | None,
    earlier: Difference | None = None,
) -> Difference:
    difference = compare(tenant, peer, since=since, earlier=earlier)
    options.note(f"{difference.ranges} of {difference.total} ranges differ")
    return difference


def _send_changes(tenant: Tenant, peer: Peer, difference: Difference) -> None:
    if not difference.is_empty:
        _send(tenant, peer, ExportOptions(changes=difference.changes))


def _require_nothing_left(tenant: Tenant) -> None:
    """Raise ArchiveError if something of the platform would be left behind that must not be."""
    stored = Tenant.objects.get(pk=tenant.pk)
    if stored.hold_reason:
        raise ArchiveError("The tenant is on hold, which does not move: release it first.")
    requests = PrivacyRequest.objects.for_tenant(tenant.pk)
    if requests.exclude(status=RequestStatus.DONE).exists():
        message = "Privacy requests are open, and do not move: run manage.py privacy_requests --run"
        raise ArchiveError(f"{message} first.")


def _prepare_pause(tenant: Tenant, peer: Peer, options: Options) -> tuple[Difference, datetime]:
    """Send what differs, while the tenant works; return the last difference, and its time.

    The last round takes longer than the pause probably will.
    """
    _stay(tenant, options)  # after a run that was killed
    _require_nothing_left(tenant)
    found = _follow_until_small(tenant, peer, options)
    if not found.is_small:
        raise ArchiveError("Too much changes: run start again, when less is written.")
    since, began = timezone.now() - CLOCKS, time.monotonic()
    found = _compare(tenant, peer, options, since, found)
    _send_changes(tenant, peer, found)
    seconds = time.monotonic() - began
    if seconds > options.max_pause:
        message = f"The tenant would not be written to for about {seconds:.0f} seconds"
        raise ArchiveError(f"{message}; --max-pause is {options.max_pause:g}.")
    return found, since


def _hand_over(
    tenant: Tenant, peer: Peer, options: Options, earlier: Difference, since: datetime
) -> None:
    """Stop writes, send the last changes, and store that the tenant has moved."""
    limited = replace(peer, deadline=time.monotonic() + options.max_pause)
    lifecycle.begin_move(tenant)
    try:
        options.note("writes are refused")
        _await_tasks(tenant, options.drain_seconds)
        raise_fence(tenant, seconds=options.drain_seconds)
        last = _compare(tenant, limited, options, since, earlier)
        if not last.is_empty:
            _send_changes(tenant, limited, last)
            _require_same(last.content, limited)
        lifecycle.complete_move(tenant)
    except BaseException:
        _stay(tenant, options)
        raise


def _require_same(content: Content, peer: Peer) -> None:
    """Raise ArchiveError unless the copy is equal to the content, which nobody can change."""
    found = content.compared(peer.ask("sums", content.question))
    if not found.is_empty:
        labels = sorted(label for label, each in found.changes.ranges.items() if each != [])
        names = ", ".join([*labels, *sorted(found.changes.files)][:10])
        raise ArchiveError(f"The copy differs after the last changes were sent: {names}.")


def _take_back(tenant: Tenant, peer: Peer, options: Options) -> None:
    """Stop the tenant there, if nothing was changed there; serve it there again if that fails."""
    try:
        changes = peer.ask("suspend").changes
        if not options.discards:
            _require_unchanged(tenant, peer, changes)
    except BaseException:
        with suppress(ArchiveError):
            peer.ask("resume")
        raise
    peer.ask("give-back")


def _require_unchanged(tenant: Tenant, peer: Peer, changes: list[str]) -> None:
    if changes or not compare(tenant, peer, by_hash=True).is_empty:
        what = ", ".join(changes) or "rows or files"
        message = f"The tenant was changed there ({what}). --discard-changes moves it back anyway"
        raise ArchiveError(f"{message}, without these changes.")


def _left(tenant: Tenant, pause: float | None) -> dict[str, Any]:
    """Return the pause, and what the operator and the Owners do elsewhere."""
    shared, own = describe(tenant)[1], default_domain(tenant.slug)
    waiting = TaskRun.objects.for_tenant(tenant).filter(state__in=OPEN).count()
    return {
        "pause_seconds": pause and round(pause, 1),
        "tasks_that_stay": waiting,
        "domains_to_add": [each.domain for each in shared.domains if each.domain != own],
        "invitations_to_repeat": [each.email for each in shared.invitations],
    }


def _await_tasks(tenant: Tenant, seconds: float) -> None:
    """Wait for running tasks of the tenant; none begins any more."""
    until = time.monotonic() + seconds
    while TaskRun.objects.for_tenant(tenant).filter(state=State.RUNNING).exists():
        if time.monotonic() > until:
            raise ArchiveError("A background task of the tenant is running for too long.")
        time.sleep(0.1)


def _stay(tenant: Tenant, options: Options) -> None:
    """Permit writes here again, unless the tenant has moved."""
    if Tenant.objects.filter(pk=tenant.pk, status=Status.MOVING).exists():
        lower_fence(tenant, seconds=options.drain_seconds)
        lifecycle.cancel_move(tenant)
