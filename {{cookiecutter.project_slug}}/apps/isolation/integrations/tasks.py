"""Background tasks that run in the tenant that enqueued them.

Product code uses Django's own ``@task`` and ``enqueue()``. A backend derived from
`TenantTaskBackend` stores each task in a signed envelope that names the tenant. A worker opens the
envelope and enters the tenant before it runs the task.

https://docs.djangoproject.com/en/6.1/topics/tasks/
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final, Self, TypedDict, overload
from uuid import UUID

from django.core.signing import Signer
from django.tasks import Task, TaskResult, TaskResultStatus, task, task_backends
from django.tasks.backends.base import BaseTaskBackend
from django.utils import timezone
from django.utils.json import normalize_json

from apps.isolation.context import current_tenant, require_tenant
from apps.isolation.cross_tenant import cross_tenant
from apps.isolation.fields import new_id

OWNER_QUEUE: Final = "owner"
"""Queue of platform tasks that need the owner's rights; only workers that have them serve it."""

_platform_tasks: set[str] = set()
_schedule: dict[str, str] = {}


class Sender(TypedDict, total=False):
    """The sender of a task: a user, in a request."""

    user: UUID | None
    request_id: str
    trace: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A task with its arguments, and the tenant, user and request that enqueued it."""

    task: str
    tenant: UUID | None
    args: Sequence[object] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    user: UUID | None = None
    request_id: str = ""
    trace: Mapping[str, str] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)

    def seal(self) -> str:
        """Return the envelope as signed JSON; raise TypeError or ValueError for other arguments."""
        text = json.dumps(asdict(self), sort_keys=True, allow_nan=False, default=_write_id)
        return _signer().sign(text)

    @classmethod
    def open(cls, sealed: str) -> Self:
        """Return the envelope of a signed text; raise BadSignature for an invalid signature."""
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
def platform_task[**P, R](**options: int | str) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def platform_task(function: Any = None, **options: Any) -> Any:
    """Declare a platform task: Django's ``@task`` for work that belongs to no tenant.

    It can be enqueued without a tenant, and always runs without one.
    """
    if function is None:
        return partial(platform_task, **options)
    made: Task[..., object] = task(**options)(function)
    _platform_tasks.add(made.module_path)
    return made


def is_platform_task(path: str) -> bool:
    """Return whether the task at a dotted path was made by `platform_task`."""
    return path in _platform_tasks


def periodic[**P, R](cron: str) -> Callable[[Task[P, R]], Task[P, R]]:
    """Schedule a platform task without arguments by a crontab line, in UTC.

    ::

        @periodic("30 2 * * *")
        @platform_task
        def remind_all() -> None:
            for_each_tenant(remind, reason="nightly reminders")

    The task must be in a module ``tasks`` of an app. It is enqueued once each time, whatever the
    number of workers. Raises ValueError for a tenant's task, since no tenant is active then.
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


def for_each_tenant[R](each: Task[[], R], *, reason: str) -> int:
    """Enqueue a task once in every active tenant; return the number of tenants.

    Skips tenants in which the same task is still waiting or running. ``reason`` is written to the
    audit log. For platform tasks and commands: raises RuntimeError inside a tenant.
    """
    backend: Any = task_backends[each.backend]
    count = 0
    with cross_tenant(reason=reason) as tenants:
        for tenant in tenants:
            if tenant.is_usable:  # type: ignore[attr-defined] # the model has it, not its base
                count += backend.enqueue_unless_open(each)
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatableTask(Task[..., object]):
    """A task with up to ``attempts`` attempts, which its decorator can set."""

    attempts: int = 5


class TenantTaskBackend(BaseTaskBackend):
    """Base class of backends that store each task in a signed `Envelope`."""

    task_class = RepeatableTask

    def enqueue[**P, R](
        self, task: Task[P, R], args: Sequence[object], kwargs: Mapping[str, object]
    ) -> TaskResult[P, R]:
        """Enqueue a task for the active tenant.

        Raises `NoTenantError` without a tenant, except for a platform task, and TypeError or
        ValueError for arguments that JSON cannot represent.
        """
        envelope = self.address(task, args, kwargs)
        self.put(task, envelope)
        return ready_result(task, envelope)

    def enqueue_unless_open[R](self, task: Task[[], R]) -> bool:
        """Enqueue a task without arguments, unless the tenant has the same task waiting or running.

        Returns whether it was enqueued.
        """
        return self.put(task, self.address(task, (), {}), unless_open=True)

    def address[**P, R](
        self, task: Task[P, R], args: Sequence[object], kwargs: Mapping[str, object]
    ) -> Envelope:
        """Return the envelope of a task; raise the errors of `enqueue`."""
        self.validate_task(task)
        is_of_tenant = not is_platform_task(task.module_path)
        tenant = require_tenant() if is_of_tenant else current_tenant()
        given: Any = normalize_json({"args": args, "kwargs": kwargs})
        return Envelope(
            task=task.module_path, tenant=tenant.id if tenant else None, **given, **self.sender()
        )

    def sender(self) -> Sender:
        """Return the sender."""
        return {}

    @abstractmethod
    def put[**P, R](
        self, task: Task[P, R], envelope: Envelope, *, unless_open: bool = False
    ) -> bool:
        """Store the signed envelope; return False if ``unless_open`` skipped it."""


def ready_result[**P, R](task: Task[P, R], envelope: Envelope) -> TaskResult[P, R]:
    """Return the result of a task that has just been enqueued."""
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
