"""The plan of an adoption: where the rows of each model come from, in SQL."""

import tomllib
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apps.adoption.keys import expand, key_expression, run_of
from apps.portability.exceptions import ArchiveError

type SQL = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A table of the plan, which refuses unknown names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rows(Section):
    """Rows with the columns ``key``, ``slug`` and ``name``, or those of users."""

    query: SQL


class ModelPlan(Section):
    """The rows of a model.

    ``where`` selects those of one tenant, whose key is ``%(key)s``; ``only`` those that are
    adopted at all. ``columns`` has an expression for each column.
    """

    from_: SQL = Field(alias="from")
    where: SQL = "TRUE"
    only: SQL = "TRUE"
    columns: dict[str, SQL]


class Plan(Section):
    """A plan, as its file contains it."""

    source: SQL
    run: Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
    ids: dict[str, Annotated[int, Field(ge=1, le=4095)]] = {}
    tenants: Rows
    users: Rows
    models: dict[str, ModelPlan]

    @classmethod
    def read(cls, path: str) -> Self:
        """Read a plan; raise `ArchiveError` with the first thing that is wrong with it."""
        try:
            plan = cls.model_validate(tomllib.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, ValidationError) as error:
            raise ArchiveError(f"{path} is not valid: {_first(error)}") from error
        if len(set(plan.ids.values())) != len(plan.ids):
            raise ArchiveError(f"{path}: two tables in [ids] have the same number.")
        return plan

    def sql(self, text: str, key: object) -> str:
        """Replace the functions of plans in a SQL text, for the tenant with a key.

        ``id(table, integer)`` is a key; ``own_id`` one of a table that each tenant has by itself.
        ``type(app.Model)`` is the number of a content type.
        """
        shared, own = (partial(self._id, run) for run in (self.run, run_of(self.run, key)))
        return expand(text, {"own_id": own, "id": shared, "type": _type})

    def _id(self, run: str, table: str, expression: str) -> str:
        if table not in self.ids:
            known = max(self.ids.values(), default=0) + 1
            raise ArchiveError(f"id({table}, …): add a line {table} = {known} to [ids].")
        return key_expression(run, self.ids[table], expression)


def _type(name: str, _: str) -> str:
    """Return the number of a content type, for generic relations."""
    try:
        return str(ContentType.objects.get_for_model(apps.get_model(name)).pk)
    except (LookupError, ValueError) as error:
        raise ArchiveError(f"type({name}): there is no such model.") from error


def _first(error: Any) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
