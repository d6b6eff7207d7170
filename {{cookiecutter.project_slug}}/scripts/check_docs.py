"""Check the documentation: links, commands and Python snippets of every page.

python scripts/check_docs.py            every page, and the lists of pages and apps
python scripts/check_docs.py PAGE...    these pages

Needs no database. ``zensical build --strict`` checks links to headings in docs/.
"""

import argparse
import os
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import django
from django.apps import AppConfig
from django.conf import settings
from django.core.management import get_commands
from django.test.utils import isolate_apps

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("*.md", "docs/**/*.md", "deploy/*.md", ".agents/**/*.md", ".github/**/*.md")
MAPS = ("AGENTS.md", "README.md")

# A block with a title is a file that the reader writes.
SNIPPET = re.compile(r"^( *)```python\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)[^)]*\)")
COMMAND = re.compile(r"\bmanage\.py ([a-z]\w*)")


def main() -> int:
    """Print the problems; return 1 if there are any."""
    parser = argparse.ArgumentParser(description="Check the documentation.")
    parser.add_argument("pages", nargs="*", type=Path)
    pages = parser.parse_args().pages
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    django.setup()
    problems = [found for page in pages or find_pages() for found in page_problems(page)]
    problems += [] if pages else list_problems()
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    return min(len(problems), 1)


def find_pages() -> list[Path]:
    """Return the pages of the project."""
    return sorted({path for pattern in PAGES for path in Path().glob(pattern)})


def page_problems(page: Path) -> Iterator[str]:
    """Yield a line for each wrong link, command and snippet of a page."""
    text = page.read_text(encoding="utf-8")
    for pattern, problem_of in CHECKS.items():
        for match in pattern.finditer(text):
            if problem := problem_of(page, match[match.lastindex or 0]):
                yield f"{page}:{text.count('\n', 0, match.start()) + 1}: {problem}"


def _link(page: Path, target: str) -> str:
    return "" if (page.parent / target).exists() else f"no such page: {target}"


def _command(_page: Path, name: str) -> str:
    return "" if name in get_commands() else f"no such command: manage.py {name}"


def _snippet(_page: Path, code: str) -> str:
    """Run a snippet as a module of the product; the models that it defines belong to that app."""
    app = AppConfig.create(settings.TENANT_APPS[0]).name
    try:
        # In a separate registry, since the project may have a model of the same name.
        with isolate_apps(app):
            exec(textwrap.dedent(code), {"__name__": f"{app}.snippet"})  # noqa: S102
    except Exception as error:  # noqa: BLE001 - a reader would meet any of them
        return f"the snippet fails: {type(error).__name__}: {error}"
    return ""


CHECKS = {LINK: _link, COMMAND: _command, SNIPPET: _snippet}


def list_problems() -> Iterator[str]:
    """Compare mkdocs.yml with the pages in docs/, and the maps of the project with its apps."""
    listed = set(re.findall(r"\S+\.md$", Path("mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    pages = {path.relative_to("docs").as_posix() for path in Path("docs").rglob("*.md")}
    yield from (f"mkdocs.yml: docs/{name} is missing" for name in sorted(listed - pages))
    yield from (f"mkdocs.yml: docs/{name} is not listed" for name in sorted(pages - listed))
    apps = sorted(path.parent.name for path in Path("apps").glob("*/__init__.py"))
    for page in MAPS:
        text = Path(page).read_text("utf-8")
        missing = [app for app in apps if f"`apps/{app}`" not in text]
        yield from (f"{page}: apps/{app} is not named" for app in missing)


if __name__ == "__main__":
    sys.exit(main())
