"""Generate with old and new versions of cookiecutter, cruft and Python: `nox -s engines`.

python engines.py FOLDER

Each version is installed into a temporary environment. It must write the same bytes as the newest
one, or be refused with one sentence that names the requirement, and leave nothing behind. uv
downloads missing versions of Python; a failed download skips the version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pythons import find_python
from template import ROOT, contents, shipped

SLUG = "my_saas"
NEEDS_ENGINE = "error: This template needs cookiecutter 2.1 or newer"
NEEDS_PYTHON = "error: This template needs Python 3.10 or newer"

# Python, installed packages, and the sentence of an expected refusal. The others are compared with
# the first. Debian 12 has cookiecutter 1.7.3, which needs older dependencies.
OLD_CRUFT = ("cruft==2.10.2", "cookiecutter==1.7.3", "click<8.2", "setuptools<81")
ENGINES = (
    ("3.13", ("cookiecutter>=2.7",), ""),
    ("3.11", ("cookiecutter==2.6.0",), ""),
    ("3.11", ("cookiecutter==2.1.1",), ""),
    ("3.13", ("cruft>=2.16", "cookiecutter>=2.7"), ""),
    ("3.11", ("cruft==2.15.0", "cookiecutter==2.1.1"), ""),
    ("3.11", ("cookiecutter==1.7.3",), NEEDS_ENGINE),
    ("3.11", OLD_CRUFT, NEEDS_ENGINE),
    ("3.9", ("cookiecutter==2.6.0",), NEEDS_PYTHON),
    ("3.7", ("cookiecutter==2.6.0",), NEEDS_PYTHON),
    ("3.6", ("cookiecutter==1.7.3",), NEEDS_PYTHON),
)


def run(*command: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    # Files that an engine keeps for its next run.
    environment = {**os.environ, "HOME": str(folder), **more}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def commit_template(folder: Path) -> Path:
    """Create a repository of the working tree, since cruft needs one."""
    template = folder / "template"
    for name, path in shipped(ROOT).items():
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, template / name)
    git = ("git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "now")):
        subprocess.run([*git, *command], cwd=template, check=True)
    return template


def make(folder: Path, version: str, packages: tuple[str, ...]) -> Path | None:
    """Install an engine into a new environment; return its Python, or None if unavailable."""
    folder.mkdir()
    # uv finds and stores Pythons in the user's home.
    home = {"HOME": os.environ.get("HOME", str(folder)), "UV_COMPILE_BYTECODE": "0"}
    python = find_python((version,))
    made = run("uv", "venv", "--quiet", f"--python={python}", "venv", folder=folder, **home)
    if made.returncode:
        return None
    place = {**home, "VIRTUAL_ENV": str(folder / "venv")}
    done = run("uv", "pip", "install", "--quiet", *packages, folder=folder, **place)
    if done.returncode:
        sys.exit(f"FAILED  install {' '.join(packages)}: {done.stderr}")
    return folder / "venv" / "bin" / "python"


def problem_of(folder: Path, done: subprocess.CompletedProcess[str], refusal: str) -> str:
    """Return a sentence about an engine's wrong result, or an empty text."""
    output = folder / "output"
    left = sorted(path.name for path in output.glob("*")) if output.exists() else []
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    if not refusal:
        return "" if done.returncode == 0 and left == [SLUG] else f"failed: {done.stderr}"
    if done.returncode == 0 or left:
        return f"was not refused, and wrote {left}"
    # Ignore other output of the engine; old ones add a traceback.
    if len(errors) != 1 or not errors[0].startswith(refusal):
        return f"said something else: {done.stderr}"
    return ""


def attempt(
    folder: Path, template: Path, version: str, packages: tuple[str, ...], refusal: str
) -> str:
    """Generate with an engine; return a sentence about a wrong result, or an empty text."""
    python = make(folder, version, packages)
    if python is None:
        return "skipped"
    by_cruft = packages[0].startswith("cruft")
    command = ("-m", "cruft", "create") if by_cruft else ("-m", "cookiecutter")
    options = ("--no-input", "--default-config", f"--output-dir={folder / 'output'}")
    ignore = {"PYTHONWARNINGS": "ignore"}
    done = run(str(python), *command, str(template), *options, folder=folder, **ignore)
    return problem_of(folder, done, refusal)


def written(folder: Path) -> dict[str, bytes]:
    """Return the files that must be equal for every engine."""
    made = contents(folder / "output" / SLUG)
    return {name: text for name, text in made.items() if name not in {".env", ".cruft.json"}}


def main(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    template = commit_template(folder)
    for number, (version, packages, refusal) in enumerate(ENGINES):
        name = f"Python {version}, {', '.join(packages)}"
        own = folder / str(number)
        problem = attempt(own, template, version, packages, refusal)
        if problem == "skipped" and number:
            print(f"--  {name}: no such Python here", flush=True)
            continue
        if not problem and not refusal and written(own) != written(folder / "0"):
            problem = "wrote other bytes than the newest"
        if problem:
            sys.exit(f"FAILED  {name}: {problem}")
        print(f"ok  {name}: {'refused' if refusal else 'the same bytes'}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
