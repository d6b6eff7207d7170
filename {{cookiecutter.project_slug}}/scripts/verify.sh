#!/usr/bin/env bash
# Run all checks of the project, as CI does. Stop at the first failure and name it.
#
#   scripts/verify.sh               all checks, in this order
#   scripts/verify.sh format lint   only these checks
#   scripts/verify.sh isolation     only the isolation tests, which `tests` includes
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "$0")/.."

all=(format lint types imports migrations deploy tenancy docs tests)

check_format() { ruff format --check; }
check_lint() { ruff check; }
check_types() { mypy .; }
check_imports() { lint-imports; }
check_migrations() { python manage.py makemigrations --check --dry-run; }
check_tenancy() { python scripts/check_tenancy.py; }
check_docs() {
    python -m devtools.settings_docs --check &&
        python scripts/check_docs.py &&
        zensical build --strict
}
check_tests() { pytest "${parallel[@]}" --cov; }
check_isolation() { pytest "${parallel[@]}" tests/isolation tests/strategy; }

# Balance the tests among processes, since some take much longer than others.
parallel=(--numprocesses=auto --dist=worksteal)

# Use production settings with local secrets. It connects to no server.
check_deploy() {
    env DJANGO_SETTINGS_MODULE=config.settings.production \
        DATABASE_URL=postgres://runtime:password@db.invalid/product \
        SHARED_HOSTS=example.com TENANT_BASE_DOMAIN=example.com \
        python manage.py check --deploy --fail-level=WARNING
}

[ $# -gt 0 ] || set -- "${all[@]}"
for name in "$@"; do
    if ! declare -F "check_$name" >/dev/null; then
        echo "verify: there is no check named $name; there are: ${all[*]} isolation" >&2
        exit 2
    fi
done

# Use the tools of the project's environment, even if another one is active or first on PATH. If it
# is not active, create and enter it by `uv run`.
environment=${UV_PROJECT_ENVIRONMENT:-.venv}
if [ ! "${VIRTUAL_ENV:-}" -ef "$environment" ]; then
    if ! uv=$(command -v uv || command -v .tools/bin/uv); then
        echo "verify: found no uv, which installs the tools; install it, or name the environment" \
            "that has them in UV_PROJECT_ENVIRONMENT and activate it" >&2
        exit 2
    fi
    unset VIRTUAL_ENV # set by another project; uv would print a warning
    exec "$uv" run scripts/verify.sh "$@"
fi
export PATH="$VIRTUAL_ENV/bin:$PATH"
for tool in ruff mypy lint-imports zensical pytest; do
    if [ ! -x "$VIRTUAL_ENV/bin/$tool" ]; then
        echo "verify: $VIRTUAL_ENV has no $tool; install the group dev, with uv: uv sync" >&2
        exit 2
    fi
done
[ -e .env ] || scripts/bootstrap-env.sh
for name in "$@"; do
    echo "== $name"
    if ! "check_$name"; then
        echo "verify: $name failed" >&2
        exit 1
    fi
done
echo "verify: all is well ($*)"
