"""Tables of reusable apps: fields of every kind, numbers as keys, and references of every kind.

The app is written into a folder, migrated, and used by processes of its own.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError

from apps.isolation.testing import IDS_ARE_UNIQUE_AMONG_TENANTS
from apps.portability.tests.conftest import Forgery
from tests.support import manage, start

pytestmark = pytest.mark.usefixtures("provisioning")

MODELS = """
from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, IntegerRangeField
from django.db import models
from django.db.models.functions import Upper


class Kind(models.Model):
    parent = models.ForeignKey("self", models.SET_NULL, null=True)
    other = models.ForeignKey("Other", models.SET_NULL, null=True, related_name="+")
    labels = models.ManyToManyField("sample.Label")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    boolean = models.BooleanField(null=True)
    small = models.SmallIntegerField(default=-32768)
    big = models.BigIntegerField(default=9223372036854775807)
    decimal = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    number = models.FloatField(null=True)
    text = models.TextField(max_length=1000, default="")
    char = models.CharField(max_length=20, null=True)
    day = models.DateField(null=True)
    clock = models.TimeField(null=True)
    moment = models.DateTimeField(null=True)
    duration = models.DurationField(null=True)
    details = models.JSONField(null=True)
    binary = models.BinaryField(null=True)
    key = models.UUIDField(null=True)
    address = models.GenericIPAddressField(null=True)
    words = ArrayField(models.CharField(max_length=20, null=True), null=True)
    grid = ArrayField(ArrayField(models.IntegerField()), null=True)
    numbers = IntegerRangeField(null=True)
    moments = DateTimeRangeField(null=True)
    upper = models.GeneratedField(
        expression=Upper("text"), output_field=models.TextField(max_length=1000), db_persist=True
    )


class Other(models.Model):
    kind = models.ForeignKey(Kind, models.CASCADE, related_name="+")


class Child(Kind):
    extra = models.CharField(max_length=20)


class Place(models.Model):
    code = models.CharField(max_length=9, primary_key=True)


class Visit(models.Model):
    child = models.ForeignKey(Child, models.CASCADE)
    place = models.ForeignKey(Place, models.CASCADE)


class Remark(models.Model):
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.CharField(max_length=40)
    subject = GenericForeignKey()
"""

FILL = r"""
import sys
from datetime import date, datetime, time, timedelta, timezone
from uuid import UUID

import django

django.setup()

from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.tenants.models import Tenant
from kinds.models import Child, Kind, Other, Place, Remark, Visit
from tests.sample.models import Label

user = User.objects.create_user(f"owner@{sys.argv[1]}.test")
call_command("create_tenant", sys.argv[1], owner=user.email)
with tenant_context(Tenant.objects.get(slug=sys.argv[1])):
    first, empty, strange, last = (Kind.objects.create() for _ in range(4))
    Kind.objects.filter(pk=first.pk).update(
        boolean=True, decimal="-12345678.1230", number=0.1 + 0.2,
        text="'\"\\ \t\n\r {},[] \u2028 \U0001f600 null", char="", day=date(1, 1, 1),
        clock=time(23, 59, 59, 999999), moment=datetime(2026, 3, 29, 1, 30, tzinfo=timezone.utc),
        duration=timedelta(days=-400, microseconds=1), details={"a": [1.10, None, "\u00e9"]},
        binary=bytes(range(256)), key=UUID(int=7), address="2001:db8::1",
        words=["a,b", None, "NULL", "", '"'], grid=[[1, 2], [3, 4]], numbers=(1, 10),
        moments=(datetime(2026, 1, 1, tzinfo=timezone.utc), None),
        parent=last, by=user,
    )
    with connection.cursor() as cursor:
        # Values that Python cannot represent.
        cursor.execute(
            "UPDATE kinds_kind SET number = 'NaN', moment = 'infinity', details = 'null', "
            "day = '4000-01-01 BC', numbers = 'empty', duration = '1 mon -3 days 04:05:06' "
            "WHERE id = %s", [strange.pk]
        )
        cursor.execute("UPDATE kinds_kind SET number = '-Infinity' WHERE id = %s", [empty.pk])
    Kind.objects.filter(pk=last.pk).update(other=Other.objects.create(kind=first))
    first.labels.add(Label.objects.create(word="red"))
    child = Child.objects.create(extra="x", parent_id=first.pk)
    Visit.objects.create(child=child, place=Place.objects.create(code="7"))
    for subject in (last, user):
        Remark.objects.create(subject=subject)
    Remark.objects.create(content_type=ContentType.objects.get_for_model(Kind), object_id="0")
    empty.delete()
"""

MOVE = """
import sys

import django

django.setup()

from django.core.management import call_command
from apps.portability.tests.conftest import forget
from apps.tenants.models import Tenant

archive = sys.argv[1]
call_command("export_tenant", "acme", archive)
call_command("verify_tenant", "acme", archive)
forget(Tenant.objects.get(slug="acme"))
call_command("import_tenant", archive)
call_command("verify_tenant", "acme", archive)
call_command("tenant_health_check")
"""

REFUSE = """
import sys

import django

django.setup()

from django.core.management import call_command
from apps.portability.tests.conftest import forget
from apps.tenants.models import Tenant

forget(Tenant.objects.get(slug="acme"))
call_command("import_tenant", sys.argv[1])
"""

READ = """
import json
import sys

import django

django.setup()

from apps.isolation import tenant_context
from apps.tenants.models import Tenant
from kinds.models import Kind, Other, Remark, Visit

with tenant_context(Tenant.objects.get(slug=sys.argv[1])):
    last = Kind.objects.get(other__isnull=False)
    first = last.other.kind
    visit = Visit.objects.get()
    new = Other.objects.create(kind=first)
    new.delete()
    print(json.dumps({
        "parent": first.parent_id == last.pk,
        "by": first.by.email,
        "upper": first.upper == first.text.upper(),
        "labels": [label.word for label in first.labels.all()],
        "child": [visit.child.extra, visit.child.parent_id == first.pk, visit.place_id],
        "subjects": [str(each.subject) == str(last) or each.object_id
                     for each in Remark.objects.order_by("pk")],
        "number": first.number,
        "ids": list(Kind.objects.order_by("pk").values_list("pk", flat=True)),
    }))
"""


class App:
    """Commands of a project with the app."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        package = folder / "kinds"
        (package / "migrations").mkdir(parents=True)
        for name in ("__init__", "migrations/__init__"):
            (package / f"{name}.py").touch()
        texts = {"models": MODELS, "fill": FILL, "move": MOVE, "refuse": REFUSE, "read": READ}
        for name, text in texts.items():
            (package / f"{name}.py").write_text(text)
        (folder / "kinds_settings.py").write_text(
            "from config.settings.test import *\n"
            "TENANT_APPS = [*TENANT_APPS, 'kinds']\n"
            "INSTALLED_APPS = [*INSTALLED_APPS, 'django.contrib.postgres', 'kinds']\n"
            "DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n"
            "STORAGES['all_tenants']['OPTIONS'] = {'location': 'MEDIA'}\n".replace(
                "MEDIA", str(folder / "media")
            )
        )
        self._environment = {
            "DJANGO_SETTINGS_MODULE": "kinds_settings",
            "PYTHONPATH": str(folder),
        }

    def manage(self, *arguments: str) -> str:
        """Run a command; raise CommandError with its errors if it fails."""
        return self._run("manage.py", *arguments)

    def python(self, module: str, *arguments: str) -> str:
        """Run a module of the app."""
        return self._run("-m", module, *arguments)

    def _run(self, *arguments: str) -> str:
        with start(*arguments, **self._environment) as process:
            output, errors = process.communicate(timeout=300)
        if process.returncode:
            raise CommandError(output + errors)
        return output


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """Return the app, whose tables are there until the end of the test."""
    app = App(tmp_path)
    app.manage("makemigrations", "kinds", "--verbosity=0")
    app.manage("migrate", "--verbosity=0")
    yield app
    app.manage("migrate", "kinds", "zero", "--skip-checks", "--verbosity=0")
    assert manage("migrate", "--verbosity=0").returncode == 0


def test_round_trip_of_every_kind(app: App, tmp_path: Path) -> None:
    """Of two tenants, so that the second one's numbers follow those of the first."""
    for slug in ("globex", "acme"):
        app.python("kinds.fill", slug)
    before, neighbour = (json.loads(app.python("kinds.read", slug)) for slug in ("acme", "globex"))
    archive = tmp_path / "acme.tar"
    app.python("kinds.move", str(archive))
    after = json.loads(app.python("kinds.read", "acme"))
    assert json.loads(app.python("kinds.read", "globex")) == neighbour
    ids = [found.pop("ids") for found in (before, after)]
    assert after == before
    assert after["subjects"][0] is True
    assert after["subjects"][2] == "0"
    assert len(ids[0]) == len(ids[1])
    is_renumbered = not set(ids[0]) & set(ids[1])
    assert is_renumbered == IDS_ARE_UNIQUE_AMONG_TENANTS
    # Numbers must ascend: otherwise their order would not tell which row is which.
    forgery = Forgery(archive)
    forgery.set_rows("kinds.kind", forgery.rows("kinds.kind")[::-1])
    with pytest.raises(CommandError, match="not in the order of their keys"):
        app.python("kinds.refuse", str(forgery.write()))
