"""The running background task, named in each log line and in each error report."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """A running task: its dotted path and id, and the ids of its tenant and user, or "-"."""

    task: str
    id: str
    tenant: str
    user: str


current_work: ContextVar[Work | None] = ContextVar("current_work", default=None)
