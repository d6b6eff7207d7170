"""System checks refuse models that would break isolation."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import (
    FileSystemStorage,
    InMemoryStorage,
    default_storage,
    storages,
)
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.signals import ModelSignal, post_delete, post_save, pre_delete, pre_save
from django.test.utils import isolate_apps

from apps.isolation.app_registry import tenant_app_labels
from apps.isolation.checks import check_recorders, check_tenant_models
from apps.isolation.fields import SharedForeignKey, UserForeignKey
from apps.isolation.integrations.files import TenantStorage
from apps.isolation.managers import TenantManager, TenantQuerySet
from apps.isolation.models import TenantModel, tenant_index, tenant_unique
from tests.sample.models import Shelf

User = get_user_model()
TENANT_APP, SHARED_APP = "sample", "tenants"


def _shared_model(name: str, **fields: Any) -> Any:
    return _model(models.Model, name, SHARED_APP, fields)


def _tenant_model(name: str, **fields: Any) -> Any:
    return _model(TenantModel, name, TENANT_APP, fields)


def _model(base: type[models.Model], name: str, app: str, fields: dict[str, Any]) -> Any:
    meta = type("Meta", (), {"app_label": app})
    return type(name, (base,), {"__module__": __name__, "Meta": meta, **fields})


def _good() -> None:
    board = _tenant_model("Board", owner=UserForeignKey(null=True))
    _tenant_model("Note", writer=UserForeignKey(personal=True))
    label = _tenant_model("Label", made_in=SharedForeignKey(_shared_model("Country"), null=True))
    pair = _tenant_model(
        "BoardLabel",
        board=models.ForeignKey(board, on_delete=models.CASCADE),
        label=models.ForeignKey(label, on_delete=models.CASCADE),
    )
    _tenant_model("Map", labels=models.ManyToManyField(label, through=_through(pair, label)))
    _tenant_model(
        "Word",
        objects=TenantQuerySet.as_manager(),
        short=TenantManager(),
        other=TenantManager.from_queryset(TenantQuerySet)(),
    )
    _model(
        board,
        "ShortBoard",
        TENANT_APP,
        {"Meta": type("Meta", (), {"proxy": True, "app_label": TENANT_APP})},
    )
    _tenant_model(
        "Poem", text=models.TextField(max_length=9), hash=models.TextField(editable=False)
    )
    _shared_model("City", mayor=models.ForeignKey(User, on_delete=models.PROTECT))


def _through(pair: Any, label: Any) -> Any:
    """Return an explicit through model between maps and labels."""
    return _tenant_model(
        "MapLabel",
        map=models.ForeignKey("sample.Map", on_delete=models.CASCADE),
        label=models.ForeignKey(label, on_delete=models.CASCADE),
        pair=models.ForeignKey(pair, on_delete=models.CASCADE),
    )


def _tenant_model_among_the_shared_data() -> None:
    _model(TenantModel, "Lost", SHARED_APP, {})


def _foreign_key_out_of_the_shared_data() -> None:
    _shared_model("Bill", board=models.ForeignKey(_tenant_model("Board"), models.CASCADE))


def _one_to_one_out_of_the_shared_data() -> None:
    _shared_model("Bill", board=models.OneToOneField(_tenant_model("Board"), models.CASCADE))


def _many_to_many_out_of_the_shared_data() -> None:
    _shared_model("Bill", boards=models.ManyToManyField(_tenant_model("Board")))


def _plain_key_to_a_user() -> None:
    _tenant_model("Board", owner=models.ForeignKey(User, models.CASCADE))


def _plain_key_to_the_shared_data() -> None:
    _tenant_model("Board", country=models.ForeignKey(_shared_model("Country"), models.CASCADE))


def _plain_key_to_a_type() -> None:
    _tenant_model(
        "Remark",
        content_type=models.ForeignKey(ContentType, models.CASCADE),
        object_id=models.UUIDField(),
        subject=GenericForeignKey(),
    )


def _generic_relation_into_the_shared_data() -> None:
    comment = _shared_model(
        "Comment",
        content_type=models.ForeignKey(ContentType, on_delete=models.CASCADE),
        object_id=models.UUIDField(),
        about=GenericForeignKey(),
    )
    _tenant_model("Board", comments=GenericRelation(comment))


def _user_who_cannot_be_erased() -> None:
    _tenant_model("Board", owner=UserForeignKey())


def _shared_key_to_a_user() -> None:
    _tenant_model("Board", owner=SharedForeignKey(User, null=True))


def _one_to_one_to_a_user() -> None:
    _tenant_model("Board", owner=models.OneToOneField(User, models.CASCADE))


def _automatic_many_to_many() -> None:
    _tenant_model("Board", labels=models.ManyToManyField(_tenant_model("Label")))


def _many_to_many_with_oneself() -> None:
    _tenant_model("Board", neighbours=models.ManyToManyField("self"))


def _many_to_many_with_users() -> None:
    _tenant_model("Board", watchers=models.ManyToManyField(User))


def _many_to_many_through_a_model() -> None:
    country = _shared_model("Country")
    board = _tenant_model("Board", seen_in=models.ManyToManyField(country, through="sample.Seen"))
    _tenant_model(
        "Seen",
        board=models.ForeignKey(board, models.CASCADE),
        country=models.ForeignKey(country, models.CASCADE),
    )


def _key_that_the_database_deletes_by() -> None:
    _tenant_model("Board", country=models.ForeignKey(_shared_model("Country"), models.DB_CASCADE))


def _key_to_a_permission() -> None:
    _tenant_model("Board", grants=models.ForeignKey(Permission, models.CASCADE))


def _check(define: Callable[[], None]) -> list[str | None]:
    with isolate_apps("tests.sample", "apps.tenants") as isolated:
        assert isolated
        define()
        found = check_tenant_models(list(isolated.get_app_configs()))
    assert all(problem.hint for problem in found)
    return [problem.id for problem in found]


def _two_tables() -> None:
    _model(_tenant_model("Base"), "Derived", TENANT_APP, {})


def _unique_among_all() -> None:
    _tenant_model("Card", code=models.CharField(max_length=9, unique=True))


def _one_to_one_among_tenants() -> None:
    base = _tenant_model("Base")
    _tenant_model("Detail", base=models.OneToOneField(base, on_delete=models.CASCADE))


def _plain_models() -> None:
    tag = _model(models.Model, "Tag", TENANT_APP, {"text": models.TextField()})
    key = models.ForeignKey(tag, models.CASCADE)
    _model(models.Model, "Use", TENANT_APP, {"tag": key, "objects": models.Manager()})


def _table_of_the_shared_data() -> None:
    _model(_shared_model("Base"), "Derived", TENANT_APP, {})


def _user_who_holds_a_plain_key() -> None:
    _tenant_model(
        "Board", owner=UserForeignKey(null=True), by=models.OneToOneField(User, models.PROTECT)
    )


def _field_of_the_tenants_name() -> None:
    _model(models.Model, "Card", TENANT_APP, {"tenant": models.IntegerField()})


def _key_of_the_tenants_name() -> None:
    kind = _tenant_model("Kind")
    _model(models.Model, "Card", TENANT_APP, {"tenant": models.ForeignKey(kind, models.CASCADE)})


def _column_of_the_tenants_name() -> None:
    _tenant_model("Card", owner=models.UUIDField(db_column="tenant_id"))


def _manager_of_ones_own() -> None:
    _tenant_model("Card", objects=models.Manager())


def _queryset_of_ones_own() -> None:
    _tenant_model("Card", objects=models.QuerySet.as_manager())


def _manager_with_another_queryset() -> None:
    _tenant_model("Card", objects=TenantManager.from_queryset(models.QuerySet)())


def _storage_of_the_machine() -> None:
    _tenant_model("Card", file=models.FileField(storage=FileSystemStorage()))


def _storage_of_the_machine_for_pictures() -> None:
    _tenant_model("Card", file=_ImageField(storage=FileSystemStorage()))


def _storage_by_a_class() -> None:
    _tenant_model("Card", file=models.FileField(storage=FileSystemStorage))


def _storage_by_a_function() -> None:
    _tenant_model("Card", file=models.FileField(storage=lambda: storages["all_tenants"]))


def _storage_by_a_function_that_changes_its_mind() -> None:
    answers = [TenantStorage()]
    choose = lambda: answers.pop() if answers else InMemoryStorage()  # noqa: E731
    _tenant_model("Card", file=models.FileField(storage=choose))


def _storage_of_all_tenants() -> None:
    _tenant_model("Card", file=models.FileField(storage=storages["all_tenants"]))


def _storage_of_the_styles() -> None:
    _tenant_model("Card", file=models.FileField(storage=storages["staticfiles"]))


class _ImageField(models.ImageField):
    """An image field that does not check for Pillow, since no image is read."""

    def check(self, **kwargs: Any) -> list[Any]:
        return []


class _Storage(TenantStorage):
    """A subclass of the tenant storage."""


def _record(**kwargs: Any) -> None:
    """Receive signals as an audit log would, in an app with a key to ContentType."""


_record.__module__ = "django.contrib.auth.signals"


@pytest.mark.parametrize("signal", [post_save, pre_delete, pre_save, post_delete])
@pytest.mark.parametrize(
    ("sender", "problems"), [(Shelf, ["isolation.E013"]), (User, []), (None, ["isolation.W013"])]
)
def test_app_that_records_tenants_rows_in_shared_tables_is_refused(
    signal: ModelSignal, sender: type[models.Model] | None, problems: list[str]
) -> None:
    assert check_recorders(None) == []
    signal.connect(_record, sender=sender)
    try:
        assert [problem.id for problem in check_recorders(None)] == problems
    finally:
        signal.disconnect(_record, sender=sender)


def test_tenant_storage_is_accepted() -> None:
    def define() -> None:
        kinds = [None, default_storage, storages["default"], TenantStorage(), _Storage, _Storage()]
        for number, storage in enumerate(kinds):
            _tenant_model(f"Card{number}", file=models.FileField(storage=storage))
        _shared_model("Logo", file=models.FileField(storage=FileSystemStorage()))

    assert _check(define) == []


def _text_of_any_length() -> None:
    _tenant_model("Card", text=models.TextField(blank=True))


def _line_of_any_length() -> None:
    _tenant_model("Card", line=models.CharField())


@pytest.mark.parametrize(
    ("define", "problem"),
    [
        (_storage_of_the_machine, "isolation.E009"),
        (_storage_of_the_machine_for_pictures, "isolation.E009"),
        (_storage_by_a_class, "isolation.E009"),
        (_storage_by_a_function, "isolation.E009"),
        (_storage_by_a_function_that_changes_its_mind, "isolation.E009"),
        (_storage_of_all_tenants, "isolation.E009"),
        (_storage_of_the_styles, "isolation.E009"),
        (_tenant_model_among_the_shared_data, "isolation.E001"),
        (_foreign_key_out_of_the_shared_data, "isolation.E002"),
        (_one_to_one_out_of_the_shared_data, "isolation.E002"),
        (_many_to_many_out_of_the_shared_data, "isolation.E002"),
        (_generic_relation_into_the_shared_data, "isolation.E003"),
        (_user_who_cannot_be_erased, "isolation.E008"),
        (_shared_key_to_a_user, "isolation.E008"),
        (_field_of_the_tenants_name, "isolation.E012"),
        (_key_of_the_tenants_name, "isolation.E012"),
        (_column_of_the_tenants_name, "isolation.E012"),
        (_manager_of_ones_own, "isolation.E007"),
        (_queryset_of_ones_own, "isolation.E007"),
        (_text_of_any_length, "isolation.E011"),
        (_line_of_any_length, "isolation.E011"),
    ],
)
def test_unsafe_models_are_refused(define: Callable[[], None], problem: str) -> None:
    assert _check(define) == [problem]


@pytest.mark.parametrize(
    "define",
    [
        _many_to_many_with_users,
        _many_to_many_through_a_model,
        _key_to_a_permission,
    ],
)
def test_relation_that_needs_joins_is_accepted_in_one_database(
    define: Callable[[], None], settings: Any
) -> None:
    are_joined = settings.SHARED_DB == DEFAULT_DB_ALIAS
    assert _check(define) == ([] if are_joined else ["isolation.E003"])


def test_key_that_the_database_deletes_by_is_accepted_with_constraints(settings: Any) -> None:
    found = _check(_key_that_the_database_deletes_by)
    assert found == ([] if settings.SHARED_DB_CONSTRAINTS else ["isolation.E003"])


@pytest.mark.parametrize(
    "define",
    [
        _plain_models,
        _plain_key_to_a_user,
        _plain_key_to_the_shared_data,
        _plain_key_to_a_type,
        _one_to_one_to_a_user,
        _manager_with_another_queryset,
        _automatic_many_to_many,
        _many_to_many_with_oneself,
        _unique_among_all,
        _one_to_one_among_tenants,
        _two_tables,
    ],
)
def test_models_that_work_in_django_are_accepted(define: Callable[[], None]) -> None:
    assert _check(define) == []


@pytest.mark.parametrize(
    ("define", "problem"),
    [
        (_user_who_holds_a_plain_key, "isolation.E008"),
        (_table_of_the_shared_data, "isolation.E005"),
    ],
)
def test_plain_relation_that_would_lose_rows_is_refused(
    define: Callable[[], None], problem: str
) -> None:
    assert problem in _check(define)


def test_unbound_plain_model_is_refused(monkeypatch: Any) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("apps.isolation.plain_models.is_tenant_model", lambda model: False)
        assert _check(_plain_models) == ["isolation.E001", "isolation.E001"]


def test_safe_models_are_accepted() -> None:
    assert _check(_good) == []


def test_tenant_apps_may_be_named_by_path_or_config(settings: Any) -> None:
    settings.TENANT_APPS = ["tests.sample", "django.contrib.auth.apps.AuthConfig"]
    assert tenant_app_labels.__wrapped__() == {"sample", "auth"}


@isolate_apps("tests.sample")
def test_declarations_of_child_models_are_accepted() -> None:
    """With multi-table inheritance, the tenant's field is the parent's."""
    parent = _tenant_model("Place")
    meta = {
        "app_label": TENANT_APP,
        "constraints": [tenant_unique("name", name="sample_inn_name")],
        "indexes": [tenant_index("stars", name="sample_inn_stars")],
    }
    fields = {
        "name": models.CharField(max_length=9),
        "stars": models.IntegerField(),
        "shelf": models.ForeignKey(Shelf, models.CASCADE, related_name="+"),
        "Meta": type("Meta", (), meta),
    }
    inn = type(parent)("Inn", (parent,), {"__module__": __name__, **fields})
    assert not [each for each in inn.check(databases=[]) if str(each.id).startswith("models.")]
    (unique,) = inn._meta.constraints
    assert unique.fields == ("name",)


def test_installed_models_are_accepted() -> None:
    assert check_tenant_models(None) == []
