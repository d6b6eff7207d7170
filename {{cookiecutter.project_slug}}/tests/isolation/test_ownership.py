"""Objects and querysets of one tenant cannot be used in another (CT18)."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS
from django.db.models import F, Model, Prefetch, QuerySet

from apps.isolation import NoTenantError, WrongTenantError, tenant_context
from tests.isolation.conftest import run
from tests.isolation.declarations import column_to_write, unknown_id
from tests.isolation.rows import (
    FILLED,
    MODELS,
    READS,
    WRITES,
    can_be_inserted_in_bulk,
    each_filled_key,
    each_key,
    each_model,
    make_row,
    new_row,
    raw,
    unowned_row,
    value_for,
)

REFUSAL = r"belongs to another tenant|router prevents this relation"


def _everything(model: Any) -> list[Any]:
    return list(model.objects.order_by("pk").values())


def _field(row: Model) -> str:
    return str(column_to_write(type(row)).name)


def _peers(row: Any) -> list[Any]:
    """Read all rows that are related to a row."""
    return [list(getattr(row, name).all()) for name in _accessors(row)]


def _accessors(row: Any) -> list[str]:
    """Return the names of a row's managers of related rows."""
    relations = [relation for relation in row._meta.related_objects if relation.one_to_many]
    return [name for each in relations if (name := each.get_accessor_name())]


USES: dict[str, Callable[[Any], object]] = {
    "save": lambda row: row.save(),
    "save one field": lambda row: row.save(update_fields=[_field(row)]),
    "save where it says": lambda row: row.save(using=DEFAULT_DB_ALIAS),
    "insert among others": lambda row: type(row).objects.bulk_create([row]),
    "update among others": lambda row: type(row).objects.bulk_update([row], [_field(row)]),
    "delete": lambda row: row.delete(),
    "refresh": lambda row: row.refresh_from_db(),
    "refresh one field": lambda row: row.refresh_from_db(fields=[_field(row)]),
    "save asynchronously": lambda row: run(row.asave()),
    "refresh asynchronously": lambda row: run(row.arefresh_from_db()),
    "delete asynchronously": lambda row: run(row.adelete()),
}


@each_model
def test_ct18_object_is_usable_in_its_tenant_only(model: Any, acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        row = make_row(model)
    with tenant_context(globex):
        make_row(model)
        before = _everything(model)
        for use in USES.values():
            with pytest.raises(WrongTenantError, match=REFUSAL):
                use(row)
        if _accessors(row):
            with pytest.raises(WrongTenantError, match=REFUSAL):
                _peers(row)
        assert _everything(model) == before
    for use in USES.values():
        with pytest.raises(NoTenantError):
            use(row)
    with tenant_context(acme):
        for name in ("save", "save one field", "refresh", "update among others", "delete"):
            USES[name](row)


@each_model
def test_ct18_deferred_fields_load_in_their_tenant_only(model: Any, acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        make_row(model)
        row = model.objects.only("pk").get()
    with tenant_context(globex), pytest.raises(WrongTenantError, match=REFUSAL):
        getattr(row, _field(row))


@each_key
def test_ct18_objects_of_two_tenants_cannot_be_related(key: Any, acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        theirs = make_row(key.related_model)
    back = key.remote_field.get_accessor_name()
    with tenant_context(globex):
        ours = make_row(key.model)
        for relate in (
            lambda: setattr(ours, key.name, theirs),
            lambda: key.model(**{key.name: theirs}),
            lambda: key.model.objects.create(**{key.name: theirs}),
        ):
            with pytest.raises((WrongTenantError, ValueError), match=REFUSAL):
                relate()
        if back:
            with pytest.raises((WrongTenantError, ValueError), match=REFUSAL):
                _relate_back(key, theirs, back, ours)
    with tenant_context(acme):
        assert not key.model.objects.filter(**{key.name: theirs}).exists()


def _relate_back(key: Any, target: Any, back: str, row: Any) -> None:
    if key.one_to_one:
        setattr(target, back, row)
    else:
        getattr(target, back).add(row, bulk=False)


def _make_pair(key: Any) -> tuple[Any, Any]:
    """Create a row that refers to another one by a key; return it and the other one."""
    target = make_row(key.related_model)
    return make_row(key.model, **value_for(key, target)), target


@each_filled_key
def test_ct18_related_objects_load_in_their_tenant_only(key: Any, acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        row = key.model.objects.get(pk=_make_pair(key)[0].pk)
    with tenant_context(globex), pytest.raises(WrongTenantError, match=REFUSAL):
        getattr(row, key.name)


def _made(model: Any) -> Any:
    if not can_be_inserted_in_bulk(model):
        return make_row(model)
    return model.objects.bulk_create([new_row(model)])[0]


def _read(model: Any) -> Any:
    make_row(model)
    return model.objects.get()


def _read_by_sql(model: Any) -> Any:
    make_row(model)
    return raw(model)[0]


def _copied(model: Any) -> Any:
    return pickle.loads(pickle.dumps(make_row(model)))  # noqa: S301 - our own


@each_model
@pytest.mark.parametrize("get", [_made, _read, _read_by_sql, _copied])
def test_ct18_every_way_to_create_an_object_binds_it(
    get: Callable[[Any], Any], model: Any, acme: Any, globex: Any
) -> None:
    with tenant_context(acme):
        row = get(model)
    with tenant_context(globex), pytest.raises(WrongTenantError):
        row.save()


@each_model
@pytest.mark.parametrize("use", ["save", "insert among others"])
def test_ct18_unbound_object_belongs_to_the_tenant_that_saves_it(
    use: str, model: Any, acme: Any, globex: Any
) -> None:
    if not can_be_inserted_in_bulk(model):
        use = "save"
    with tenant_context(acme):
        row = unowned_row(model)
        USES[use](row)
    with tenant_context(globex), pytest.raises(WrongTenantError):
        row.save()


SHAPES: dict[str, Callable[[Any], Any]] = {
    "all": lambda q: q.all(),
    "filter": lambda q: q.filter(pk__isnull=False),
    "exclude": lambda q: q.exclude(pk=unknown_id(q.model)),
    "order_by": lambda q: q.order_by("pk"),
    "reverse": lambda q: q.order_by("pk").reverse(),
    "distinct": lambda q: q.distinct(),
    "values": lambda q: q.values(),
    "values_list": lambda q: q.values_list("pk", flat=True),
    "only": lambda q: q.only("pk"),
    "annotate": lambda q: q.annotate(same=F(column_to_write(q.model).name)),
    "union": lambda q: q.union(q.all()),
    "intersection": lambda q: q.intersection(q.all()),
    "slice": lambda q: q[:5],
    "or": lambda q: q | q.all(),
    "select_for_update": lambda q: q.select_for_update(),
    "using": lambda q: q.using(DEFAULT_DB_ALIAS),
    "none": lambda q: q.none(),
    "raw": lambda q: raw(q.model),
    "raw with prefetch": lambda q: raw(q.model).prefetch_related(None),
}


@each_model
def test_ct18_queryset_runs_in_its_tenant_only(model: Any, acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        row = make_row(model)
        shaped = {name: shape(model.objects.all()) for name, shape in SHAPES.items()}
        asked = {name: model.objects.all() for name in READS | WRITES}
    with tenant_context(globex):
        make_row(model)
        before = _everything(model)
        for queryset in shaped.values():
            with pytest.raises(WrongTenantError):
                list(queryset)
        for name, ask in (READS | WRITES).items():
            with pytest.raises(WrongTenantError):
                ask(asked[name])
        assert _everything(model) == before
    for queryset in shaped.values():
        with pytest.raises(NoTenantError):
            list(queryset)
    with tenant_context(acme):
        for name, queryset in shaped.items():
            assert len(list(queryset)) == (0 if name == "none" else 1), name
        assert model.objects.get() == row


@each_model
def test_ct18_queryset_cache_is_readable_in_its_tenant_only(
    model: Any, acme: Any, globex: Any
) -> None:
    """Also a queryset that was created without a tenant, such as an attribute of a view."""
    made_in_none = model.objects.all()
    with tenant_context(acme):
        make_row(model)
        every = [made_in_none, model.objects.all(), raw(model)]
        assert [len(queryset) for queryset in every] == [1, 1, 1]
        every += [pickle.loads(pickle.dumps(queryset)) for queryset in every[:2]]  # noqa: S301
    looks = (list, len, bool, repr, lambda q: q[0])
    for queryset in every:
        for look in looks if isinstance(queryset, QuerySet) else looks[:3]:
            with tenant_context(globex), pytest.raises(WrongTenantError):
                look(queryset)
            with pytest.raises(NoTenantError):
                look(queryset)
    with tenant_context(globex):
        for verb in ("count", "exists"):
            with pytest.raises(WrongTenantError):
                getattr(made_in_none, verb)()
        assert list(made_in_none.all()) == []


@each_model
def test_ct18_unbound_queryset_runs_in_every_tenant(model: Any, acme: Any, globex: Any) -> None:
    queryset = model.objects.order_by("pk")
    for tenant in (acme, globex):
        with tenant_context(tenant):
            row = make_row(model)
            assert list(queryset.all()) == [row]


@pytest.mark.parametrize("chunk_size", [1, 2], ids=["fetched later", "fetched at once"])
@each_model
def test_ct18_iterator_continues_in_its_tenant_only(
    model: Any, chunk_size: int, acme: Any, globex: Any
) -> None:
    with tenant_context(acme):
        for _ in range(2):
            make_row(model)
        iterator = iter(model.objects.iterator(chunk_size=chunk_size))
        next(iterator)
    with tenant_context(globex), pytest.raises(WrongTenantError):
        next(iterator)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("chunk_size", [1, 2], ids=["fetched later", "fetched at once"])
@each_model
def test_ct18_async_iterator_continues_in_its_tenant_only(
    model: Any, chunk_size: int, acme: Any, globex: Any
) -> None:
    with tenant_context(acme):
        for _ in range(2):
            make_row(model)

    async def switch() -> None:
        async with tenant_context(acme):
            rows = model.objects.aiterator(chunk_size=chunk_size)
            await anext(rows)
        async with tenant_context(globex):
            await anext(rows)

    with pytest.raises(WrongTenantError):
        run(switch())


def _is_to_many(key: Any) -> bool:
    return bool(key.many_to_one and key.remote_field.get_accessor_name())


@pytest.mark.parametrize("key", [key for key in FILLED if _is_to_many(key)], ids=str)
def test_ct18_prefetch_runs_in_its_tenant_only(key: Any, acme: Any, globex: Any) -> None:
    target, back = key.related_model, key.remote_field.get_accessor_name()
    with tenant_context(acme):
        prefetch = Prefetch(back, queryset=key.model.objects.all())
        read = target.objects.prefetch_related(back).get(pk=_make_pair(key)[1].pk)
    with tenant_context(globex):
        _make_pair(key)
        with pytest.raises(WrongTenantError):
            list(target.objects.prefetch_related(prefetch))
        with pytest.raises(WrongTenantError):
            list(getattr(read, back).all())
    with tenant_context(acme):
        assert getattr(read, back).count() == 1


def test_ct18_models_exist() -> None:
    assert MODELS
