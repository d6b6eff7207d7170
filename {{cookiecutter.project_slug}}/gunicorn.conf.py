"""The application server: a few processes, each with a few threads.

https://gunicorn.org/reference/settings/

Threads, since a request waits for PostgreSQL most of its time, and since a fixed number of them
bounds what is opened: every thread keeps its own connections. docs/deployment.md does the sum.
"""

import os

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
