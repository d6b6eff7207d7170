"""Put the chosen parts in their place, drop the others, and write the secrets of this machine."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from pathlib import Path

# As data: no answer can become code, whatever it holds.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

# Folders with a sub-folder for each choice, which holds files under their final paths.
OVERLAYS = {"strategies": "isolation_strategy", "licenses": "license"}

# Shared files that a strategy has no use for.
UNUSED = {
    "schema": (),
    "row": (
        "apps/isolation/fleet.py",
        "apps/isolation/management/commands/check_fleet.py",
        "apps/isolation/management/fleet.py",
        "apps/isolation/own_tables.py",
        "apps/isolation/shape.py",
        "tests/test_fleet.py",
    ),
    "database": ("apps/isolation/prefix.py", "apps/isolation/routing.py"),
}

NEXT_STEPS = """\
Done: {slug}/ is ready. Next, paste:

  cd {slug}
  python3 -m venv .tools && .tools/bin/pip install -q uv
  .tools/bin/uv run manage.py demo    starts PostgreSQL and the product, with two tenants to try
  .tools/bin/uv run pytest            runs the tests

README.md goes on from there.
"""


def install_overlays(project: Path, answers: dict[str, str]) -> None:
    """Move the chosen files into place, over those of an earlier generation."""
    for folder, question in OVERLAYS.items():
        chosen = project / folder / answers[question]
        for source in [path for path in chosen.rglob("*") if path.is_file()]:
            target = project / source.relative_to(chosen)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        shutil.rmtree(project / folder)


def remove_unused(project: Path, answers: dict[str, str]) -> None:
    """Delete what the strategy does not use. It must be there, so that the table cannot rot."""
    for path in UNUSED[answers["isolation_strategy"]]:
        (project / path).unlink()


def write_env(project: Path) -> None:
    """Write .env for its owner's eyes only: the example, with a random value for each secret.

    An .env that exists is somebody's configuration, and stays.
    """
    example = (project / ".env.example").read_text(encoding="utf-8")
    text = re.sub(
        r"^\w+=$", lambda line: line[0] + secrets.token_urlsafe(48), example, flags=re.MULTILINE
    )
    try:
        descriptor = os.open(project / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def main(answers: dict[str, str], project: Path) -> None:
    """Finish the project that cookiecutter has rendered."""
    install_overlays(project, answers)
    remove_unused(project, answers)
    write_env(project)
    print(NEXT_STEPS.format(slug=answers["project_slug"]))


if __name__ == "__main__":
    main(ANSWERS, Path.cwd())
