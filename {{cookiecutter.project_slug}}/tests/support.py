"""Helpers for tests: threads, statements, real processes and mailed tokens."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from django.conf import settings
from django.core import mail
from django.db import connections, transaction
from django.test import TestCase
from rest_framework.test import APIClient

from apps.authentication.second_factor import new_secret
from apps.isolation.app_registry import SHARED_DB
from config.env import BASE_DIR


def at_once[T](count: int, work: Callable[[], T]) -> list[T]:
    """Run ``work`` in ``count`` threads that start together; return their results."""
    barrier = threading.Barrier(count)
    # The threads may need this thread's connection.
    connections.close_all()

    def run() -> T:
        barrier.wait(timeout=30)
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(run) for _ in range(count)]
        return [future.result() for future in futures]


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yield a list to which each statement of the block is added."""
    sent: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        sent.append(sql)
        return execute(sql, *arguments)

    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(note))
        yield sent


def environment(**changes: str) -> dict[str, str]:
    """Return environment variables for a process that uses the test database."""
    database = connections[SHARED_DB].settings_dict["NAME"]
    urls = {
        name: urlsplit(os.environ[name])._replace(path=f"/{database}").geturl()
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL")
    }
    # Further settings of the databases that are plain texts.
    texts = {name: getattr(settings, name) for name in dir(settings) if "DATABASE_" in name}
    texts = {name: value for name, value in texts.items() if isinstance(value, str)}
    return {**os.environ, **texts, **urls, **changes}


def start(*arguments: str, **changes: str) -> subprocess.Popen[str]:
    """Start Python in the project's folder. The caller must end the process."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=environment(**changes),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run Python with additional environment variables, and wait for its end."""
    with start(*arguments, **changes) as process:
        output, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def manage(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ``manage.py``, and wait for its end."""
    return run("manage.py", *arguments, **changes)


def app_code(secret: str, later: int = 0) -> str:
    """Return the one-time code of a secret, now or some time steps later."""
    step = int(time.time()) // 30 + later
    return str(auth.format_hotp_value(auth.hotp_value(secret, step)))


def give_second_factor(user: Any) -> tuple[str, list[str]]:
    """Enable a user's second factor; return its secret and the recovery codes."""
    secret = new_secret()
    with transaction.atomic(using=SHARED_DB):
        auth.TOTP.activate(user, secret)
        return secret, RecoveryCodes.activate(user).generate_codes()


def invite(client: APIClient, email: str, role: str = "member") -> tuple[str, str]:
    """Invite an address; return the invitation's id and the mailed token."""
    with TestCase.captureOnCommitCallbacks(using=SHARED_DB, execute=True):
        response = client.post("/api/v1/invitations/", {"email": email, "role": role})
    assert response.status_code == 201, response.content
    return response.json()["id"], mailed_token()


def mailed_token() -> str:
    """Return the token of the last mailed invitation."""
    found = re.search(r"/invitations/([\w-]+)/", str(mail.outbox[-1].body))
    assert found, mail.outbox[-1].body
    return found[1]
