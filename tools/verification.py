"""Prove that scripts/verify.sh and claims.py find errors, and perform a task as AGENTS.md says.

Run in a generated project, in an environment with its tools: ``python verification.py STRATEGY``.
Each fault is planted separately, and its check must fail and name itself. Each wrong name on a page
must be found. Then a task is done from start to end: a model gets a `status`, by the rules and with
its migration, until every check passes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CLAIMS = Path(__file__).with_name("claims.py")
MODELS = Path("apps/projects/models.py")
SKILLS = Path(".agents/skills")
ROUTES = "apps/projects/urls.py"
ENVIRONMENT = {
    **os.environ,
    "VIRTUAL_ENV": sys.prefix,
    "UV_PROJECT_ENVIRONMENT": sys.prefix,
}


@dataclass(frozen=True)
class Fault:
    """A change that a check must notice: ``new`` replaces ``old``, or is appended."""

    check: str
    file: str
    new: str
    old: str = ""
    where: str = ""
    """The tests to run, if not all that the check runs."""


FAULTS = {
    "unformatted code": Fault("format", ROUTES, new="x  =  1\n"),
    "an unused import": Fault("lint", ROUTES, new="import os\n"),
    "a wrong type": Fault("types", ROUTES, new="\nx: int = router\n"),
    "an import that points up": Fault(
        "imports",
        "apps/tenants/slugs.py",
        old="import re\n",
        new="import re\nimport apps.projects\n",
    ),
    "a model change without its migration": Fault(
        "migrations",
        str(MODELS),
        old="title = models.CharField(max_length=200)",
        new="title = models.CharField(max_length=99)",
    ),
    "a cookie that is sent without TLS": Fault(
        "deploy",
        "config/settings/production.py",
        old="SESSION_COOKIE_SECURE = True",
        new="SESSION_COOKIE_SECURE = False",
    ),
    "an unscoped query": Fault(
        "tenancy", ROUTES, new='\nEVERY = views.Task.objects.using("owner")\n'
    ),
    "a command that does not exist": Fault(
        "docs", "README.md", new="\nRun `uv run manage.py gone`.\n"
    ),
    "a filter with the wrong comparison": Fault(
        "tests",
        "apps/projects/filters.py",
        old='lookup_expr="lt"',
        new='lookup_expr="gt"',
        where="apps/projects",
    ),
    "a leak": Fault(
        "isolation",
        "apps/projects/selectors.py",
        old=", memberships__tenant_id=require_tenant().id",
        new="",
    ),
}
# A breach of isolation, which the invariants must find.
TOO_MANY_RIGHTS = Fault(
    "isolation",
    "apps/isolation/postgresql/grants.py",
    old="UPDATE, DELETE ON TABLES",
    new="UPDATE, DELETE, TRUNCATE ON TABLES",
)
NO_POLICY = Fault(
    "isolation",
    "apps/isolation/strategy/policies.py",
    old="AS RESTRICTIVE",
    new="AS PERMISSIVE",
)
BREACHES = {"schema": TOO_MANY_RIGHTS, "row": NO_POLICY, "database": TOO_MANY_RIGHTS}

# A page with wrong names of each kind, and the expected messages.
WRONG_NAMES = {
    "Run `manage.py migrate --everything`.": "manage.py migrate has no option --everything",
    "Run `uv run pylint`.": "no such command: pylint",
    "Run `scripts/verify.sh spelling`.": "scripts/verify.sh does not accept spelling",
    "```sh\nuv run manage.py create_tenant\n```": "manage.py create_tenant: Error: the following",
    "Read `docs/missing.md`.": "no such path: docs/missing.md",
    "- Listed:\n\n    ```sh\n    mv a && id=$(pylint . > b)\n    ```": "no such command: pylint",
    '```sh\ntar --directory="$MEDIA_ROOTS" x\n```': "no such setting or variable: MEDIA_ROOTS",
    "Ask `GET /api/v1/nothing/`.": "no such route: /api/v1/nothing/",
    "Set `NO_SUCH_SETTING=1`.": "no such setting or variable: NO_SUCH_SETTING",
    "Derive from `NoSuchModel`.": "no such class: NoSuchModel",
    "Call `apps.isolation.no_such_name()`.": "no such name: apps.isolation.no_such_name",
}
RIGHT_NAMES = """\
Run `uv run manage.py migrate`, or `scripts/verify.sh format`, and see `/api/v1/members/{id}/` and
`GET /healthz/ready` of `apps.observability.views`. `.postgres/`, `config/settings/*.py` are paths,
`SHARED_HOSTS` is a setting, `TenantModel` a class.

```sh
SHARED_HOSTS=localhost uv run manage.py create_tenant acme --name "Acme & Co"   # for now
id=$(psql -c "SELECT 'a' || id" "${DATABASE_URL%/*}/t_${id//-/}") > file.txt
```
"""

# Additions of the task to the skill's model.
STATUS_CHOICES = '''\
class LabelStatus(models.TextChoices):
    """True while the label may be given."""

    OPEN = "open"
    CLOSED = "closed"


'''
STATUS = """\
    status = models.CharField(max_length=6, choices=LabelStatus, default=LabelStatus.OPEN)
"""
STATUS_IS_KNOWN = """\
constraints = [
            tenant_unique("word", name="label_word_unique"),
            models.CheckConstraint(
                condition=models.Q(status__in=LabelStatus.values), name="label_status_is_known"
            ),
        ]
"""


def expect(holds: object, what: str, output: str = "") -> None:
    if not holds:
        sys.exit(f"FAILED  {what}\n{output[-4000:]}")
    print(f"ok  {what}", flush=True)


def verify(*checks: str, **variables: str) -> tuple[int, str]:
    """Run scripts/verify.sh; return its exit status and its output."""
    done = subprocess.run(
        ["scripts/verify.sh", *checks],
        env={**ENVIRONMENT, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    path = Path(fault.file)
    before = path.read_text(encoding="utf-8")
    if fault.old not in before:
        sys.exit(f"FAILED  {fault.file} does not hold {fault.old!r}")
    after = before.replace(fault.old, fault.new, 1) if fault.old else before + fault.new
    path.write_text(after, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def find_faults(strategy: str) -> None:
    for name, fault in {**FAULTS, "a breach of isolation": BREACHES[strategy]}.items():
        with planted(fault):
            status, output = verify(fault.check, PYTEST_ADDOPTS=f"--maxfail=1 {fault.where}")
        named = output.rstrip().endswith(f"verify: {fault.check} failed")
        expect(status == 1 and named, f"{fault.check} notices {name}", output)


def find_wrong_names() -> None:
    wrong = claims_on("\n\n".join(WRONG_NAMES))
    missed = [each for each in WRONG_NAMES.values() if not any(each in line for line in wrong)]
    expect(len(wrong) == len(WRONG_NAMES) and not missed, "claims.py finds wrong names", str(wrong))
    right = claims_on(RIGHT_NAMES)
    expect(not right, "claims.py accepts right names", str(right))


def claims_on(text: str) -> list[str]:
    """Return the problems that claims.py finds on a page with this text."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.md")
        page.write_text(text, encoding="utf-8")
        command = [sys.executable, str(CLAIMS), str(page)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


def do_task() -> None:
    """Follow AGENTS.md: the rules, the model, its migration, and the checks until they pass."""
    rules = Path("AGENTS.md").read_text(encoding="utf-8")
    for skill in ("add-a-model", "migrations", "pr-summary"):
        expect(f"({SKILLS}/{skill}/SKILL.md)" in rules, f"AGENTS.md leads to the skill {skill}")
    skill = (SKILLS / "add-a-model" / "SKILL.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(.*?)```", skill, re.DOTALL)
    model = snippet[snippet.index("class ") :]
    models = MODELS.read_text(encoding="utf-8")

    MODELS.write_text(f"{models}\n\n{model}", encoding="utf-8")
    make_migration()
    status, output = verify("format", "lint", "migrations", "tenancy")
    expect(status == 0, "the model of the skill passes the checks", output)

    changed = model.replace(
        'constraints = [tenant_unique("word", name="label_word_unique")]\n', STATUS_IS_KNOWN
    )
    changed = changed.replace("    created_by =", f"{STATUS}    created_by =")
    MODELS.write_text(f"{models}\n\n{STATUS_CHOICES}{changed}", encoding="utf-8")
    status, output = verify()
    expect(
        status == 1 and output.rstrip().endswith("verify: migrations failed"),
        "without a migration for `status` the report names what is missing",
        output,
    )
    make_migration()
    status, output = verify()
    expect(
        status == 0,
        "with its migration every check passes, and the work can be handed over",
        output,
    )


def make_migration() -> None:
    command = [sys.executable, "manage.py", "makemigrations", "--no-header"]
    subprocess.run(command, env=ENVIRONMENT, check=True)


if __name__ == "__main__":
    find_wrong_names()
    find_faults(sys.argv[1])
    do_task()
