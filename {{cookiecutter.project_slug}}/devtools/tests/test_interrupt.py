"""Ctrl-C, at any time."""

import re
import signal
import subprocess
import sys
from itertools import takewhile

import pytest

from config.env import BASE_DIR
from tests.support import environment


def _listen() -> None:
    """Handle Ctrl-C as in a terminal, even if the parent process ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    "module",
    [
        "django.core.management",
        "config.env",
        "config.settings.base",
        "devtools.demo",
        "django.core.management.commands.migrate",
    ],
)
@pytest.mark.django_db(transaction=True)
def test_ctrl_c_ends_a_command_without_a_traceback(module: str) -> None:
    """The test interrupts at different imports, which Python prints to stderr."""
    command = [sys.executable, "-X", "importtime", "manage.py", "demo"]
    process = subprocess.Popen(
        command,
        cwd=BASE_DIR,
        env=environment(DJANGO_SETTINGS_MODULE="config.settings.local"),
        preexec_fn=_listen,  # noqa: PLW1509 - no thread of the tests runs meanwhile
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr
        imported = re.compile(rf"\| +{re.escape(module)}\n")
        for _ in takewhile(lambda line: not imported.search(line), process.stderr):
            pass
        process.send_signal(signal.SIGINT)
        rest = [line for line in process.stderr if not line.startswith("import time: ")]
        process.wait(timeout=30)
    assert rest == []
    assert process.returncode != 0


def test_other_errors_are_shown() -> None:
    command = [sys.executable, "-c", "import manage; raise ValueError('a fault')"]
    process = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1] == "ValueError: a fault"
