"""Check that product code stays within the active tenant.

python scripts/check_tenancy.py

It checks that each model is in the right kind of app, that product code does not bypass the active
tenant, and that the invariants of the local database hold. A line that must bypass the tenant needs
a comment with the reason, on it or above it, that begins with ``every tenant:``.
"""

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from django.apps import AppConfig, apps  # noqa: E402 - the project's modules need its folder on the path
from django.conf import settings  # noqa: E402
from django.db import DatabaseError, connections  # noqa: E402
from django.utils.module_loading import import_string  # noqa: E402

from devtools.embedded_postgres import EmbeddedPostgresError, configure_environment  # noqa: E402

ALLOWED = "# every tenant:"
CHECKED = (ast.Attribute, ast.Call, ast.Subscript, ast.ImportFrom)
BY_HAND = "raw SQL, which no manager filters; use the ORM"
ALL = "rows of all tenants, which only the platform may use"

# Names of functions and attributes that bypass the active tenant.
CALLS = {"cursor": BY_HAND, "extra": BY_HAND, "raw": BY_HAND, "cross_tenant": ALL, "QuerySet": ALL}
CALLS["using"] = "names a connection; the router selects it from the tenant"
NAMES = dict.fromkeys(
    ("_base_manager", "_default_manager"), "a manager that needs no tenant; use objects"
)
NAMES["platform"] = ALL
OUTSIDE = "storage that tenants share; use the default one, which is bound to the tenant"
CALLS |= dict.fromkeys(("FileSystemStorage", "InMemoryStorage", "LocMemCache"), OUTSIDE)
# Stores by alias. Product code may name only the tenant's.
STORES = ("storages", "caches")
# Shared models whose rows belong to nobody.
OF_NOBODY = {"ContentType"}
# These use a model's default manager, which for shared models returns the rows of all tenants.
SHORTCUTS = {"get_object_or_404", "get_list_or_404", "aget_object_or_404", "aget_list_or_404"}


def main() -> int:
    """Print the problems; return 1 if there are any."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    try:
        configure_environment()
    except EmbeddedPostgresError as error:
        sys.exit(str(error))
    django.setup()
    problems = [*model_problems(), *code_problems(), *database_problems()]
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    return min(len(problems), 1)


def model_problems() -> Iterator[str]:
    """Run the system checks of models that would break isolation."""
    from apps.isolation.checks import check_tenant_models  # noqa: PLC0415 - after the set-up

    for error in check_tenant_models(None):
        yield f"{error.id}: {error.msg} {error.hint}"


def code_problems() -> Iterator[str]:
    """Find lines in the apps of TENANT_APPS that bypass the active tenant."""
    for app in settings.TENANT_APPS:
        folder = Path(AppConfig.create(app).path)
        for path in sorted(folder.rglob("*.py")):
            if not {"tests", "migrations"} & set(path.relative_to(folder).parts):
                yield from _check_file(path)


def _check_file(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    lines = ["", *text.splitlines()]
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, CHECKED)]
    for node in sorted(nodes, key=lambda node: node.lineno):
        around = lines[node.lineno - 1 : node.lineno + 1]
        if (what := _reach(node)) and not any(ALLOWED in line for line in around):
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {what}"


def _reach(node: ast.Attribute | ast.Call | ast.Subscript | ast.ImportFrom) -> str:
    """Return the name by which code bypasses the active tenant, if it does."""
    if isinstance(node, ast.ImportFrom):
        renamed = [each.name for each in node.names if each.asname and each.name in STORES]
        return (
            f"{renamed[0]}: is imported under another name, which hides its use" if renamed else ""
        )
    if isinstance(node, ast.Subscript):
        name = _last_word(node.value)
        alias = node.slice.value if isinstance(node.slice, ast.Constant) else None
        outside = name in STORES and alias not in _tenants_stores(name)
        return f"{name}[{ast.unparse(node.slice)}]: {OUTSIDE}" if outside else ""
    if isinstance(node, ast.Attribute):
        if node.attr == "objects" and _last_word(node.value) in _shared_models():
            return f"{_last_word(node.value)}.objects: {ALL}"
        return f"{node.attr}: {NAMES[node.attr]}" if node.attr in NAMES else ""
    name = _last_word(node.func)
    if name in SHORTCUTS and node.args and _last_word(node.args[0]) in _shared_models(every=True):
        return f"{name}(): {ALL}"
    return f"{name}(): {CALLS[name]}" if name in CALLS else ""


def _tenants_stores(name: str) -> set[str]:
    """Return the aliases of ``storages`` or ``caches`` that belong to the tenant."""
    if name == "caches":
        return set(settings.CACHES) - set(settings.PLATFORM_CACHES)
    from apps.isolation.integrations.files import TenantStorage  # noqa: PLC0415 - after the set-up

    classes = {
        alias: import_string(options["BACKEND"]) for alias, options in settings.STORAGES.items()
    }
    return {alias for alias, kind in classes.items() if issubclass(kind, TenantStorage)}


def _last_word(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _last_word(node.func)
    return getattr(node, "attr", getattr(node, "id", ""))


def _shared_models(*, every: bool = False) -> set[str]:
    """Return the names of shared models, by default of those whose ``objects`` can be queried."""
    from apps.isolation.app_registry import is_tenant_model  # noqa: PLC0415
    from apps.isolation.managers import PerTenantManager  # noqa: PLC0415 - after the set-up

    return {"get_user_model"} | {
        model.__name__
        for model in apps.get_models()
        if not (is_tenant_model(model) or model.__name__ in OF_NOBODY)
        and (every or not isinstance(getattr(model, "objects", None), PerTenantManager))
    }


def database_problems() -> Iterator[str]:
    """Check the invariants of the database, if it has been migrated."""
    from apps.isolation.app_registry import SHARED_DB  # noqa: PLC0415 - after the set-up
    from apps.isolation.checks import violations  # noqa: PLC0415
    from apps.isolation.migration_state import is_fully_migrated  # noqa: PLC0415

    try:
        if is_fully_migrated(connections[SHARED_DB]):
            yield from violations()
        else:
            sys.stderr.write("The database was not checked: run manage.py migrate first.\n")
    except DatabaseError as error:
        yield f"The database cannot be checked: {error}"


if __name__ == "__main__":
    sys.exit(main())
