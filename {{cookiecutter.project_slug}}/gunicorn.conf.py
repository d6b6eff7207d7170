"""The application server: a few processes, each with a few threads.

https://gunicorn.org/reference/settings/

Threads, since a request waits for PostgreSQL most of its time, and since a fixed number of them
bounds what is opened: every thread keeps its own connections. docs/deployment.md does the sum.
"""

import os
import shutil
import tempfile
from itertools import count
from typing import Any

bind = "0.0.0.0:8000"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4

# Above the proxy's, so that it never speaks into a connection that is being closed.
keepalive = 75
# A process serves some thousands of requests, and is replaced before what it leaks counts; not all
# processes at once.
max_requests = 10_000
max_requests_jitter = 1_000

# Where the processes' heartbeats are kept: in memory, since disks can be slow or read-only.
worker_tmp_dir = "/dev/shm"  # noqa: S108
# Nobody manages it by a socket: a signal to the container does.
control_socket_disable = True

# What the processes count for Prometheus, a file for each: apps.observability.metrics adds them up.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="metrics-", dir=worker_tmp_dir)


def pre_fork(server: Any, worker: Any) -> None:
    """Give a new process the lowest number that is free, and so the file of one that has ended."""
    taken = {each.slot for each in server.WORKERS.values()}
    worker.slot = next(slot for slot in count() if slot not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Tell the process its number."""
    os.environ["WORKER_SLOT"] = str(worker.slot)


def on_exit(server: Any) -> None:
    """Leave nothing behind."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"])
