"""`.env.example` and docs/settings.md, generated from the declared variables."""

import re
import subprocess
import sys

import pytest

from config.env import BASE_DIR
from config.variables import FIELDS
from devtools.settings_docs import files, outdated

CHECK = [sys.executable, "-m", "devtools.settings_docs", "--check"]


def test_generated_files_are_up_to_date() -> None:
    assert outdated() == []
    assert subprocess.run(CHECK, cwd=BASE_DIR, check=False).returncode == 0


@pytest.mark.parametrize(
    ("file", "line"), [(".env.example", "{}="), ("docs/settings.md", "| `{}` |")]
)
def test_every_variable_is_documented(file: str, line: str) -> None:
    text = files()[file]
    assert [name for name in FIELDS if text.count(line.format(name)) != 1] == []


def test_every_variable_is_used() -> None:
    patterns = ("config/settings/*.py", "*.py", "*.yaml", "devtools/**/*.py")
    paths = [path for pattern in patterns for path in BASE_DIR.glob(pattern)]
    text = "\n".join(path.read_text("utf-8") for path in paths)
    assert [name for name in FIELDS if not re.search(rf"(env\.|\${{|\"){name}\b", text)] == []


def test_changed_declaration_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FIELDS["THROTTLE_TENANT"], "description", "Another meaning.")
    assert outdated() == [".env.example", "docs/settings.md"]
