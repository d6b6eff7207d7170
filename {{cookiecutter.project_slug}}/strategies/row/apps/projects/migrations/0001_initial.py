import apps.isolation.fields
import apps.isolation.strategy.models
import apps.projects.models
import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Project",
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
                        choices=[("active", "Active"), ("archived", "Archived")],
                        default="active",
                        max_length=8,
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
        migrations.CreateModel(
            name="Task",
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
                        choices=[("open", "Open"), ("doing", "Doing"), ("done", "Done")],
                        default="open",
                        max_length=5,
                    ),
                ),
                ("due_on", models.DateField(blank=True, null=True)),
                ("position", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "assignee",
                    apps.isolation.fields.UserForeignKey(
                        blank=True, db_index=False, null=True, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "created_by",
                    apps.isolation.fields.UserForeignKey(
                        db_index=False, editable=False, null=True, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tasks",
                        to="projects.project",
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
            name="Attachment",
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
                ("file", models.FileField(upload_to=apps.projects.models.place_of)),
                ("name", models.CharField(max_length=255)),
                ("content_type", models.CharField(max_length=100)),
                ("size", models.PositiveBigIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
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
                (
                    "task",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attachments",
                        to="projects.task",
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
        migrations.AddIndex(
            model_name="project",
            index=models.Index(fields=["tenant", "status"], name="project_by_status"),
        ),
        migrations.AddIndex(
            model_name="project",
            index=models.Index(fields=["tenant", "created_by"], name="projects_project_created_by"),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.UniqueConstraint(
                fields=("tenant", "name"), name="project_name_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["active", "archived"])),
                name="project_status_is_known",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["tenant", "status"], name="task_by_status"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["tenant", "due_on"], name="task_by_due_on"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["tenant", "project"], name="projects_task_project"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["tenant", "assignee"], name="projects_task_assignee"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["tenant", "created_by"], name="projects_task_created_by"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "doing", "done"])),
                name="task_status_is_known",
            ),
        ),
        migrations.AddIndex(
            model_name="attachment",
            index=models.Index(fields=["tenant", "task"], name="projects_attachment_task"),
        ),
        migrations.AddIndex(
            model_name="attachment",
            index=models.Index(fields=["tenant", "uploader"], name="projects_attachment_uploader"),
        ),
    ]
