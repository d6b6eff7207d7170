"""Migrations of an app that knows nothing of tenants."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.indexes import BTreeIndex
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Lower

ID = ("id", models.BigAutoField(primary_key=True))
WORD = migrations.CreateModel(
    "Word",
    [
        ID,
        ("text", models.CharField(max_length=50, unique=True)),
        ("group", models.CharField(max_length=50, default="g")),
        ("number", models.IntegerField(default=1)),
        ("user", models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)),
    ],
)
USE = migrations.CreateModel(
    "Use",
    [
        ID,
        ("word", models.ForeignKey("sample.Word", models.CASCADE, null=True)),
        ("words", models.ManyToManyField("sample.Word", related_name="+")),
    ],
)


def _together(*names: str) -> Any:
    return migrations.AlterUniqueTogether("word", {names} if names else set())


def unique(*fields: str, **kwargs: Any) -> Any:
    constraint = models.UniqueConstraint(fields=fields, name="word_unique", **kwargs)
    return migrations.AddConstraint("word", constraint)


def _expression(*expressions: Any) -> Any:
    constraint = models.UniqueConstraint(*expressions, name="word_unique")
    return migrations.AddConstraint("word", constraint)


def _key(on_delete: Any = models.CASCADE, **kwargs: Any) -> Any:
    return models.ForeignKey("sample.Word", on_delete, null=True, **kwargs)


def _rename_all(apps: Any, editor: Any) -> None:
    apps.get_model("sample", "Word").objects.update(group="renamed")


GROUPS = models.CharField(max_length=50, default="g", unique=True)
HISTORIES: dict[str, list[Any]] = {
    "a field": [migrations.AddField("word", "more", models.IntegerField(default=7))],
    "a unique field": [
        migrations.AddField("word", "more", models.IntegerField(null=True, unique=True)),
        migrations.RemoveField("word", "more"),
    ],
    "a data migration": [migrations.RunPython(_rename_all, migrations.RunPython.noop)],
    "a field that becomes unique": [
        migrations.AlterField("word", "group", GROUPS),
        migrations.RenameField("word", "group", "kind"),
        migrations.AlterField("word", "kind", models.CharField(max_length=60)),
    ],
    "unique no more": [migrations.AlterField("word", "text", models.CharField(max_length=50))],
    "unique together": [
        _together("group", "number"),
        _together("number", "text"),
        _together(),
    ],
    "constraints": [unique("group"), migrations.RemoveConstraint("word", "word_unique")],
    "a constraint with a condition": [unique("group", condition=Q(number=1))],
    "a constraint of equal nulls": [unique("user", nulls_distinct=False)],
    "a deferred constraint": [unique("group", deferrable=models.Deferrable.DEFERRED)],
    "a constraint that includes": [unique("group", include=["number"])],
    "an expression": [_expression(Lower("group"), F("number").desc())],
    "an exclusion constraint": [
        BtreeGistExtension(),
        migrations.AddConstraint(
            "word", ExclusionConstraint(name="word_excludes", expressions=[("group", "=")])
        ),
        migrations.RemoveConstraint("word", "word_excludes"),
    ],
    "an index": [migrations.AddIndex("word", BTreeIndex(fields=["number"], name="word_index"))],
    "names": [
        migrations.RenameModel("Word", "Term"),
        migrations.RenameField("use", "word", "term"),
        migrations.AlterModelTable("use", "another_table"),
    ],
    "smaller ids": [migrations.AlterField("word", "id", models.AutoField(primary_key=True))],
    "one to one": [
        migrations.AlterField(
            "use", "word", models.OneToOneField("sample.Word", models.CASCADE, null=True)
        )
    ],
    "a key by another field": [migrations.AddField("use", "other", _key(to_field="text"))],
    "a late key by another field": [
        migrations.RemoveField("use", "word"),
        migrations.AddField("use", "word", _key(to_field="text")),
    ],
    "deletes in the database": [
        migrations.AlterField("use", "word", _key(on_delete=models.DB_CASCADE)),
        migrations.AlterField("use", "word", _key(on_delete=models.DB_SET_NULL)),
    ],
    "many to many": [
        migrations.AddField("word", "likes", models.ManyToManyField("sample.Word")),
        migrations.RemoveField("use", "words"),
    ],
    "inheritance": [
        migrations.CreateModel("LongWord", [("long", models.TextField())], bases=("sample.Word",))
    ],
    "a primary key with a meaning": [
        migrations.CreateModel(
            "Code", [("code", models.CharField(max_length=9, primary_key=True))]
        ),
        migrations.AddField(
            "use", "code", models.ForeignKey("sample.Code", models.CASCADE, null=True)
        ),
    ],
    "a primary key that is a user": [
        migrations.CreateModel(
            "Profile",
            [
                (
                    "user",
                    models.OneToOneField(
                        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True
                    ),
                )
            ],
        )
    ],
    "a composite primary key": [
        migrations.CreateModel(
            "Cell",
            [
                ("x", models.IntegerField()),
                ("y", models.IntegerField()),
                ("pk", models.CompositePrimaryKey("x", "y")),
            ],
        )
    ],
    "SQL": [
        migrations.RunSQL(
            "CREATE UNIQUE INDEX by_hand ON sample_word (id, text);"
            "ALTER TABLE sample_use ADD CONSTRAINT to_word FOREIGN KEY (word_id) "
            "REFERENCES sample_word ON DELETE SET NULL",
            "ALTER TABLE sample_use DROP CONSTRAINT to_word; DROP INDEX by_hand",
        )
    ],
}
