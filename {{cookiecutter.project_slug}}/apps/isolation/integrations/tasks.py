"""Background work, for the tenant that asked for it.

Product code uses Django's own ``@task`` and ``enqueue()``. A backend that derives from
`TenantTaskBackend` puts each task into an envelope that names the tenant, and signs it; whoever
runs the task opens the envelope first and enters that tenant.

https://docs.djangoproject.com/en/6.1/topics/tasks/
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Self, overload
from uuid import UUID

from django.core.signing import Signer
from django.tasks import Task, TaskResult, TaskResultStatus, task, task_backends
from django.tasks.backends.base import BaseTaskBackend
from django.utils import timezone
from django.utils.json import normalize_json

from apps.isolation.context import current_tenant, require_tenant
from apps.isolation.cross_tenant import cross_tenant
from apps.isolation.fields import new_id

_platform_tasks: set[str] = set()
_schedule: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A task with its arguments, and for whom it was enqueued: tenant, user and request."""

    task: str
    tenant: UUID | None
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    user: UUID | None = None
    request_id: str = ""
    trace: Mapping[str, str] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)

    def seal(self) -> str:
        """Return the envelope as signed text; raise TypeError or ValueError if it is no JSON."""
        text = json.dumps(asdict(self), sort_keys=True, allow_nan=False, default=_write_id)
        return _signer().sign(text)

    @classmethod
    def open(cls, sealed: str) -> Self:
        """Return the envelope; raise BadSignature if nobody with the key has sealed this text."""
        values = json.loads(_signer().unsign(sealed))
        ids = {name: values[name] and UUID(values[name]) for name in ("id", "tenant", "user")}
        return cls(**{**values, **ids})


def _signer() -> Signer:
    return Signer(salt="apps.isolation.integrations.tasks")


def _write_id(value: object) -> str:
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"Arguments of a task must be JSON, and {type(value).__name__} is none.")


@overload
def platform_task[**P, R](function: Callable[P, R]) -> Task[P, R]: ...
@overload
def platform_task[**P, R](**options: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def platform_task(function: Any = None, **options: Any) -> Any:
    """Make a task of the platform: Django's ``@task``, for work that belongs to no tenant.

    It may be enqueued without a tenant, and runs without one, wherever it was enqueued.
    """
    if function is None:
        return partial(platform_task, **options)
    made: Task[..., Any] = task(**options)(function)
    _platform_tasks.add(made.module_path)
    return made


def is_platform_task(path: str) -> bool:
    """Return whether the task at a dotted path was made by `platform_task`."""
    return path in _platform_tasks


def periodic[**P, R](cron: str) -> Callable[[Task[P, R]], Task[P, R]]:
    """Run a platform task without arguments at the times of a crontab line, in UTC.

    ::

        @periodic("30 2 * * *")
        @platform_task
        def remind_all() -> None:
            for_each_tenant(remind, reason="nightly reminders")

    The task stands in an app's module ``tasks``. However many workers there are, it is enqueued
    once each time. Raises ValueError for another task: nobody's tenant is active then.
    """

    def schedule(scheduled: Task[P, R]) -> Task[P, R]:
        if not is_platform_task(scheduled.module_path):
            raise ValueError(f"{scheduled.module_path} is periodic: make it a @platform_task.")
        _schedule[scheduled.module_path] = cron
        return scheduled

    return schedule


def schedule() -> Mapping[str, str]:
    """Return the crontab lines of periodic tasks by dotted path."""
    return _schedule


def for_each_tenant(each: Task[[], Any], *, reason: str) -> int:
    """Enqueue a task once in every active tenant; return in how many.

    A tenant whose last one has not ended yet gets no second one, so nothing piles up. ``reason``
    is written to the audit log. For platform tasks and commands: raises RuntimeError in a tenant.
    """
    backend: Any = task_backends[each.backend]
    count = 0
    with cross_tenant(reason=reason) as tenants:
        for tenant in tenants:
            if tenant.is_usable:  # type: ignore[attr-defined] # the model has it, not its base
                count += backend.enqueue_unless_open(each)
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatableTask(Task[Any, Any]):
    """A task that is tried ``attempts`` times, which its decorator may set."""

    attempts: int = 5


class TenantTaskBackend(BaseTaskBackend):
    """Base of backends whose tasks keep their tenant: they store a sealed `Envelope`."""

    task_class = RepeatableTask

    def enqueue(
        self, task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> TaskResult[Any, Any]:
        """Enqueue a task for the active tenant.

        Raises `NoTenantError` without one, except for a platform task, and TypeError or ValueError
        for arguments that are no JSON.
        """
        envelope = self.address(task, args, kwargs)
        self.put(task, envelope)
        return ready_result(task, envelope)

    def enqueue_unless_open(self, task: Task[Any, Any]) -> bool:
        """Enqueue a task without arguments unless one like it waits or runs in the tenant.

        Returns whether it was enqueued.
        """
        return self.put(task, self.address(task, (), {}), unless_open=True)

    def address(
        self, task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Envelope:
        """Return a task's envelope; raise as `enqueue` does."""
        self.validate_task(task)
        is_of_tenant = not is_platform_task(task.module_path)
        tenant = require_tenant() if is_of_tenant else current_tenant()
        given: Any = normalize_json({"args": args, "kwargs": kwargs})
        return Envelope(
            task=task.module_path, tenant=tenant.id if tenant else None, **given, **self.sender()
        )

    def sender(self) -> Mapping[str, Any]:
        """Return who enqueues: values for ``user``, ``request_id`` and ``trace``."""
        return {}

    @abstractmethod
    def put(self, task: Task[Any, Any], envelope: Envelope, *, unless_open: bool = False) -> bool:
        """Store the sealed envelope; return False if it was left out, as ``unless_open`` says."""


def ready_result(task: Task[Any, Any], envelope: Envelope) -> TaskResult[Any, Any]:
    """Return the result of a task that was enqueued now."""
    return TaskResult(
        task=task,
        id=str(envelope.id),
        status=TaskResultStatus.READY,
        enqueued_at=timezone.now(),
        started_at=None,
        finished_at=None,
        last_attempted_at=None,
        args=list(envelope.args),
        kwargs=dict(envelope.kwargs),
        backend=task.backend,
        errors=[],
        worker_ids=[],
    )
