"""The application server: a few processes, each with a few threads.

https://gunicorn.org/reference/settings/

Threads are used because a request mostly waits for PostgreSQL. Their fixed number limits open
connections, since each thread keeps its own. docs/deployment.md shows the calculation.
"""

import os
import shutil
import sys
import tempfile
from itertools import count
from typing import Any

bind = "0.0.0.0:8000"
worker_class = "gthread"
# At least one, which reports an invalid number.
workers = max(1, int(os.environ.get("WEB_CONCURRENCY", "2")))
threads = 4

# Longer than the proxy's, so that the proxy never uses a connection that is being closed.
keepalive = 75
# Replace a process before memory leaks matter, but not all processes at once. Refused requests
# count too, so with a smaller number a flood would restart processes all the time.
max_requests = 100_000
max_requests_jitter = 10_000

LARGE_BODY = 64 * 1024


def temporary_folder() -> tuple[str | None, str]:
    """Return the folder for heartbeats, None for gunicorn's own choice, and a folder for metrics.

    Both are in memory, since disks can be slow or read-only. If there is no writable folder in
    memory, as on macOS, both are on disk.
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
# Containers are managed by signals, not by a control socket.
control_socket_disable = True

# A file for each process's metrics; apps.observability.metrics sums them up.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics_folder


def pre_request(worker: Any, request: Any) -> None:
    """Close the connection after a request with a large body.

    To keep the connection, gunicorn would read the rest of a refused body in small pieces.
    """
    # At most one header with a number; gunicorn has refused all others.
    if int(dict(request.headers).get("CONTENT-LENGTH", 0)) > LARGE_BODY:
        request.force_close()


def pre_fork(server: Any, worker: Any) -> None:
    """Give a new process the lowest free number, and so the metrics file of an ended one."""
    taken = {each.slot for each in server.WORKERS.values()}
    worker.slot = next(slot for slot in count() if slot not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Set the process's number, and let its threads switch more often."""
    os.environ["WORKER_SLOT"] = str(worker.slot)
    # A thread with a result from the database waits this long for a computing thread. The default
    # of five milliseconds would slow down other requests during a large upload.
    sys.setswitchinterval(0.0005)


def on_exit(server: Any) -> None:
    """Delete the files of metrics."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"])
