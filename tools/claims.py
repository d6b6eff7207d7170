"""Check that the names on a project's pages exist: commands, paths, routes, settings, classes.

Run in a generated project, in an environment with its tools: ``python claims.py [PAGE…]``, by
default for every page. Links and snippets are checked by scripts/check_docs.py. Needs no database.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import sysconfig
import textwrap
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import django
from django.core.management import CommandError, get_commands
from django.urls import URLPattern, URLResolver, get_resolver

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path.cwd()
PAGES = ("*.md", "docs/**/*.md", "deploy/*.md", ".agents/**/*.md", ".github/**/*.md")
# Files that define settings and variables, and files that define classes.
READERS = ("config/**/*.py", "apps/observability/*.py")
CONFIGURATION = (*READERS, "*.py", "*.yaml", "Dockerfile", "scripts/*.sh", ".github/**/*")
CODE = ("apps/**/*.py", "config/**/*.py", "devtools/**/*.py")

# Programs that the project does not install.
ELSEWHERE = {"curl", "docker", "gh", "git", "openssl", "pg_dump", "pg_restore", "psql", "pyenv"}
ELSEWHERE |= {"echo", "kubectl", "mkdir", "mv", "pip", "python3", "rm", "tar", "uv", "xcaddy"}
ELSEWHERE |= {".tools/bin/pip", ".tools/bin/uv"}
WRAPPERS = {("uv", "run"), (".tools/bin/uv", "run"), ("python",)}  # they run the words after them
MADE = {"uv.lock"}  # commands create it, and git does not ignore it
TUTORIALS = {"tutorial.md", "tutorial-page.md"}  # they name files that the reader creates
SYSTEM = ("/app", "/dev", "/etc", "/opt", "/tmp", "/usr", "/var")  # noqa: S108 - not routes

API = "/api/v1/"  # pages may omit it from a route
PLACE = r"{\w+}"

FENCE = re.compile(r"^( *)```(\w*)(?: title=.*)?\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
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
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    sys.path.insert(0, str(ROOT))
    django.setup()
    pages = [Path(name) for name in sys.argv[1:]] or _find(PAGES)
    problems = [f"{page}:{found}" for page in pages for found in problems_of(page)]
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    return min(len(problems), 1)


def _find(patterns: tuple[str, ...]) -> list[Path]:
    found = {path for pattern in patterns for path in Path().glob(pattern)}
    return sorted(path for path in found if path.is_file())


def problems_of(page: Path) -> Iterator[str]:
    """Yield line and problem of each name on a page that does not exist."""
    if page.name in TUTORIALS:
        return
    text = page.read_text(encoding="utf-8")
    for fence in FENCE.finditer(text):
        for problem in _shell(textwrap.dedent(fence[3])) if fence[2] == "sh" else ():
            yield f"{_line(text, fence.start())}: {problem}"
    prose = _prose(text)
    for span in SPAN.finditer(prose):
        for problem in _span(" ".join(span[1].split())):
            yield f"{_line(prose, span.start())}: {problem}"


def _prose(text: str) -> str:
    """Replace the code blocks of a page by blanks, which keeps line numbers."""
    return FENCE.sub(lambda fence: re.sub(r"\S", " ", fence[0]), text)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _span(code: str) -> Iterator[str]:
    """Check code in a sentence by the first kind whose pattern matches."""
    first = code.split(maxsplit=1)[0]
    if first in {"python", *ELSEWHERE} or re.fullmatch(r"(\./)?(manage\.py|.*\.sh)", first):
        yield from _command(code, whole=False)
        return
    for pattern, problems_of_kind in KINDS.items():
        if match := pattern.fullmatch(code):
            yield from problems_of_kind(match[match.lastindex or 0])
            return


def _path(name: str) -> Iterator[str]:
    if PATH.fullmatch(name) and name not in MADE and not _ignored(name):
        found = list(ROOT.glob(name.strip("/")))
        if not found and f"{API}{re.sub(PLACE, '{}', name)}" not in _routes():
            yield f"no such path: {name}"


@cache
def _ignored(name: str) -> bool:
    """Return whether git ignores a path, which may therefore be missing."""
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
    """Check a line of shell; only a ``whole`` line has all required arguments."""
    for address in ADDRESS.findall(line):
        yield from _route(urlsplit(address).path or "/")
    for words in _simple_commands(line):
        while words and (assignment := ASSIGNMENT.fullmatch(words[0])):
            yield from _setting(assignment[1]) if SETTING.fullmatch(assignment[1]) else ()
            words.pop(0)
        if words:
            yield from _program(words, whole=whole)


def _simple_commands(line: str) -> Iterator[list[str]]:
    """Split a line into simple commands, without redirections."""
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
    """Check the compose file, and the service after the subcommand."""
    file = words[words.index("-f") + 1] if "-f" in words else "compose.yaml"
    yield from _path(file)
    if (ROOT / file).is_file() and (words := [word for word in words if word not in {"-f", file}]):
        _, _, listed = (ROOT / file).read_text(encoding="utf-8").partition("\nservices:")
        services = set(re.findall(r"^  ([\w-]+):$", re.split(r"\n\w", listed)[0], re.MULTILINE))
        named = next((word for word in words[1:] if not word.startswith("-")), None)
        if named and named not in services:
            yield f"no such service in {file}: {named}"


def _script(name: str, arguments: list[str]) -> Iterator[str]:
    """Check that a script of the project is executable and accepts its arguments."""
    path = ROOT / name
    if path.suffix == ".sh":
        if not os.access(path, os.X_OK):
            yield f"not executable: {name}"
        text = path.read_text(encoding="utf-8")
        for word in arguments:
            if not re.search(rf"\b{re.escape(word)}\b", text):
                yield f"{name} does not accept {word}"


KINDS = {ROUTE: _route, FILE: _path, DOTTED: _dotted, SETTING: _setting, CLASS: _class}


if __name__ == "__main__":
    sys.exit(main())
