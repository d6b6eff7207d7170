"""The other installation, reached by a command such as ``ssh host cd /app && python manage.py``."""

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
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
class Command:
    """A command that runs on the other installation, and the file of its standard error."""

    verb: str
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def end(self) -> None:
        """Kill it unless it has ended, and close its files."""
        self.process.kill()
        with suppress(BrokenPipeError), self.process, self.errors:
            pass


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
    ready: list[Command] = field(default_factory=list)
    """Commands that have been started ahead."""

    @contextmanager
    def started(self, *verbs: str) -> Iterator[None]:
        """Start commands ahead, since each takes seconds; kill at the end what was not used."""
        try:
            self.ready.extend(self._start(verb) for verb in verbs)
            for command in self.ready:
                if command.process.stdout:
                    command.process.stdout.read(1)  # it is ready, or has ended
            yield
        finally:
            while self.ready:
                self.ready.pop().end()

    def ask(self, verb: str, question: Question | None = None) -> Answer:
        """Send a question, and return the answer; raise `ArchiveError` if the peer refuses."""
        content = question.write() if question else b""
        return self.send(verb, lambda stream: stream.write(content))[0]

    def send(self, verb: str, write: Callable[[IO[bytes]], Any]) -> tuple[Answer, Any]:
        """Send what a function writes; return the answer, and what the function returned."""
        command = next((each for each in self.ready if each.verb == verb), None)
        if command:
            self.ready.remove(command)
        else:
            command = self._start(verb)
        try:
            with self._killed_in_time(command.process):
                written, answer = _converse(command.process, write)
            if command.process.returncode:
                raise ArchiveError(f"The other installation: {_error_in(command.errors)}")
        finally:
            command.end()
        lines = answer.splitlines() or [b""]
        return Answer.read("The answer of the other installation", lines[-1]), written

    def _start(self, verb: str) -> Command:
        words = [*shlex.split(self.prefix), "receive_tenant", verb, str(self.tenant)]
        errors = TemporaryFile()  # noqa: SIM115 - end() closes it
        try:
            process = subprocess.Popen(
                [*words, *self.options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(),
            )
        except OSError as error:
            errors.close()
            raise ArchiveError(f"--to cannot be run: {error}") from error
        return Command(verb, process, errors)

    @contextmanager
    def _killed_in_time(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        timer = Timer(max(0, (self.deadline or 0) - time.monotonic()), process.kill)
        if self.deadline is not None:
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
