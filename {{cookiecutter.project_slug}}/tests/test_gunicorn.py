"""gunicorn's settings on different machines."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.env import BASE_DIR

# A trivial application, since the project needs the database on import.
DEMO_APP = "wsgiref.simple_server:demo_app"


def _print_config(tmp_path: Path, memory: str, **variables: str) -> tuple[int, str, str]:
    """Let gunicorn print its settings, with another folder in place of /dev/shm."""
    source = (BASE_DIR / "gunicorn.conf.py").read_text(encoding="utf-8")
    assert source.count('"/dev/shm"') == 1
    config = tmp_path / "gunicorn.conf.py"
    config.write_text(source.replace('"/dev/shm"', repr(memory)), encoding="utf-8")
    process = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--config", config, "--print-config", DEMO_APP],
        cwd=BASE_DIR,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return process.returncode, process.stdout, process.stderr


def test_worker_files_are_in_memory(tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    status, printed, errors = _print_config(tmp_path, str(memory))
    assert status == 0
    assert "gunicorn.conf.py:" not in errors
    assert re.search(rf"^worker_tmp_dir += {re.escape(str(memory))}$", printed, re.MULTILINE)
    assert [path.name[:8] for path in memory.iterdir()] == ["metrics-"]


@pytest.mark.parametrize("memory", ["/no/such/folder", "/dev/null", "/proc", "/sys"])
def test_worker_files_are_on_disk_without_a_folder_in_memory(tmp_path: Path, memory: str) -> None:
    """The folder is missing, a file, or not writable."""
    status, printed, errors = _print_config(tmp_path, memory, TMPDIR=str(tmp_path))
    assert status == 0
    assert re.search(r"^worker_tmp_dir += None$", printed, re.MULTILINE)
    (line,) = [line for line in errors.splitlines() if "gunicorn.conf.py:" in line]
    assert line.startswith(f"gunicorn.conf.py: heartbeats and metrics are in {tmp_path}. ")


def test_missing_temporary_folder_is_an_error(tmp_path: Path) -> None:
    before = "import tempfile\n"
    source = (BASE_DIR / "gunicorn.conf.py").read_text(encoding="utf-8")
    assert source.count(before) == 1
    nowhere = f"{before}tempfile.tempdir = '/proc'\n"
    source = source.replace(before, nowhere).replace('"/dev/shm"', '"/proc"')
    process = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    (line,) = process.stderr.splitlines()
    assert line.startswith("gunicorn.conf.py: no folder for temporary files. ")
