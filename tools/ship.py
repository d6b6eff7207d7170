"""Lints the files of a generated project that are not Python, and finds unused code.

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

# Packages that are installed but not imported, or imported as a dependency of others. deptry reads
# options only from the checked pyproject.toml, so they are passed here.
DEPENDENCIES_ALLOWED = {
    # Named in settings and commands.
    "DEP002": "django-cors-headers|django-htmx|gunicorn|redis|whitenoise",
    "DEP003": "asgiref|psycopg_pool|pydantic_core",  # parts of installed packages
    "DEP004": "opentelemetry|pytest|sentry_sdk",  # imported conditionally
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

# Schemas of check-jsonschema, and the files to check with them.
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
    """Lint each kind of file by its usual linter."""
    for command in LINTERS:
        run(*command)
    run("shellcheck", *matching("*/*.sh"))
    # actionlint looks for workflows in the repository's root, so the project needs its own.
    run("git", "init", "--quiet")
    run("actionlint", *matching(".github/workflows/*.yml"))
    for schema, pattern in SCHEMAS.items():
        run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *matching(pattern))


def check_dead_code() -> None:
    """Find unused code. Variables are ignored, since models and settings consist of them."""
    found = output("vulture", ".", "--config", str(CONFIG / "vulture.toml"), exit_codes=(0, 3))
    left_out = re.compile(r"(^|/)test|unused (attr|var)")
    if dead := [line for line in found.splitlines() if not left_out.search(line)]:
        sys.exit("\n".join(dead))


def check_manifests(made: Path) -> None:
    """Build the Kubernetes manifests; check their schema and security."""
    paths = {}
    for name in ("overlays/staging", "overlays/production", "monitoring"):
        paths[name] = made / f"{Path(name).name}.yaml"
        paths[name].write_text(output("kubectl", "kustomize", f"deploy/{name}"), encoding="utf-8")
    overlays = [str(path) for name, path in paths.items() if name != "monitoring"]
    run("kubernetes-validate", "--strict", "--quiet", *overlays)
    each = [word for path in ("Dockerfile", *overlays) for word in ("--file", path)]
    run("checkov", "--config-file", str(CONFIG / "checkov.yaml"), *each)


def check_alerts(monitoring: Path) -> None:
    """Let Prometheus check the rules, and test that each alert fires."""
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
