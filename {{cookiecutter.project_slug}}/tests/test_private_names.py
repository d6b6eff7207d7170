"""Undocumented names of Django that the project uses (docs/third-party-apps.md lists them)."""

import inspect
import re
from typing import Any

import pytest
from django.core import checks
from django.core.management import base
from django.db import connection, models
from django.db.backends.postgresql.introspection import DatabaseIntrospection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.deletion import Collector
from django.db.models.options import Options
from django.db.models.sql import Query
from django.dispatch import Signal

from config.env import BASE_DIR
from tests.sample.models import Shelf

PARAMETERS: dict[str, tuple[Any, list[str]]] = {
    "DatabaseSchemaEditor._create_unique_sql": (
        DatabaseSchemaEditor,
        ["self", "model", "fields", "name", "condition", "deferrable", "include", "opclasses"],
    ),
    "DatabaseSchemaEditor._create_fk_sql": (
        DatabaseSchemaEditor,
        ["self", "model", "field", "suffix"],
    ),
    "DatabaseSchemaEditor._constraint_names": (
        DatabaseSchemaEditor,
        ["self", "model", "column_names", "unique", "primary_key", "index", "foreign_key"],
    ),
    "DatabaseIntrospection.get_constraints": (
        DatabaseIntrospection,
        ["self", "cursor", "table_name"],
    ),
    "DatabaseOperations.on_conflict_suffix_sql": (
        DatabaseOperations,
        ["self", "fields", "on_conflict", "update_fields", "unique_fields"],
    ),
    "ForeignKey.get_extra_restriction": (
        models.ForeignKey,
        ["self", "alias", "related_alias"],
    ),
    "Collector.related_objects": (
        Collector,
        ["self", "related_model", "related_fields", "objs"],
    ),
    "sql.Query.as_sql": (Query, ["self", "compiler", "connection"]),
    "Manager._set_creation_counter": (models.Manager, ["self"]),
    "Signal._live_receivers": (Signal, ["self", "sender"]),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_private_names_have_known_signatures(name: str) -> None:
    owner, parameters = PARAMETERS[name]
    found = inspect.signature(getattr(owner, name.rpartition(".")[2])).parameters
    assert list(found)[: len(parameters)] == parameters


def test_page_lists_the_private_names() -> None:
    text = (BASE_DIR / "docs" / "third-party-apps.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`([\w.]+)`", text))
    modules = (BASE_DIR / "apps" / "isolation").rglob("*.py")
    code = "".join(path.read_text(encoding="utf-8") for path in modules)
    for name in PARAMETERS:
        owner, _, attribute = name.partition(".")
        assert (name in listed) == (owner in code and attribute in code), name


def test_managers_and_historical_models_are_unchanged() -> None:
    manager: Any = models.Manager
    assert manager()._queryset_class is models.QuerySet
    assert isinstance(Shelf._meta.local_managers, list)
    assert isinstance(Options(type("Meta", (), {})).local_managers, list)
    state = ProjectState()
    state.add_model(ModelState("sample", "Old", [("id", models.AutoField(primary_key=True))]))
    assert state.apps.get_model("sample", "Old").__module__ == "__fake__"
    assert "checks.run_checks(" in inspect.getsource(base)
    assert checks.run_checks.__name__ == "run_over_shared_data"


def test_schema_editor_has_deferred_sql() -> None:
    editor = DatabaseSchemaEditor(connection, collect_sql=True, atomic=False)
    editor.__enter__()
    kept = vars(editor)
    assert (kept["deferred_sql"], kept["collect_sql"]) == ([], True)
    editor.__exit__(None, None, None)
    assert "REFERENCES" in DatabaseSchemaEditor.sql_create_column_inline_fk
