"""Create a project from the previous version, change it, and update it: `nox -s upgrade`.

python upgrade.py create STRATEGY FOLDER [VERSION]
python upgrade.py late STRATEGY FOLDER     for a project that was committed late, as the page says
python upgrade.py work STRATEGY FOLDER     in an environment with the project's dependencies
python upgrade.py update STRATEGY FOLDER

The previous version is the last tag before this commit. Without tags, it is the commit that is
`CHANGES_AGO` changes back. Uncommitted changes are ignored.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cruft
from example import write_app

ROOT = Path(__file__).resolve().parent.parent
TREE = "{{cookiecutter.project_slug}}"
CHANGES_AGO = 10

# A setting, the README, and the lists of apps.
EDITS = {
    "config/settings/authentication.py": (
        '"ACCESS_TOKEN_LIFETIME": timedelta(minutes=15)',
        '"ACCESS_TOKEN_LIFETIME": timedelta(minutes=5)',
    ),
    "README.md": ("\n## What is where\n", "\nWe rent out rooms.\n\n## What is where\n"),
    "config/settings/apps.py": (
        '    "apps.projects",\n]\n',
        '    "apps.projects",\n    "apps.rooms",\n]\n',
    ),
    "pyproject.toml": (
        'layers = [\n    "projects",\n',
        'layers = [\n    "rooms",\n    "projects",\n',
    ),
}
# The template changes a line beside a user's change in the README: git can merge the two, but a
# patch does not apply.
USERS = ("| `config` |", "| `apps/rooms` | rooms |\n| `config` |")
TEMPLATES = ("| `apps/api` |", "| `apps/api/` |")
PAGE = ROOT / "docs" / "upgrading.md"
# A user's own app.
APP = "apps/rooms"


def expect(holds: object, what: str) -> None:
    if not holds:
        sys.exit(f"FAILED  {what}")
    print(f"ok  {what}", flush=True)


def git(*arguments: str, folder: Path) -> str:
    command = ["git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    done = subprocess.run(
        [*command, *arguments], cwd=folder, check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout.strip()


def previous() -> str:
    """Return the previous version."""
    try:
        return git("describe", "--tags", "--abbrev=0", "HEAD^", folder=ROOT)
    except subprocess.CalledProcessError:
        changes = git("log", "--first-parent", "--format=%H", "--", TREE, folder=ROOT).split()
        return changes[: CHANGES_AGO + 1][-1]


def create(strategy: str, folder: Path, version: str = "") -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    template = folder / "template"
    git("clone", "--quiet", str(ROOT), str(template), folder=folder)
    version = version or previous()
    latest = git("log", "-1", "--format=%h %cs %s", version, folder=ROOT)
    print(f"== from {version}: {latest}", flush=True)
    answers = {"isolation_strategy": strategy}
    given = {"no_input": True, "default_config": True, "extra_context": answers}
    cruft.create(str(template), folder, checkout=version, **given)
    project = folder / "my_saas"
    # A project of cookiecutter can be linked to its version.
    known = (project / ".cruft.json").read_text(encoding="utf-8")
    (project / ".cruft.json").unlink()
    cruft.link(str(template), project, checkout=version, **given)
    expect((project / ".cruft.json").read_text(encoding="utf-8") == known, "cruft link knows it")
    git("init", "--quiet", folder=project)
    commit(project, "As it was generated")


def commit(project: Path, message: str) -> None:
    git("add", "--all", folder=project)
    git("commit", "--quiet", "--no-verify", "--message", message, folder=project)


def late(strategy: str, folder: Path) -> None:
    """Update a project whose first commit contains edits; then follow the page."""
    template = folder / "template"
    given = {"no_input": True, "default_config": True}
    options = {**given, "extra_context": {"isolation_strategy": strategy}}
    project = cruft.create(str(template), folder / "late", **options)
    replace(project / "README.md", *USERS)
    git("init", "--quiet", folder=project)
    commit(project, "Edited before it was committed")
    replace(template / TREE / "README.md", *TEMPLATES)
    commit(template, "A change next to it")
    expect(cruft.update(project, skip_apply_ask=True), "cruft update reports success")
    expect(list(project.rglob("*.rej")), "but leaves unmerged changes in .rej files")
    git("reset", "--quiet", "--hard", folder=project)
    git("clean", "--quiet", "-d", "--force", folder=project)
    version = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))["commit"]
    cruft.create(str(template), project.parent / "as-generated", checkout=version, **options)
    (command,) = re.findall(r"^find .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    subprocess.run(command, shell=True, cwd=project, check=True, stdout=subprocess.DEVNULL)  # noqa: S602 - as it is pasted
    expect(
        cruft.update(project, skip_apply_ask=True),
        "cruft update succeeds after the steps of the page",
    )
    expect(not list(project.rglob("*.rej")), "it leaves no .rej files")
    text = (project / "README.md").read_text(encoding="utf-8")
    expect(USERS[1] in text and TEMPLATES[1] in text, "both changes are in the README")


def replace(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    expect(text.count(before) == 1, f"{path.name} holds {before} once")
    path.write_text(text.replace(before, after), encoding="utf-8")


def work(strategy: str, folder: Path) -> None:
    """Make a user's changes: an app, a setting, a paragraph."""
    project = folder / "my_saas"
    for name, (before, after) in EDITS.items():
        text = (project / name).read_text(encoding="utf-8")
        expect(before in text, f"{name} contains the text to change")
        (project / name).write_text(text.replace(before, after, 1), encoding="utf-8")
    write_app(project / APP)
    manage = [sys.executable, "manage.py", "makemigrations", "--no-header", "rooms"]
    subprocess.run(manage, cwd=project, check=True)
    commit(project, f"Rooms, each of one tenant ({strategy})")


def update(strategy: str, folder: Path) -> None:
    project = folder / "my_saas"
    before = git("rev-parse", "HEAD", folder=project)
    expect(not cruft.check(project), "cruft check finds a newer version")
    expect(cruft.update(project, skip_apply_ask=True), "cruft update")
    expect(cruft.check(project), "cruft check finds no newer version after the update")
    changed = git("status", "--porcelain", folder=project).splitlines()
    conflicts = [line for line in changed if "U" in line[:2] or line.startswith("AA")]
    conflicts += [str(path.relative_to(project)) for path in project.rglob("*.rej")]
    expect(not conflicts, f"the update has no conflicts {conflicts or ''}")
    for name, (_, after) in EDITS.items():
        expect(
            after in (project / name).read_text(encoding="utf-8"),
            f"the user's change of {name} is kept",
        )
    commit(project, "Update from the template")
    changes = git("diff", "--shortstat", before, "HEAD", folder=project)
    expect(changes, f"{strategy}: {changes}")
    # Only the user's changes may differ from the template now.
    cruft.diff(project)


if __name__ == "__main__":
    what, strategy, folder, *rest = sys.argv[1:]
    {"create": create, "late": late, "work": work, "update": update}[what](
        strategy, Path(folder), *rest
    )
