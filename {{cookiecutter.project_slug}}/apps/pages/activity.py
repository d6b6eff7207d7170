"""Pages of the audit log: a list with filters, and its export."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from apps.audit.models import AuditEvent
from apps.audit.services import Action
from apps.authentication.decorators import MemberRequest, require_role
from apps.isolation import require_tenant
from apps.memberships.models import Membership
from apps.memberships.selectors import active_members, with_profiles
from apps.memberships.views import AuditEventListView
from apps.pages.lists import ListForm, filter_rows, list_rows
from apps.pages.rendering import render_page

EXPORTED_EVENTS = 10_000
"""Maximum number of events in an export: the newest."""
BATCH = 500

PEOPLE = ("memberships.membership", "authentication.user")
PLATFORM, UNKNOWN = "Platform", "Former member or staff"
NOTHING = "none"
COLUMNS = ["time", "kind", "person", "person_id", "object", "object_id", "changes", "reason"]


def kind_of(action: str) -> str:
    """Return an action in words: "Member: role changed" for ``member.role_changed``."""
    return action.replace("tenant", "workspace").replace(".", ": ").replace("_", " ").capitalize()


class ActivityForm(ListForm):
    action = forms.ChoiceField(
        required=False,
        label="Kind",
        choices=[
            ("", "All"),
            *((each, kind_of(each)) for each in sorted(Action) if each != Action.CROSS_TENANT),
        ],
    )
    actor = forms.TypedChoiceField(coerce=UUID, required=False, label="Person")
    since = forms.DateField(required=False, label="From", widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput({"type": "date"}))

    def __init__(self, request: MemberRequest) -> None:
        super().__init__(request)
        members = with_profiles(active_members(require_tenant().id))
        people = [(each.user_id, each.display_name) for each in members]
        self.fields["actor"].choices = [("", "All"), *people]  # type: ignore[attr-defined] # of the class


@dataclass(frozen=True)
class Entry:
    """An event in words; ``of`` is the name of the person whom it concerns, if there is one."""

    event: AuditEvent
    kind: str
    person: str
    of: str
    changes: list[str]


@require_role("admin")
@require_safe
def activity(request: MemberRequest) -> HttpResponse:
    """List the events of the audit log."""
    context = list_rows(request, ActivityForm(request), AuditEventListView)
    context["rows"] = _entries(context["rows"])
    return render_page(request, "pages/activity.html", title="Activity", **context)


@require_role("admin")
@require_safe
def export(request: MemberRequest) -> StreamingHttpResponse:
    """Send the events that match the filters as CSV."""
    view = AuditEventListView(request=Request(request))
    rows = filter_rows(ActivityForm(request), view, view.get_queryset())
    disposition = {"Content-Disposition": 'attachment; filename="activity.csv"'}
    # The days of the filters are the tenant's, whose time zone ends with the view.
    lines = _csv(_in_batches(rows.order_by("-pk"), timezone.get_current_timezone()))
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=disposition)


def _entries(events: Iterable[AuditEvent]) -> list[Entry]:
    """Return events with the names of their people, in two queries."""
    events = list(events)
    ids = {str(each.actor_id) for each in events if each.actor_id}
    ids |= {each.object_id for each in events if each.object_type in PEOPLE}
    members = Membership.objects.for_tenant(require_tenant()).select_related("user")
    names: dict[str, str] = {}
    for member in with_profiles(members.filter(Q(pk__in=ids) | Q(user_id__in=ids))):
        names |= dict.fromkeys((str(member.pk), str(member.user_id)), member.display_name)
    return [_entry(each, names) for each in events]


def _entry(event: AuditEvent, names: dict[str, str]) -> Entry:
    person = names.get(str(event.actor_id), UNKNOWN) if event.actor_id else PLATFORM
    of = names.get(event.object_id, UNKNOWN) if event.object_type in PEOPLE else ""
    changes = [
        f"{name.replace('_', ' ')}: {_change(**each)}" for name, each in event.changes.items()
    ]
    return Entry(event, kind_of(event.action), person, of, changes)


def _change(before: Any, after: Any) -> str:
    old, new = _text(before), _text(after)
    return new if old == NOTHING else f"{old} → {new}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOTHING if value is None else str(value) or NOTHING


def _in_batches(rows: QuerySet[AuditEvent], zone: tzinfo) -> Iterator[Entry]:
    """Yield the newest events by short queries, so that no connection waits for the client."""
    last: list[Entry] = []
    for _ in range(EXPORTED_EVENTS // BATCH):
        later = rows.filter(pk__lt=last[-1].event.pk) if last else rows
        with timezone.override(zone):
            last = _entries(later[:BATCH])
        yield from last
        if len(last) < BATCH:
            return


def _csv(entries: Iterable[Entry]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for entry in entries:
        event = entry.event
        of = entry.of or event.object_type
        row = [event.time.isoformat(), entry.kind, entry.person, event.actor_id, of]
        row += [event.object_id, "; ".join(entry.changes), event.reason]
        yield writer.writerow([_cell(value) for value in row])


class _Echo:
    """A file for `csv.writer`, whose ``write`` returns the line."""

    def write(self, line: str) -> str:
        return line


def _cell(value: object) -> str:
    """Return a text that spreadsheets do not execute as a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
