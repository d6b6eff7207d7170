import apps.isolation.fields
import django.db.models.deletion
import tests.sample.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Book",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=apps.isolation.fields.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[("free", "Free"), ("lent", "Lent"), ("gone", "Gone")],
                        default="free",
                        max_length=4,
                    ),
                ),
                ("due_on", models.DateField(blank=True, null=True)),
                ("position", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    apps.isolation.fields.UserForeignKey(
                        editable=False, null=True, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "original",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="sample.book",
                    ),
                ),
                (
                    "reader",
                    apps.isolation.fields.UserForeignKey(
                        blank=True, null=True, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Label",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=apps.isolation.fields.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("word", models.CharField(max_length=50)),
            ],
            options={
                "ordering": ["word"],
                "constraints": [
                    models.UniqueConstraint(fields=("word",), name="sample_label_word_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="Labelling",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=apps.isolation.fields.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "book",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="sample.book"
                    ),
                ),
                (
                    "label",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="sample.label"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="book",
            name="labels",
            field=models.ManyToManyField(through="sample.Labelling", to="sample.label"),
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=apps.isolation.fields.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("object_id", models.UUIDField()),
                ("details", models.JSONField(default=dict)),
                ("author", apps.isolation.fields.UserForeignKey(to=settings.AUTH_USER_MODEL)),
                (
                    "content_type",
                    apps.isolation.fields.SharedForeignKey(to="contenttypes.contenttype"),
                ),
                (
                    "label",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, to="sample.label"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Scan",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=apps.isolation.fields.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("file", models.FileField(upload_to=tests.sample.models.place_of)),
                ("name", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "book",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scans",
                        to="sample.book",
                    ),
                ),
                (
                    "uploader",
                    apps.isolation.fields.UserForeignKey(
                        editable=False, null=True, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Shelf",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=apps.isolation.fields.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True, max_length=10000)),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("closed", "Closed")],
                        default="open",
                        max_length=6,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    apps.isolation.fields.UserForeignKey(
                        editable=False, null=True, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="book",
            name="shelf",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="books", to="sample.shelf"
            ),
        ),
        migrations.AddConstraint(
            model_name="labelling",
            constraint=models.UniqueConstraint(
                fields=("book", "label"), name="sample_labelling_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="shelf",
            constraint=models.UniqueConstraint(fields=("name",), name="sample_shelf_name_unique"),
        ),
        migrations.AddConstraint(
            model_name="shelf",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "closed"])),
                name="sample_shelf_status_is_known",
            ),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["status"], name="sample_book_by_status"),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["due_on"], name="sample_book_by_due_on"),
        ),
        migrations.AddConstraint(
            model_name="book",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["free", "lent", "gone"])),
                name="sample_book_status_is_known",
            ),
        ),
    ]
