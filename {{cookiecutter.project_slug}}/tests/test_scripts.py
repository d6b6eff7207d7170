"""The scripts of the project."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from apps.isolation.testing import break_invariant, invariants
from config.env import BASE_DIR
from tests.support import run

# A page with an error of each kind, and the expected messages.
ERRORS = {
    "Run `uv run manage.py migrate_all`.": "no such command: manage.py migrate_all",
    "Read [this](missing.md).": "no such page: missing.md",
    "- Listed:\n\n    ```python\n    1 / 0\n    ```": "the snippet fails: ZeroDivisionError",
    "```python\nfrom apps.isolation import nothing\n```": "the snippet fails: ImportError",
}
CORRECT = """\
Run `uv run manage.py migrate --plan`, read [this page](page.md#a-heading), and
[Django's](https://docs.djangoproject.com).

```python title="apps/rooms/models.py"
from apps.rooms import later
```

```python
from apps.isolation.models import TenantModel
```
"""

UNSCOPED_MODEL = """
from django.db import models

class Leak(models.Model):
    tenant = models.CharField(max_length=9)
"""
# Each line of product code bypasses the active tenant.
REACHES = {
    "User.objects.all()": "User.objects",
    "get_user_model().objects.all()": "get_user_model.objects",
    "Membership.platform.all()": "platform",
    "Room._base_manager.all()": "_base_manager",
    "Membership._default_manager.all()": "_default_manager",
    "get_object_or_404(Membership, pk=1)": "get_object_or_404()",
    'Room.objects.using("owner").all()': "using()",
    'Room.objects.raw("SELECT 1")': "raw()",
    "connection.cursor()": "cursor()",
    'cross_tenant(reason="curiosity")': "cross_tenant()",
    'storages["all_tenants"].open("x")': "storages['all_tenants']",
    'files.storages["staticfiles"]': "storages['staticfiles']",
    "storages[alias].listdir('')": "storages[alias]",
    'caches["platform"].get("x")': "caches['platform']",
    'caches["counters"]': "caches['counters']",
    "caches[default]": "caches[default]",
    'FileSystemStorage("/srv")': "FileSystemStorage()",
    "from django.core.cache import caches as stores": "caches",
}


TENANTS = [
    'storages["default"]',
    'caches["default"]',
    "from django.core.cache import caches",
    "ContentType.objects.get_for_id(1)",
]


def test_check_docs_finds_every_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("\n\n".join(ERRORS), encoding="utf-8")
    found = run("scripts/check_docs.py", str(page)).stdout.splitlines()
    assert len(found) == len(ERRORS)
    assert not [error for error in ERRORS.values() if not any(error in line for line in found)]


def test_check_docs_accepts_correct_pages(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(CORRECT, encoding="utf-8")
    process = run("scripts/check_docs.py", str(page))
    assert (process.stdout, process.returncode) == ("", 0), process.stderr


@pytest.mark.django_db(transaction=True)
def test_check_tenancy_checks_the_invariants(acme: object) -> None:
    """It has no other findings in this project."""
    invariant = list(invariants())[-1]
    with break_invariant(invariant):
        process = run("scripts/check_tenancy.py")
    assert process.returncode == 1
    (breach,) = process.stdout.splitlines()
    assert breach.startswith(f"Invariant violated: {invariant}.")


@pytest.mark.django_db
def test_check_tenancy_finds_unsafe_models_and_code(tmp_path: Path) -> None:
    for name in ("apps", "config", "devtools", "scripts", "tests/sample"):
        shutil.copytree(BASE_DIR / name, tmp_path / name)
    settings = tmp_path / "config/settings/apps.py"
    text = settings.read_text(encoding="utf-8")
    apps = text.replace("TENANT_APPS = [\n", 'TENANT_APPS = [\n    "apps.planted",\n')
    settings.write_text(apps, encoding="utf-8")
    product = tmp_path / "apps/planted"
    product.mkdir()
    (product / "__init__.py").touch()
    (product / "models.py").write_text(UNSCOPED_MODEL, encoding="utf-8")
    (product / "reaches.py").write_text("\n".join(REACHES), encoding="utf-8")
    with_reasons = "\n".join(f"# every tenant: a test\n{line}\n" for line in REACHES)
    (product / "with_reasons.py").write_text(with_reasons, encoding="utf-8")
    (product / "tenants.py").write_text("\n".join(TENANTS), encoding="utf-8")
    process = run(str(tmp_path / "scripts/check_tenancy.py"))
    model, *code = process.stdout.splitlines()
    assert model.startswith("isolation.E012: planted.Leak.tenant has the name")
    assert [line.split(": ")[:2] for line in code] == [
        [f"apps/planted/reaches.py:{number}", name]
        for number, name in enumerate(REACHES.values(), start=1)
    ]
    assert process.returncode == 1


def _bootstrap(folder: Path) -> str:
    script = shutil.copy(BASE_DIR / "scripts/bootstrap-env.sh", folder / "scripts")
    subprocess.run([script], check=True, capture_output=True)
    return (folder / ".env").read_text(encoding="utf-8")


def test_bootstrap_env_writes_secrets_once(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    example = "# A secret.\nSECRET_KEY=\n\n# SHARED_HOSTS=localhost\n\nOTHER=\n"
    (tmp_path / ".env.example").write_text(example, encoding="utf-8")
    text = _bootstrap(tmp_path)
    lines = text.splitlines()
    secrets = [line.partition("=")[2] for line in lines if line.startswith(("SECRET", "OTHER"))]
    assert [len(secret) for secret in set(secrets)] == [64, 64]
    assert lines[0::2] == ["# A secret.", "", ""]
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR
    assert _bootstrap(tmp_path) == text


# The folder of the project's tools, and other folders with programs of the same names.
TOOLS = ("ruff", "mypy", "lint-imports", "zensical", "pytest")
OWN, OTHER = ".venv", "other"
# A stand-in for uv, which uses the project's environment and ignores an active one.
UV = '#!/bin/sh\n[ -z "$VIRTUAL_ENV" ] || exit 9\nshift\nVIRTUAL_ENV=$PWD/.venv exec "$@"\n'


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project whose tools print their path, beside another project."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / ".env").touch()
    shutil.copy(BASE_DIR / "scripts/verify.sh", tmp_path / "scripts")
    for folder in (OWN, OTHER, "named"):
        for tool in TOOLS:
            _program(tmp_path / folder / "bin" / tool, f"#!/bin/sh\necho {folder}\n")
    _program(tmp_path / "uv" / "uv", UV)
    return tmp_path


def _verify(project: Path, *checks: str, folder: str = "", **variables: str) -> tuple[int, str]:
    """Run its script in a shell with another active project; "" unsets a variable."""
    other = {
        "VIRTUAL_ENV": str(project / OTHER),
        "PATH": f"{project}/{OTHER}/bin:{project}/uv:/usr/bin:/bin",
    }
    process = subprocess.run(
        [f"./{os.path.relpath(project / 'scripts/verify.sh', project / folder)}", *checks],
        cwd=project / folder,
        env={name: value for name, value in (other | variables).items() if value},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return process.returncode, process.stdout


@pytest.mark.parametrize(
    ("variables", "tools"),
    [
        ({}, OWN),
        ({"VIRTUAL_ENV": ""}, OWN),
        ({"VIRTUAL_ENV": "/nowhere"}, OWN),
        ({"VIRTUAL_ENV": ".venv"}, OWN),
        ({"VIRTUAL_ENV": "named", "UV_PROJECT_ENVIRONMENT": "named"}, "named"),
        ({"CDPATH": "/usr"}, OWN),
    ],
    ids=str,
)
def test_verify_uses_the_projects_tools(
    project: Path, variables: dict[str, str], tools: str
) -> None:
    """Another environment may be active or first on PATH."""
    status, output = _verify(project, "format", **variables)
    assert (status, output) == (0, f"== format\n{tools}\nverify: all is well (format)\n")


def test_verify_works_from_its_folder(project: Path) -> None:
    assert _verify(project, "lint", folder="scripts")[0] == 0


def test_verify_uses_the_uv_of_the_project(project: Path) -> None:
    (project / "uv" / "uv").rename(project / "uv.moved")
    (project / ".tools/bin").mkdir(parents=True)
    (project / "uv.moved").rename(project / ".tools/bin/uv")
    assert _verify(project, "format")[0] == 0


def test_verify_reports_missing_uv(project: Path) -> None:
    shutil.rmtree(project / "uv")
    status, output = _verify(project, "format")
    assert status == 2
    assert output.startswith("verify: found no uv, which installs the tools; ")
    assert output.count("\n") == 1


@pytest.mark.parametrize("tool", TOOLS)
def test_verify_reports_a_missing_tool(project: Path, tool: str) -> None:
    """It does not use another project's tool."""
    (project / OWN / "bin" / tool).unlink()
    status, output = _verify(project, "format")
    assert status == 2
    assert f"/.venv has no {tool}; install the group dev" in output
    assert output.count("\n") == 1


def test_verify_refuses_unknown_checks(project: Path) -> None:
    """An unknown name fails before any check runs. CI tests the checks."""
    status, output = _verify(project, "format", "spelling")
    assert status == 2
    assert output.startswith("verify: there is no check named spelling")
