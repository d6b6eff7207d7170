"""Run background tasks."""

import asyncio
import signal

from django.core.management.base import BaseCommand, CommandParser

from apps.isolation.preflight import run_preflight_checks
from apps.observability.telemetry import start_traces
from apps.tasks.probe import serve
from apps.tasks.worker import Worker


class Command(BaseCommand):
    """``work [--concurrency 4] [--queues a,b] [--drain] [--grace 25] [--port PORT]``."""

    help = "Run background tasks until SIGTERM or Ctrl-C; running tasks then end or are released."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--concurrency", type=int, default=4, help="tasks at a time")
        parser.add_argument("--queues", help="serve only these, separated by commas (default: all)")
        parser.add_argument("--drain", action="store_true", help="end when no task is due")
        parser.add_argument(
            "--grace", type=float, default=25, help="seconds for running tasks to end when stopped"
        )
        parser.add_argument(
            "--port", type=int, help="serve a liveness probe and metrics on this port"
        )

    def handle(
        self,
        *args: object,
        concurrency: int,
        queues: str | None,
        drain: bool,
        grace: float,
        port: int | None,
        **options: object,
    ) -> None:
        """Run the worker."""
        run_preflight_checks()
        start_traces()
        chosen = queues.split(",") if queues else None
        worker = Worker(concurrency=concurrency, queues=chosen, drain=drain)
        if port:
            serve(port, worker.beat)
        asyncio.run(_work(worker, grace))


async def _work(worker: Worker, grace: float) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    await worker.run(grace=grace)
