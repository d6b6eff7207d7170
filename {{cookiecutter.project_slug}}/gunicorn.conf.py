"""The application server: a few processes, each with a few threads.

https://gunicorn.org/reference/settings/

Threads, since a request waits for PostgreSQL most of its time, and since a fixed number of them
bounds what is opened: every thread keeps its own connections. docs/deployment.md does the sum.
"""

import os
import shutil
import sys
import tempfile
from itertools import count
from typing import Any

bind = "0.0.0.0:8000"
worker_class = "gthread"
# At least one, which says so if the number is wrong.
workers = max(1, int(os.environ.get("WEB_CONCURRENCY", "2")))
threads = 4

# Above the proxy's, so that it never speaks into a connection that is being closed.
keepalive = 75
# A process is replaced before what it leaks counts; not all processes at once. Refused requests are
# counted too: with a smaller number, a flood would restart the processes again and again.
max_requests = 100_000
max_requests_jitter = 10_000

LARGE_BODY = 64 * 1024


def temporary_folder() -> tuple[str | None, str]:
    """Return where heartbeats are kept, None for gunicorn's own choice, and a folder for metrics.

    In memory, since disks can be slow or read-only; on disk where there is no such folder, as on
    macOS, or nobody may write into it.
    """
    reason: OSError
    try:
        return MEMORY, tempfile.mkdtemp(prefix="metrics-", dir=MEMORY)
    except OSError as error:
        reason = error
    try:
        folder = tempfile.mkdtemp(prefix="metrics-")
    except OSError as error:
        sys.exit(f"gunicorn.conf.py: no folder for temporary files. {reason}; {error}")
    place = tempfile.gettempdir()
    sys.stderr.write(f"gunicorn.conf.py: heartbeats and metrics are in {place}. {reason}\n")
    return None, folder


MEMORY = "/dev/shm"  # noqa: S108
worker_tmp_dir, metrics_folder = temporary_folder()
# Nobody manages it by a socket: a signal to the container does.
control_socket_disable = True

# What the processes count for Prometheus, a file for each: apps.observability.metrics adds them up.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics_folder


def pre_request(worker: Any, request: Any) -> None:
    """Close the connection after a request with a large body.

    To keep the connection, gunicorn reads what a refused request left of its body, in small pieces.
    """
    # At most one, and a number: gunicorn has refused all others.
    if int(dict(request.headers).get("CONTENT-LENGTH", 0)) > LARGE_BODY:
        request.force_close()


def pre_fork(server: Any, worker: Any) -> None:
    """Give a new process the lowest number that is free, and so the file of one that has ended."""
    taken = {each.slot for each in server.WORKERS.values()}
    worker.slot = next(slot for slot in count() if slot not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Tell the process its number, and let its threads take turns more often."""
    os.environ["WORKER_SLOT"] = str(worker.slot)
    # A thread that comes back from the database waits so long for one that computes, each time: by
    # default five milliseconds, which others would notice while somebody uploads a large file.
    sys.setswitchinterval(0.0005)


def on_exit(server: Any) -> None:
    """Leave nothing behind."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"])
