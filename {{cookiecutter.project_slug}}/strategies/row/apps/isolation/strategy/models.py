"""Base classes of tenant models, and of the models of tenants and domains."""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.backends.utils import names_digest
from django.db.models.options import Options
from django.db.models.signals import class_prepared
from django.db.models.sql import Query
from django.dispatch import receiver

from apps.isolation.context import require_tenant
from apps.isolation.exceptions import SharedJoinError, WrongTenantError
from apps.isolation.fields import CurrentTenant, new_id
from apps.isolation.managers import TenantManager
from apps.isolation.ownership import TenantBoundModel


class TenantBase(models.Model):
    """Base of the tenant model. Rows of tenants refer to its id."""

    class Meta:
        abstract = True


class DomainBase(models.Model):
    """Base of the domain model."""

    class Meta:
        abstract = True


class TenantForeignKey(models.ForeignKey[Any, Any]):
    """The owning tenant. It is set on save; saving a row of another tenant raises an error."""

    references_own_tenant = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Fixtures omit the tenant, so that they can be loaded into any tenant.
        self.serialize = False

    def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
        """Omit from migrations the option that this class sets itself."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("serialize", None)
        return name, path, args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> UUID:
        """Return the active tenant's id; raise `WrongTenantError` if the row is another's."""
        active = require_tenant().id
        owner = getattr(model_instance, self.attname)
        if owner is None:
            setattr(model_instance, self.attname, active)
        elif owner != active:
            message = f"{model_instance!r} belongs to another tenant than the active one."
            raise WrongTenantError(message)
        return active

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> None:
        """Raise `SharedJoinError`, since the tenant's row leads to all shared data."""
        message = f"{self.model.__name__}.tenant refers to shared data, which cannot be joined."
        raise SharedJoinError(message)


class TenantModel(TenantBoundModel):
    """Base of every model whose rows belong to a tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = TenantForeignKey(
        settings.TENANT_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        blank=True,
        # No index of its own, since every index of the table begins with it.
        db_index=False,
    )

    objects: ClassVar[TenantManager[Self]] = TenantManager()
    all_rows: ClassVar[TenantManager[Self]] = TenantManager()
    """Base manager, for relations and saves, which must find rows that other managers omit."""

    class Meta:
        abstract = True

    @classmethod
    def starting_query(cls) -> Query:
        """Return a query for the rows of the tenant that is active when the query runs."""
        return models.QuerySet(cls).filter(tenant=CurrentTenant()).query

    def _save_table(self, raw: bool = False, *args: object, **kwargs: object) -> bool:
        """Save the row; a row of a fixture, which is saved raw, gets its tenant here."""
        if raw:
            type(self).tenant.field.pre_save(self, add=True)
        saved: bool = super()._save_table(raw, *args, **kwargs)  # type: ignore[misc] # is Django's
        return saved

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Validate the fields with the active tenant set, for checks of uniqueness within it."""
        self.tenant_id = self.tenant_id or require_tenant().id
        super().clean_fields(exclude)


@receiver(class_prepared)
def _prepare_tenant_model(sender: type[models.Model], **kwargs: object) -> None:
    if not issubclass(sender, TenantModel) or sender._meta.proxy:
        return
    # Relations and saves use the base manager, which must be scoped to the tenant too.
    sender._meta.base_manager_name = "all_rows"
    if all(field.name != "tenant" for field in sender._meta.local_fields):
        _leave_tenant_to_parent(sender._meta)
        return
    for field in sender._meta.local_fields:
        if isinstance(field, models.ForeignKey):
            _index_within_tenant(sender._meta, field)


def _leave_tenant_to_parent(options: Options[Any]) -> None:
    """Remove the tenant from what a child model declares, whose field is its parent's.

    The child's table has the tenant, as all tables do, and migrations add it to uniqueness.
    """
    options.constraints = [_without_tenant(each) for each in options.constraints]
    options.indexes = [_without_tenant(each) for each in options.indexes]


def _without_tenant(declared: Any) -> Any:
    fields = getattr(declared, "fields", ())
    if "tenant" not in fields:
        return declared
    _, args, kwargs = declared.deconstruct()
    kept = [name for name in fields if name != "tenant"]
    return type(declared)(*args, **kwargs | {"fields": kept})


def _index_within_tenant(options: Options[Any], field: Any) -> None:
    """Replace the index of each foreign key by one that begins with the tenant."""
    if field.unique or not field.db_index:
        return
    field.db_index = False
    name = f"{options.db_table}_{field.name}"
    limit = models.Index.max_name_length
    if len(name) > limit:
        name = f"{name[: limit - 9]}_{names_digest(name, length=8)}"
    index = models.Index(fields=["tenant", field.name], name=name)
    options.indexes = [*options.indexes, index]
    options.original_attrs["indexes"] = options.indexes


def tenant_unique(*fields: str, name: str) -> models.UniqueConstraint:
    """Make values of ``fields`` unique within a tenant."""
    return models.UniqueConstraint(fields=["tenant", *fields], name=name)


def tenant_index(*fields: str, name: str) -> models.Index:
    """Index ``fields`` within a tenant."""
    return models.Index(fields=["tenant", *fields], name=name)
