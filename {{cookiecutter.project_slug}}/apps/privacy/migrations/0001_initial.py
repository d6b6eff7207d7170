import apps.isolation.fields
import apps.privacy.models
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="PrivacyRequest",
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
                ("tenant_id", models.UUIDField()),
                ("user_id", models.UUIDField(help_text="Data subject.")),
                (
                    "requested_by_id",
                    models.UUIDField(help_text="Null for the platform itself.", null=True),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("export", "Export"), ("erase", "Erase")], max_length=6
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        editable=False,
                        max_length=7,
                    ),
                ),
                (
                    "due_on",
                    models.DateField(default=apps.privacy.models.default_due_on, editable=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("completed_at", models.DateTimeField(editable=False, null=True)),
                (
                    "content",
                    models.FileField(editable=False, upload_to=apps.privacy.models.place_of),
                ),
            ],
            options={
                "base_manager_name": "platform",
                "default_manager_name": "platform",
                "indexes": [
                    models.Index(fields=["tenant_id", "-id"], name="privacy_request_by_tenant")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["export", "erase"])),
                        name="privacy_request_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["pending", "running", "done", "failed"])
                        ),
                        name="privacy_request_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("completed_at__isnull", False), ("status", "done")),
                            models.Q(
                                models.Q(("status", "done"), _negated=True), ("completed_at", None)
                            ),
                            _connector="OR",
                        ),
                        name="privacy_request_completed_if_done",
                    ),
                ],
            },
            managers=[
                ("platform", django.db.models.manager.Manager()),
            ],
        ),
    ]
