"""The worker: Procrastinate runs several jobs at a time, in threads.

Half of its slots serve only the default queue. So a tenant with thousands of tasks never occupies
all slots. apps.tasks.queue assigns the queue of a task.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.tasks import task_backends
from django.utils.module_loading import autodiscover_modules, import_string
from procrastinate import App, JobContext, exceptions
from procrastinate.contrib.django import DjangoApp
from procrastinate.contrib.django.utils import connector_params
from procrastinate.jobs import Job
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.integrations.tasks import OWNER_QUEUE, schedule
from apps.tasks import queue
from apps.tasks.probe import Beat
from apps.tasks.runner import Dead, PutOff, run_job

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS: Final = 5
STALLED_SECONDS: Final = 15
"""Seconds without a heartbeat after which other workers take over a worker's tasks."""

POLL_SECONDS: Final = 1
TROUBLE_SECONDS: Final = 15
"""Seconds until a retry of a task after an error in the worker itself."""


class Retries(BaseRetryStrategy):
    """Retries a job if the runner requests it, or if the runner itself has failed."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return the time of the retry, or None if the job has ended."""
        if isinstance(exception, Dead):
            return None
        seconds = exception.seconds if isinstance(exception, PutOff) else TROUBLE_SECONDS
        return RetryDecision(retry_in={"seconds": int(seconds)})


class Worker:
    """Runs tasks until it is stopped; with ``drain``, until no task is due."""

    def __init__(
        self, *, concurrency: int, queues: Sequence[str] | None = None, drain: bool = False
    ) -> None:
        self._lanes = _lanes(concurrency, queues)
        self._drain = drain
        self.beat = Beat()
        self._jobs: set[int] = set()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Begin no further tasks."""
        self._stop.set()

    async def run(self, *, grace: float) -> None:
        """Run tasks; once stopped, wait ``grace`` seconds for running ones, then release them.

        Then the process ends, since a thread cannot be stopped.
        """
        threads = sum(places for _, places in self._lanes) + 2
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads))
        connector = PsycopgConnector(kwargs=connector_params(SHARED_DB), min_size=1, max_size=4)
        async with self._app(connector).open_async() as app:
            lanes = [asyncio.ensure_future(self._keep(self._lane, app, *it)) for it in self._lanes]
            heartbeat = asyncio.ensure_future(self._send_heartbeats())
            stop = asyncio.ensure_future(self._stop.wait())
            # Unlike `gather`, it has no result of its own, whose loss would be logged as an error.
            work = asyncio.ensure_future(asyncio.wait(lanes, return_when="FIRST_EXCEPTION"))
            ends: list[asyncio.Future[Any]] = [stop, work]
            await asyncio.wait(ends, return_when="FIRST_COMPLETED")
            for each in (*lanes, *ends):
                each.cancel()
            ended, busy = await asyncio.wait(lanes, timeout=grace)
            heartbeat.cancel()
            if busy:
                await _in_thread(queue.give_back, list(self._jobs))
                logger.warning("stopped; %s tasks were released", len(self._jobs))
                logging.shutdown()
                os._exit(0)
            for each in ended:
                if not each.cancelled():
                    each.result()

    def _app(self, connector: PsycopgConnector) -> DjangoApp:
        app = DjangoApp(connector=connector)
        app.task(name=queue.JOB, pass_context=True, retry=Retries())(self._run)
        tick = app.task(name="tick", retry=Retries())(_tick)
        autodiscover_modules("tasks")
        for path, cron in () if self._drain else schedule().items():
            app.periodic(cron=cron, periodic_id=path, task_kwargs={"path": path})(tick)
        return app

    def _run(self, context: JobContext, envelope: str) -> None:
        job = context.job.id or 0
        self._jobs.add(job)
        try:
            run_job(envelope, job)
        finally:
            self._jobs.discard(job)

    async def _lane(self, app: App, queues: Sequence[str], places: int) -> None:
        await app.run_worker_async(
            queues=queues,
            concurrency=places,
            wait=not self._drain,
            # By polling, since notifications do not work behind PgBouncer.
            listen_notify=False,
            fetch_job_polling_interval=POLL_SECONDS,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
            delete_jobs="successful",
            install_signal_handlers=False,
        )

    async def _keep[*A](self, work: Callable[[*A], Awaitable[None]], *args: *A) -> None:
        """Repeat a function until the worker is stopped."""
        while not self._stop.is_set():
            with self._trouble_is_logged():
                await work(*args)
            if self._drain:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _send_heartbeats(self) -> None:
        """Update this worker's heartbeat, and release the tasks of lost workers.

        Procrastinate's own worker sends no heartbeat while it waits for its last tasks.
        """
        while True:
            self.beat.note()
            with self._trouble_is_logged():
                await _in_thread(queue.hold, list(self._jobs))
                if count := await _in_thread(queue.give_back_stalled, STALLED_SECONDS):
                    logger.warning("%s tasks of lost workers were released", count)
            await asyncio.sleep(HEARTBEAT_SECONDS)

    @contextmanager
    def _trouble_is_logged(self) -> Iterator[None]:
        """Log errors within the block, and continue, while the database is unreachable."""
        try:
            yield
        except (exceptions.ConnectorException, DatabaseError, OSError) as error:
            logger.warning("the queue is unreachable: %s", type(error).__name__)


def _lanes(concurrency: int, queues: Sequence[str] | None) -> list[tuple[Sequence[str], int]]:
    if queues or concurrency == 1:
        return [(queues or _served_queues(), concurrency)]
    own = concurrency // 2
    return [([queue.DEFAULT], own), (_served_queues(), concurrency - own)]


def _served_queues() -> list[str]:
    """Return the queues of ``TASKS``; without the owner's rights, only those that need none."""
    named = {name for backend in task_backends.all() for name in backend.queues} | {queue.REST}
    return sorted(named if settings.CAN_PROVISION else named - {OWNER_QUEUE})


def _tick(timestamp: int, path: str) -> None:
    """Enqueue a periodic task, if the code declares the task of the row as periodic."""
    if path not in schedule():
        raise Dead
    import_string(path).enqueue()


async def _in_thread[*A](function: Callable[[*A], int], *args: *A) -> int:
    def call() -> int:
        close_old_connections()
        try:
            return function(*args)
        finally:
            close_old_connections()

    return int(await sync_to_async(call, thread_sensitive=False)())
