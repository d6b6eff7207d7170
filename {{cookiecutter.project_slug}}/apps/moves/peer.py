"""The other installation, reached by a command such as ``ssh host cd /app && python manage.py``."""

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, Any
from uuid import UUID

from django.conf import settings

from apps.moves.documents import Answer, Question
from apps.portability.exceptions import ArchiveError

MOST_ERROR = 4000
"""Bytes of the peer's standard error that are read."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Runs ``receive_tenant`` on the other installation.

    ``prefix`` is the command there up to ``manage.py``; ``options`` are those of
    ``receive_tenant``.
    """

    prefix: str
    tenant: UUID
    options: tuple[str, ...] = ()
    deadline: float | None = None
    """The monotonic time at which commands that still run are killed."""

    def ask(self, verb: str, question: Question | None = None) -> Answer:
        """Send a question, and return the answer; raise `ArchiveError` if the peer refuses."""
        content = question.write() if question else b""
        return self.send(verb, lambda stream: stream.write(content))[0]

    def send(self, verb: str, write: Callable[[IO[bytes]], Any]) -> tuple[Answer, Any]:
        """Send what a function writes; return the answer, and what the function returned."""
        command = [*shlex.split(self.prefix), "receive_tenant", verb, str(self.tenant)]
        with TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    [*command, *self.options],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=_environment(),
                )
            except OSError as error:
                raise ArchiveError(f"--to cannot be run: {error}") from error
            with process, self._killed_in_time(process):
                written, answer = _converse(process, write)
            if process.returncode:
                raise ArchiveError(f"The other installation: {_error_in(errors)}")
        lines = answer.splitlines() or [b""]
        return Answer.read("The answer of the other installation", lines[-1]), written

    @contextmanager
    def _killed_in_time(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        if self.deadline is None:
            yield
            return
        timer = Timer(max(0, self.deadline - time.monotonic()), process.kill)
        timer.start()
        try:
            yield
            process.wait()
        finally:
            timer.cancel()


def _environment() -> dict[str, str]:
    """Return this process's environment without the variables of this installation."""
    return {name: os.environ[name] for name in os.environ if name not in settings.ADDED_VARIABLES}


def _converse(
    process: subprocess.Popen[bytes], write: Callable[[IO[bytes]], Any]
) -> tuple[Any, bytes]:
    """Write to a process, and read its answer; end the process if writing fails."""
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    written = None
    try:
        written = write(process.stdin)
        process.stdin.close()
    except BrokenPipeError:
        # The process has ended, and says why.
        with suppress(BrokenPipeError):
            process.stdin.close()
    except BaseException:
        process.kill()
        with suppress(BrokenPipeError):
            process.stdin.close()
        raise
    return written, process.stdout.read()


def _error_in(errors: IO[bytes]) -> str:
    """Return the message of a command that failed: what follows "CommandError", or a line."""
    errors.seek(max(0, errors.seek(0, 2) - MOST_ERROR))
    text = errors.read().decode(errors="replace").strip()
    _, found, message = text.rpartition("CommandError: ")
    if found:
        return message
    return text.splitlines()[-1] if text else "it failed without a message, or took too long."
