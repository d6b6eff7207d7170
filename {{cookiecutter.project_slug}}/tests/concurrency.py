"""Threads that do the same at the same moment, each with connections of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections


def at_once[T](count: int, work: Callable[[], T]) -> list[T]:
    """Do ``work`` in ``count`` threads that start together; return what each returned."""
    barrier = threading.Barrier(count)

    def run() -> T:
        barrier.wait(timeout=30)
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(run) for _ in range(count)]
        return [future.result() for future in futures]
