"""Runs one task: opens its envelope, checks current permissions, and enters its tenant."""

import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn
from uuid import UUID

from django.core.signing import BadSignature
from django.db import OperationalError, connection
from django.db.models import F
from django.db.models.functions import Now
from django.tasks import TaskContext
from django.utils.module_loading import import_string

from apps.authentication.access import admit
from apps.authentication.exceptions import NoActiveAccount
from apps.isolation.context import ActiveTenant, activate_tenant
from apps.isolation.integrations.tasks import Envelope, RepeatableTask, is_platform_task
from apps.isolation.strategy.protocol import Outcome
from apps.isolation.strategy.transactions import outcome
from apps.observability.background import Work, current_work
from apps.observability.request_id import request_id
from apps.observability.telemetry import continue_trace
from apps.tasks import queue
from apps.tasks.backends import result_of
from apps.tasks.metrics import SECONDS
from apps.tasks.models import OPEN, State, TaskRun

logger = logging.getLogger(__name__)

MOST_SECONDS: Final = 3600
"""Maximum seconds between two attempts."""

AWAY_SECONDS: Final = 15
"""Seconds until a retry of a task whose tenant's database was unreachable."""

PUT_OFF_SECONDS: Final = 300
"""Seconds until a retry of a task whose tenant cannot be entered."""


class PutOff(Exception):
    """The task must run later."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


class Refused(Exception):
    """The task must not run. The message is the reason in one word."""


class Dead(Exception):
    """The task is dead: it has failed for the last time."""


def run_job(sealed: str, job: int) -> None:
    """Run the task of a job of the queue.

    Raises `PutOff` if it must run again, and `Dead` if it has failed for the last time. Ignores a
    job without an open task: it is a copy, has run before, or its tenant was deleted.
    """
    try:
        envelope = Envelope.open(sealed)
    except (BadSignature, ValueError, TypeError, KeyError):
        logger.warning("job %s has an invalid signature", job)
        run = TaskRun.platform.filter(job=job, state__in=OPEN).first()
        _mark_dead(run, "ForgedEnvelope")
        raise Dead from None
    with _in_log_lines(envelope), continue_trace(envelope.trace, envelope.task):
        _run(envelope, job)


def _run(envelope: Envelope, job: int) -> None:
    rows = TaskRun.platform.select_related("tenant")
    run = rows.filter(pk=envelope.id, job=job, state__in=OPEN).first()
    if run is None:
        logger.warning("job %s belongs to no open task, and was ignored", job)
        return
    if run.transaction and not _is_committed(run):
        queue.discard(run.pk)
        return
    try:
        task = _permitted(envelope, run)
    except Refused as refusal:
        _mark_dead(run, str(refusal))
        raise Dead from None
    _begin(run)
    _call(task, envelope, run)


def _is_committed(run: TaskRun) -> bool:
    """Return whether the transaction that enqueued the task was committed."""
    result = outcome(UUID(str(run.tenant_id)), run.transaction)
    if result == Outcome.IN_PROGRESS:
        raise PutOff(queue.UNCONFIRMED_SECONDS / 6)
    if result == Outcome.FORGOTTEN:
        _mark_dead(run, "ForgottenTransaction")
        raise Dead
    return result == Outcome.COMMITTED


def _permitted(envelope: Envelope, run: TaskRun) -> RepeatableTask:
    """Return the task if current rows permit it; raise `Refused` or `PutOff`."""
    # First, since importing its module registers platform tasks.
    task = _task_at(envelope.task)
    if not is_platform_task(envelope.task):
        if run.tenant is None:
            raise Refused("NoTenant")
        if not run.tenant.is_usable:
            raise PutOff(PUT_OFF_SECONDS)
        if envelope.user and not _is_member(envelope.user, run.tenant.pk):
            raise Refused("NotAMember")
    # Count the attempt before it begins, so that an attempt that kills its worker counts too.
    if run.attempts >= task.attempts:
        raise Refused("WorkerLost")
    return task


def _task_at(path: str) -> RepeatableTask:
    try:
        task = import_string(path)
    except (ImportError, ValueError):
        raise Refused("UnknownTask") from None
    if not isinstance(task, RepeatableTask):
        raise Refused("UnknownTask")
    return task


def _is_member(user_id: UUID, tenant_id: UUID) -> bool:
    try:
        admit(user_id, tenant_id)
    except NoActiveAccount:
        return False
    return True


def _begin(run: TaskRun) -> None:
    run.attempts += 1
    TaskRun.platform.filter(pk=run.pk).update(
        state=State.RUNNING, attempts=F("attempts") + 1, started_at=Now(), transaction=""
    )


def _call(task: RepeatableTask, envelope: Envelope, run: TaskRun) -> None:
    context = [TaskContext(task_result=result_of(run))] if task.takes_context else []
    tenant = None if is_platform_task(envelope.task) else envelope.tenant
    began = time.perf_counter()
    try:
        with activate_tenant(ActiveTenant(tenant) if tenant else None):
            task.call(*context, *envelope.args, **envelope.kwargs)
    except Exception as error:  # noqa: BLE001 - whatever it is, others' tasks must go on
        SECONDS.labels(run.task, "failed").observe(time.perf_counter() - began)
        if tenant and isinstance(error, OperationalError) and not _answers(tenant):
            _put_off(run, error)
        _fail(run, error, task.attempts)
    SECONDS.labels(run.task, "done").observe(time.perf_counter() - began)
    queue.end(run, State.DONE)
    logger.info("done, at attempt %s", run.attempts)


def _answers(tenant: UUID) -> bool:
    """Return whether the tenant's database is reachable."""
    with activate_tenant(ActiveTenant(tenant)):
        if connection.is_usable():
            return True
        connection.close()
        try:
            connection.ensure_connection()
        except OperationalError:
            return False
    return True


def _put_off(run: TaskRun, error: Exception) -> NoReturn:
    """Postpone a task without counting an attempt, since its tenant's database is unreachable."""
    logger.warning("postponed: the tenant's database is unreachable")
    queue.put_off(run, type(error).__qualname__, is_counted=False)
    raise PutOff(AWAY_SECONDS) from error


def _fail(run: TaskRun, error: Exception, most: int) -> NoReturn:
    """Postpone a failed task with exponential delays; mark it dead after its last attempt."""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    # Without message and source lines, which may contain arguments.
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    places = "; ".join(f"{at.name} in {at.filename}:{at.lineno}" for at in frames)
    logger.warning("attempt %s failed: %s, %s", run.attempts, name, places)
    if run.attempts >= most:
        _mark_dead(run, name)
        raise Dead from error
    queue.put_off(run, name)
    raise PutOff(min(4**run.attempts, MOST_SECONDS)) from error


def _mark_dead(run: TaskRun | None, error: str) -> None:
    if run:
        queue.end(run, State.DEAD, error)
        logger.error("task %s of tenant %s is dead: %s", run.pk, run.tenant_id, error)


@contextmanager
def _in_log_lines(envelope: Envelope) -> Iterator[None]:
    """Make log lines within the block name the task and its tenant, user and request."""
    ids = {"tenant": str(envelope.tenant or "-"), "user": str(envelope.user or "-")}
    work = Work(task=envelope.task, id=str(envelope.id), **ids)
    tokens = current_work.set(work), request_id.set(envelope.request_id)
    try:
        yield
    finally:
        current_work.reset(tokens[0])
        request_id.reset(tokens[1])
