"""Install the chosen parts, delete the others, and write this machine's secrets."""

import json
import os
import re
import secrets
import shutil
from pathlib import Path

# Parsed as data, so that no answer can become code.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

# Files that two strategies share are a trait, with its own overlay.
TRAITS = {
    "schema": ("own_tables", "shared_connection"),
    "row": ("shared_connection",),
    "database": ("own_tables",),
}

# Folders of overlays: each sub-folder holds files under their final paths.
OVERLAYS = ("strategies", "traits", "licenses")

NEXT_STEPS = """\
Done: {slug}/ is ready. Next, paste:

  cd {slug}
  python3 -m venv .tools && .tools/bin/pip install -q uv
  .tools/bin/uv run manage.py demo    starts PostgreSQL and the product, with two tenants to try
  .tools/bin/uv run pytest            runs the tests

Continue with README.md. Commit all files first, so that git can merge the template's changes.
"""


def install_overlays(project: Path, answers: dict[str, str]) -> None:
    """Move the chosen files into place, over those of an earlier generation; delete the others."""
    strategy = answers["isolation_strategy"]
    traits = [f"traits/{trait}" for trait in TRAITS[strategy]]
    for overlay in (f"strategies/{strategy}", *traits, f"licenses/{answers['license']}"):
        chosen = project / overlay
        for source in [path for path in chosen.rglob("*") if path.is_file()]:
            target = project / source.relative_to(chosen)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
    for folder in OVERLAYS:
        shutil.rmtree(project / folder)


def write_env(project: Path) -> None:
    """Write .env, readable for its owner only: the example, with random secrets.

    Keep an existing .env, which is a user's configuration.
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
    write_env(project)
    print(NEXT_STEPS.format(slug=answers["project_slug"]))


if __name__ == "__main__":
    main(ANSWERS, Path.cwd())
