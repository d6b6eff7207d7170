import apps.isolation.fields
import apps.isolation.strategy.models
import django.db.models.deletion
import django.db.models.manager
import tests.sample.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("tenants", "0001_initial"),
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
                        db_index=False, editable=False, null=True, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "original",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="sample.book",
                    ),
                ),
                (
                    "reader",
                    apps.isolation.fields.UserForeignKey(
                        blank=True, db_index=False, null=True, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "tenant",
                    apps.isolation.strategy.models.TenantForeignKey(
                        blank=True,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("all_rows", django.db.models.manager.Manager()),
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
                (
                    "tenant",
                    apps.isolation.strategy.models.TenantForeignKey(
                        blank=True,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["word"],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("all_rows", django.db.models.manager.Manager()),
            ],
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
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="sample.book",
                    ),
                ),
                (
                    "label",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="sample.label",
                    ),
                ),
                (
                    "tenant",
                    apps.isolation.strategy.models.TenantForeignKey(
                        blank=True,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("all_rows", django.db.models.manager.Manager()),
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
                (
                    "author",
                    apps.isolation.fields.UserForeignKey(
                        db_index=False, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "content_type",
                    apps.isolation.fields.SharedForeignKey(
                        db_index=False, to="contenttypes.contenttype"
                    ),
                ),
                (
                    "label",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="sample.label",
                    ),
                ),
                (
                    "tenant",
                    apps.isolation.strategy.models.TenantForeignKey(
                        blank=True,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("all_rows", django.db.models.manager.Manager()),
            ],
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
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scans",
                        to="sample.book",
                    ),
                ),
                (
                    "tenant",
                    apps.isolation.strategy.models.TenantForeignKey(
                        blank=True,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "uploader",
                    apps.isolation.fields.UserForeignKey(
                        db_index=False, editable=False, null=True, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("all_rows", django.db.models.manager.Manager()),
            ],
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
                        db_index=False, editable=False, null=True, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "tenant",
                    apps.isolation.strategy.models.TenantForeignKey(
                        blank=True,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("all_rows", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name="book",
            name="shelf",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="books",
                to="sample.shelf",
            ),
        ),
        migrations.AddConstraint(
            model_name="label",
            constraint=models.UniqueConstraint(
                fields=("tenant", "word"), name="sample_label_word_unique"
            ),
        ),
        migrations.AddIndex(
            model_name="labelling",
            index=models.Index(fields=["tenant", "book"], name="sample_labelling_book"),
        ),
        migrations.AddIndex(
            model_name="labelling",
            index=models.Index(fields=["tenant", "label"], name="sample_labelling_label"),
        ),
        migrations.AddConstraint(
            model_name="labelling",
            constraint=models.UniqueConstraint(
                fields=("tenant", "book", "label"), name="sample_labelling_unique"
            ),
        ),
        migrations.AddIndex(
            model_name="note",
            index=models.Index(fields=["tenant", "author"], name="sample_note_author"),
        ),
        migrations.AddIndex(
            model_name="note",
            index=models.Index(fields=["tenant", "label"], name="sample_note_label"),
        ),
        migrations.AddIndex(
            model_name="note",
            index=models.Index(fields=["tenant", "content_type"], name="sample_note_content_type"),
        ),
        migrations.AddIndex(
            model_name="scan",
            index=models.Index(fields=["tenant", "book"], name="sample_scan_book"),
        ),
        migrations.AddIndex(
            model_name="scan",
            index=models.Index(fields=["tenant", "uploader"], name="sample_scan_uploader"),
        ),
        migrations.AddIndex(
            model_name="shelf",
            index=models.Index(fields=["tenant", "created_by"], name="sample_shelf_created_by"),
        ),
        migrations.AddConstraint(
            model_name="shelf",
            constraint=models.UniqueConstraint(
                fields=("tenant", "name"), name="sample_shelf_name_unique"
            ),
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
            index=models.Index(fields=["tenant", "status"], name="sample_book_by_status"),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["tenant", "due_on"], name="sample_book_by_due_on"),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["tenant", "shelf"], name="sample_book_shelf"),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["tenant", "original"], name="sample_book_original"),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["tenant", "reader"], name="sample_book_reader"),
        ),
        migrations.AddIndex(
            model_name="book",
            index=models.Index(fields=["tenant", "created_by"], name="sample_book_created_by"),
        ),
        migrations.AddConstraint(
            model_name="book",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["free", "lent", "gone"])),
                name="sample_book_status_is_known",
            ),
        ),
    ]
