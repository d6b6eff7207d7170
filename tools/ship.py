"""Lints what a generated project ships beside its Python, and finds what nothing uses.

Run inside a project, with the programs of the group ``ship`` on PATH: ``python ship.py``. The
linters that read a configuration find it in ``linters/``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

HERE = Path(__file__).parent
CLAIMS = HERE / "claims.py"
CONFIG = HERE / "linters"

# What is installed and not imported, or imported and not installed by itself. deptry reads its
# options from the pyproject.toml that it checks, and from nowhere else.
DEPENDENCIES_ALLOWED = {
    # Named in settings and commands.
    "DEP002": "django-cors-headers|django-htmx|gunicorn|redis|whitenoise",
    "DEP003": "asgiref|psycopg_pool|pydantic_core",  # parts of what is installed by itself
    "DEP004": "opentelemetry|pytest|sentry_sdk",  # loaded where they are wanted
}

LINTERS = (
    ("hadolint", "Dockerfile"),
    ("zizmor", "--offline", "--quiet", "--min-severity=medium", "."),
    ("kingfisher", "scan", "--no-validate", "--no-update-check", "--quiet", "."),
    ("yamllint", "--strict", f"--config-file={CONFIG / 'yamllint.yaml'}", "."),
    ("pymarkdown", "--config", str(CONFIG / "pymarkdown.yaml"), "scan", "--recurse", "."),
    (
        *("deptry", ".", "--no-ansi", "--extend-exclude", "(^|.*/)(tests|testing)/|conftest.py"),
        "--per-rule-ignores",
        ",".join(f"{rule}={names}" for rule, names in DEPENDENCIES_ALLOWED.items()),
    ),
)

# Schemas that come with check-jsonschema, and the files that follow them.
SCHEMAS = {
    "compose-spec": "compose*.yaml",
    "dependabot": ".github/dependabot.yml",
    "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "github-issue-forms": ".github/ISSUE_TEMPLATE/[!c]*.yml",
    "github-workflows": ".github/workflows/*.yml",
}


def run(*command: str) -> None:
    print("+", *command, flush=True)
    subprocess.run(command, check=True)


def output(*command: str, exit_codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in exit_codes:
        sys.exit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def matching(pattern: str) -> list[str]:
    return sorted(map(str, Path().glob(pattern)))


def check_files() -> None:
    """Lint each kind of file by the linter that its users trust."""
    for command in LINTERS:
        run(*command)
    run("shellcheck", *matching("*/*.sh"))
    # It looks for other workflows where the repository begins, which is not this template's.
    run("git", "init", "--quiet")
    run("actionlint", *matching(".github/workflows/*.yml"))
    for schema, pattern in SCHEMAS.items():
        run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *matching(pattern))


def check_dead_code() -> None:
    """Find what no code names. Variables are left out: models and settings are made of them."""
    found = output("vulture", ".", "--config", str(CONFIG / "vulture.toml"), exit_codes=(0, 3))
    left_out = re.compile(r"(^|/)test|unused (attr|var)")
    if dead := [line for line in found.splitlines() if not left_out.search(line)]:
        sys.exit("\n".join(dead))


def check_manifests(made: Path) -> None:
    """Build what would be sent to Kubernetes; check it against its schema, and for safety."""
    paths = {}
    for name in ("overlays/staging", "overlays/production", "monitoring"):
        paths[name] = made / f"{Path(name).name}.yaml"
        paths[name].write_text(output("kubectl", "kustomize", f"deploy/{name}"), encoding="utf-8")
    overlays = [str(path) for name, path in paths.items() if name != "monitoring"]
    run("kubernetes-validate", "--strict", "--quiet", *overlays)
    each = [word for path in ("Dockerfile", *overlays) for word in ("--file", path)]
    run("checkov", "--config-file", str(CONFIG / "checkov.yaml"), *each)


def check_alerts(monitoring: Path) -> None:
    """Have Prometheus itself read the rules, the inside of their manifest, and see each ring."""
    manifest = yaml.safe_load((monitoring / "alerts.yaml").read_text(encoding="utf-8"))
    rules = monitoring / "rules.yaml"
    rules.write_text(yaml.safe_dump(manifest["spec"]), encoding="utf-8")
    example = shutil.copy(HERE / "alerts.yaml", monitoring)
    run("promtool", "check", "rules", str(rules))
    run("promtool", "test", "rules", str(example))


def main() -> None:
    check_files()
    check_dead_code()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        check_manifests(made)
        check_alerts(Path(shutil.move("deploy", made)) / "monitoring")
        # No page needs the folder.
        run("python", "scripts/check_docs.py")
        run("python", str(CLAIMS))


if __name__ == "__main__":
    main()
