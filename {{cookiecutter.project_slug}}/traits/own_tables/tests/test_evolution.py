"""Schema changes, forward and backward, in a fleet whose tenants have equal data."""

from typing import Any

import pytest
from django.core.management import call_command

from apps.isolation import tenant_context
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.targets import target_opener
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from tests.deployment import Deployment
from tests.sample.models import Book, Shelf

pytestmark = pytest.mark.usefixtures("provisioning")


def _sql(forwards: str, backwards: str = "") -> str:
    return f"migrations.RunSQL({forwards!r}, {backwards!r} or migrations.RunSQL.noop),"


FIRST = [
    """migrations.CreateModel("Tag", [("id", models.BigAutoField(primary_key=True)),
        ("word", models.CharField(max_length=9, unique=True))]),""",
    _sql("INSERT INTO sample_tag (word) VALUES ('a'), ('b')", "DELETE FROM sample_tag"),
    """migrations.CreateModel("Room", [("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=200)), ("size", models.IntegerField(default=3))]),""",
    _sql("INSERT INTO sample_room (name, size) SELECT name, 4 FROM sample_shelf"),
    'migrations.AlterField("room", "size", models.PositiveIntegerField()),',
    'migrations.AlterUniqueTogether("room", {("name", "size")}),',
    'migrations.RenameField("room", "size", "floor"),',
    """migrations.AddField("room", "shelf",
        models.ForeignKey("sample.shelf", models.SET_NULL, null=True)),""",
    _sql("UPDATE sample_room r SET shelf_id = s.id FROM sample_shelf s WHERE s.name = r.name"),
    """migrations.AlterField("room", "shelf",
        models.OneToOneField("sample.shelf", models.CASCADE)),""",
    """migrations.AddConstraint("room",
        models.CheckConstraint(condition=models.Q(floor__gte=0), name="room_floor")),""",
    """migrations.AddConstraint("room", models.UniqueConstraint(
        fields=["name"], condition=models.Q(floor=4), name="room_on_four")),""",
    'migrations.AddIndex("room", models.Index(fields=["name"], name="room_name")),',
    'migrations.RenameIndex("room", "room_by_name", old_name="room_name"),',
    'migrations.AddField("room", "tags", models.ManyToManyField("sample.tag")),',
    _sql(
        "INSERT INTO sample_room_tags (room_id, tag_id) SELECT r.id, t.id FROM sample_room r, "
        "sample_tag t",
        "DELETE FROM sample_room_tags",
    ),
    'migrations.RenameModel("Room", "Chamber"),',
    'migrations.AlterModelTable("chamber", "halls"),',
    'migrations.AlterField("tag", "id", models.AutoField(primary_key=True)),',
    """migrations.AddField("chamber", "title", models.GeneratedField(
        expression=models.functions.Upper("name"), output_field=models.TextField(),
        db_persist=True)),""",
    'migrations.AddField("chamber", "kind", models.CharField(max_length=9, db_default="hall")),',
    'migrations.AddField("chamber", "facts", models.JSONField(default=dict)),',
]
SECOND = [
    _sql("CREATE VIEW high AS SELECT name, title FROM halls WHERE floor > 3", "DROP VIEW high"),
    _sql("DROP VIEW high", "CREATE VIEW high AS SELECT name, title FROM halls WHERE floor > 3"),
    _sql("CREATE TYPE mood AS ENUM ('fine')", "DROP TYPE mood"),
    _sql("ALTER TABLE halls ADD mood mood DEFAULT 'fine'", "ALTER TABLE halls DROP mood"),
    _sql("ALTER TABLE halls DROP mood", "ALTER TABLE halls ADD mood mood DEFAULT 'fine'"),
    _sql("DROP TYPE mood", "CREATE TYPE mood AS ENUM ('fine')"),
    'migrations.AlterModelTableComment("chamber", "rooms of before"),',
    """migrations.AlterField("chamber", "kind",
        models.TextField(null=True, db_comment="what it is for")),""",
    """migrations.AlterField("chamber", "shelf", models.ForeignKey("sample.shelf", models.PROTECT,
        null=True, related_name="chambers")),""",
    'migrations.AlterModelOptions("chamber", {"ordering": ["name"]}),',
    'migrations.AlterOrderWithRespectTo("chamber", "shelf"),',
    'migrations.AlterOrderWithRespectTo("chamber", None),',
    "migrations.RunPython(shout, migrations.RunPython.noop),",
    """migrations.SeparateDatabaseAndState([migrations.RunSQL(
        "ALTER TABLE halls RENAME facts TO notes", "ALTER TABLE halls RENAME notes TO facts")],
        [migrations.RenameField("chamber", "facts", "notes")]),""",
    'migrations.RemoveField("chamber", "title"),',
    'migrations.RemoveConstraint("chamber", "room_on_four"),',
    'migrations.RemoveIndex("chamber", "room_by_name"),',
    'migrations.AlterUniqueTogether("chamber", set()),',
    """migrations.AddField("book", "chamber",
        models.ForeignKey("sample.chamber", models.SET_NULL, null=True)),""",
    _sql(
        "UPDATE sample_book b SET chamber_id = h.id FROM halls h WHERE h.shelf_id = b.shelf_id",
        "UPDATE sample_book SET chamber_id = NULL",
    ),
    """migrations.AlterField("chamber", "id", models.AutoField(primary_key=True)),""",
    'migrations.RemoveField("book", "chamber"),',
    """migrations.CreateModel("Place", [
        ("pk", models.CompositePrimaryKey("shelf_id", "number")), ("number", models.IntegerField()),
        ("shelf", models.ForeignKey("sample.shelf", models.CASCADE))]),""",
    _sql("INSERT INTO sample_place (shelf_id, number) SELECT id, 1 FROM sample_shelf"),
    'migrations.DeleteModel("Place"),',
    'migrations.RemoveField("chamber", "tags"),',
    'migrations.DeleteModel("Tag"),',
    'migrations.DeleteModel("Chamber"),',
]
ROOMS = """
    SELECT concat_ws(' ', h.name, floor, title, kind, facts, s.name, string_agg(word, ','))
    FROM halls h JOIN sample_shelf s ON s.id = shelf_id JOIN halls_tags t ON chamber_id = h.id
    JOIN sample_tag g ON g.id = tag_id GROUP BY h.id, s.name ORDER BY 1
"""


def _select(tenant: Tenant, query: str) -> list[Any]:
    target = physical_name(tenant.pk)
    with target_opener() as opened, opened(target) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return [value for (value,) in cursor.fetchall()]


def test_forward_and_backward_with_equal_data(deployment: Deployment) -> None:
    tenants = [create_tenant(slug=slug, name=slug) for slug in ("acme", "globex")]
    for tenant in tenants:
        with tenant_context(tenant):
            for name in ("north", "south"):
                Book.objects.create(shelf=Shelf.objects.create(name=name), title="x")
    for operations in [*FIRST, *SECOND]:
        deployment.add(operations)
    middle = deployment.names[len(FIRST)]
    deployment.migrate("sample", middle)
    call_command("check_fleet")
    for tenant in tenants:
        rooms = _select(tenant, ROOMS)
        assert rooms == [f"{n} 4 {n.upper()} hall {{}} {n} a,b" for n in ("north", "south")]
    deployment.migrate()
    call_command("check_fleet")
    newcomer = create_tenant(slug="late", name="Late")
    assert _select(newcomer, "SELECT name FROM sample_shelf") == []
    for tenant in tenants:
        assert _select(tenant, "SELECT name FROM sample_shelf ORDER BY 1") == ["NORTH", "SOUTH"]
    deployment.migrate("sample", deployment.names[0])
    call_command("check_fleet")
    for tenant in tenants:
        assert _select(tenant, "SELECT count(*) FROM sample_book") == [2]
