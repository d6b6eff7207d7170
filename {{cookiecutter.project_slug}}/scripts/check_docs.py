"""Check that the documentation is correct.

python scripts/check_docs.py            every page, the settings and mkdocs.yml
python scripts/check_docs.py PAGE...    these pages

Each command, path, route, setting, environment variable and class that a page names must exist,
each link must lead to a page and its heading, and each Python snippet must run. Needs no database.
"""

import argparse
import contextlib
import io
import os
import re
import shlex
import sys
import sysconfig
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.apps import AppConfig
from django.conf import settings
from django.core.management import CommandError, get_commands
from django.test.utils import isolate_apps
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.text import slugify

ROOT = Path(__file__).resolve().parent.parent
MAPS = ("AGENTS.md", "README.md")
PAGES = ("*.md", "docs/**/*.md", "deploy/*.md", ".agents/**/*.md", ".github/**/*.md")
# Where settings and variables are given their meaning, and where classes are.
READERS = ("config/**/*.py", "apps/observability/*.py")
CONFIGURATION = (*READERS, "*.py", "*.yaml", "Dockerfile", "scripts/*.sh", ".github/**/*")
CODE = ("apps/**/*.py", "config/**/*.py", "devtools/**/*.py")

# Programs that the machine has, or not; the project does not bring them.
ELSEWHERE = {"curl", "docker", "gh", "git", "openssl", "pg_dump", "pg_restore", "psql", "pyenv"}
ELSEWHERE |= {"echo", "kubectl", "mkdir", "mv", "pip", "python3", "rm", "tar", "uv", "xcaddy"}
ELSEWHERE |= {".tools/bin/pip", ".tools/bin/uv"}
WRAPPERS = {("uv", "run"), (".tools/bin/uv", "run"), ("python",)}  # what comes after is run
MADE = {"uv.lock"}  # what a command leaves behind that git does not ignore
TUTORIALS = {"tutorial.md", "tutorial-page.md"}  # they name what their reader is about to make
SYSTEM = ("/app", "/dev", "/etc", "/opt", "/tmp", "/usr", "/var")  # noqa: S108 - not routes

API = "/api/v1/"  # what a route begins with that a page names by the rest
PLACE = r"{\w+}"

# A block with a title is a file that the reader writes.
FENCE = re.compile(r"^( *)```(\w*)(?: title=.*)?\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\((?!\w+:)([^)#]*)#?([^)]*)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(r"[\w.*-]+(/[\w.*{}-]+)*/?")
FILE = re.compile(r".*/.*|\.\w[\w.-]*|[\w.-]+\.(?:example|lock|md|py|sh|toml|ya?ml)|Dockerfile")
ROUTE = re.compile(r"(?:[A-Z]+ )?(/[\w./{}-]*)(?:\?\S*)?")
DOTTED = re.compile(r"((?:apps|config|devtools|tests)(?:\.\w+)+)(?:\(.*\))?")
SETTING = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:[=\[].*)?")
CLASS = re.compile(r"((?:[A-Z][a-z]+){2,})(?:[.(].*)?")
ASSIGNMENT = re.compile(r"(\w+)=.*")
VARIABLE = re.compile(r"\$\{?([A-Z]\w+_\w+)")
ADDRESS = re.compile(r"https?://[\w.]*localhost\S*?(?=[\"'\s]|$)")


def main() -> int:
    """Print the problems; return 1 if there are any."""
    parser = argparse.ArgumentParser(description="Check that the documentation is correct.")
    parser.add_argument("pages", nargs="*", type=Path)
    pages = parser.parse_args().pages
    _set_up()
    problems = [f"{page}:{found}" for page in pages or _find(PAGES) for found in judge(page)]
    if not pages:
        problems += [f"config/variables.py: {found}" for found in declaration_problems()]
        problems += [f"mkdocs.yml: {found}" for found in site_problems()]
        problems += [f"{page}: {found}" for page in MAPS for found in map_problems(page)]
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    return min(len(problems), 1)


def _set_up() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    django.setup()


def _find(patterns: tuple[str, ...]) -> list[Path]:
    found = {path for pattern in patterns for path in Path().glob(pattern)}
    return sorted(path for path in found if path.is_file())


def judge(page: Path) -> Iterator[str]:
    """Yield the line and the problem of each false claim of a page."""
    text = page.read_text(encoding="utf-8")
    yield from _judge_links(page, text)
    if page.name in TUTORIALS:
        return
    for fence in FENCE.finditer(text):
        judges = {"sh": _shell, "python": _snippet}
        for problem in judges.get(fence[2], _nothing)(textwrap.dedent(fence[3])):
            yield f"{_line(text, fence.start())}: {problem}"
    prose = _prose(text)
    for span in SPAN.finditer(prose):
        for problem in _span(" ".join(span[1].split())):
            yield f"{_line(prose, span.start())}: {problem}"


def _judge_links(page: Path, text: str) -> Iterator[str]:
    prose = _prose(text)
    for link in LINK.finditer(prose):
        target = page.parent / link[1] if link[1] else page
        if not target.exists():
            yield f"{_line(prose, link.start())}: no such page: {link[1]}"
        elif link[2] and link[2] not in _anchors(target):
            yield f"{_line(prose, link.start())}: no such heading: {link[1]}#{link[2]}"


def _prose(text: str) -> str:
    """Return a page with blanks in place of its blocks, so that the lines keep their numbers."""
    return FENCE.sub(lambda fence: re.sub(r"\S", " ", fence[0]), text)


def _anchors(page: Path) -> set[str]:
    """Return the names that the headings of a page have in links."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {slugify(heading) for heading in HEADING.findall(prose)}


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _nothing(_: str) -> Iterator[str]:
    yield from ()


def _span(code: str) -> Iterator[str]:
    """Judge a piece of code in a sentence by the first kind that it looks like."""
    first = code.split(maxsplit=1)[0]
    if first in {"python", *ELSEWHERE} or re.fullmatch(r"(\./)?(manage\.py|.*\.sh)", first):
        yield from _command(code, whole=False)
        return
    for pattern, judge_kind in KINDS.items():
        if match := pattern.fullmatch(code):
            yield from judge_kind(match[match.lastindex or 0])
            return


def _path(name: str) -> Iterator[str]:
    if PATH.fullmatch(name) and name not in MADE and not _ignored(name):
        found = list(ROOT.glob(name.strip("/")))
        if not found and f"{API}{re.sub(PLACE, '{}', name)}" not in _routes():
            yield f"no such path: {name}"


@cache
def _ignored(name: str) -> bool:
    """Tell whether git ignores a path, which then comes and goes."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    return name.strip("/").split("/")[0] in {line.strip("/") for line in lines}


def _route(path: str) -> Iterator[str]:
    if path.startswith(SYSTEM):
        return
    wanted = re.sub(PLACE, "{}", path)
    if not any(route == wanted or (route + "/").startswith(wanted) for route in _routes()):
        yield f"no such route: {path}"


@cache
def _routes() -> set[str]:
    def walk(patterns: Sequence[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern).lstrip("^").rstrip("$")
            if isinstance(pattern, URLPattern):
                yield re.sub(r"\(\?P<\w+>[^)]*\)|<[^>]*>", "{}", route).replace("\\", "")
            else:
                yield from walk(pattern.url_patterns, route)

    return set(walk(get_resolver("config.urls.shared").url_patterns, "/"))


def _dotted(name: str) -> Iterator[str]:
    module, _, attribute = name.rpartition(".")
    with contextlib.suppress(ImportError):
        import_module(name)
        return
    try:
        getattr(import_module(module), attribute)
    except (ImportError, AttributeError):
        yield f"no such name: {name}"


def _setting(name: str) -> Iterator[str]:
    if not re.search(rf"\b{name}\b", _text(CONFIGURATION)):
        yield f"no such setting or variable: {name}"


def _class(name: str) -> Iterator[str]:
    if not re.search(rf"\b{name}\b", _text(CODE)):
        yield f"no such class: {name}"


@cache
def _text(patterns: tuple[str, ...]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in _find(patterns))


def _shell(code: str) -> Iterator[str]:
    for line in code.replace("\\\n", " ").splitlines():
        yield from _command(line, whole=True)
        for name in VARIABLE.findall(line):
            yield from _setting(name)


def _command(line: str, *, whole: bool) -> Iterator[str]:
    """Judge a line of shell; only a ``whole`` one has all arguments that the command wants."""
    for address in ADDRESS.findall(line):
        yield from _route(urlsplit(address).path or "/")
    for words in _simple_commands(line):
        while words and (assignment := ASSIGNMENT.fullmatch(words[0])):
            yield from _setting(assignment[1]) if SETTING.fullmatch(assignment[1]) else ()
            words.pop(0)
        if words:
            yield from _program(words, whole=whole)


def _simple_commands(line: str) -> Iterator[list[str]]:
    """Split a line at what stands between programs; drop the files that they write to."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if word == ">":
            next(lexer, "")
        elif set(word) <= set("();<|&"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def _program(words: list[str], *, whole: bool) -> Iterator[str]:
    while wrapper := next((w for w in WRAPPERS if (*words,)[: len(w)] == w), None):
        words = [word for word in words[len(wrapper) :] if word not in {"--", "-m"}]
    if not words or words[0].startswith("-"):
        return
    name = words[0].removeprefix("./")
    if name == "manage.py":
        yield from _manage(words[1:], whole=whole)
    elif words[:2] == ["docker", "compose"]:
        yield from _compose(words[2:])
    elif (ROOT / name).is_file():
        yield from _script(name, words[1:])
    elif Path(sysconfig.get_path("scripts"), name).exists():
        for word in words[1:]:
            yield from _path(word) if "/" in word else ()
    elif name not in ELSEWHERE and not (ROOT / f"{name.replace('.', '/')}.py").is_file():
        yield f"no such command: {name}"


def _manage(words: list[str], *, whole: bool) -> Iterator[str]:
    if not words:
        return
    name, *arguments = words
    if name not in get_commands():
        yield f"no such command: manage.py {name}"
        return
    tenant_option = import_module("apps.isolation.management.tenant_option")
    command = tenant_option.TenantManagementUtility(["manage.py"]).fetch_command(name)
    parser = command.create_parser("manage.py", name)
    for option in {word.split("=")[0] for word in arguments if word.startswith("--")}:
        if option not in parser._option_string_actions:  # noqa: SLF001 - argparse has no other list
            yield f"manage.py {name} has no option {option}"
    if whole and "--help" not in arguments:
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                parser.parse_args(arguments)
        except CommandError as error:
            yield f"manage.py {name}: {error}"


def _compose(words: list[str]) -> Iterator[str]:
    """Judge the file; and the services that are named after the subcommand."""
    file = words[words.index("-f") + 1] if "-f" in words else "compose.yaml"
    yield from _path(file)
    if (ROOT / file).is_file() and (words := [word for word in words if word not in {"-f", file}]):
        _, _, listed = (ROOT / file).read_text(encoding="utf-8").partition("\nservices:")
        services = set(re.findall(r"^  ([\w-]+):$", re.split(r"\n\w", listed)[0], re.MULTILINE))
        named = next((word for word in words[1:] if not word.startswith("-")), None)
        if named and named not in services:
            yield f"no such service in {file}: {named}"


def _script(name: str, arguments: list[str]) -> Iterator[str]:
    """Judge a script of the project: that it can be called, and the words that it takes."""
    path = ROOT / name
    if path.suffix == ".sh":
        if not os.access(path, os.X_OK):
            yield f"not executable: {name}"
        text = path.read_text(encoding="utf-8")
        for word in arguments:
            if not re.search(rf"\b{re.escape(word)}\b", text):
                yield f"{name} does not accept {word}"


def _snippet(code: str) -> Iterator[str]:
    """Run a snippet as a module of the product would be; what it defines belongs to that app."""
    try:
        # In a registry of its own: the project may have a model of the same name by now.
        app = AppConfig.create(settings.TENANT_APPS[0]).name
        with isolate_apps(app):
            exec(code, {"__name__": f"{app}.snippet"})  # noqa: S102
    except Exception as error:  # noqa: BLE001 - whatever it is, the page's reader would meet it
        yield f"the snippet fails: {type(error).__name__}: {error}"


KINDS = {ROUTE: _route, FILE: _path, DOTTED: _dotted, SETTING: _setting, CLASS: _class}


def declaration_problems() -> Iterator[str]:
    """Compare the declared variables with the pages that are made of them."""
    from devtools.settings_docs import outdated  # noqa: PLC0415 - needs the project's folder

    yield from (f"run python -m devtools.settings_docs: {name}" for name in outdated())


def site_problems() -> Iterator[str]:
    """Compare the pages that there are with those that the site leads to."""
    led_to = set(re.findall(r"\S+\.md$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    there = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}
    yield from (f"there is no docs/{name}" for name in sorted(led_to - there))
    yield from (f"docs/{name} is not listed" for name in sorted(there - led_to))


def map_problems(page: str) -> Iterator[str]:
    """Compare the apps that there are with those that a page names."""
    text = (ROOT / page).read_text("utf-8")
    apps = sorted(path.parent.name for path in ROOT.glob("apps/*/__init__.py"))
    yield from (f"it does not name apps/{app}" for app in apps if f"`apps/{app}`" not in text)


if __name__ == "__main__":
    sys.exit(main())
