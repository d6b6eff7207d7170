import apps.exports.models
import apps.isolation.fields
import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="TenantExport",
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
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("expired", "Expired"),
                        ],
                        default="pending",
                        editable=False,
                        max_length=7,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("completed_at", models.DateTimeField(editable=False, null=True)),
                ("size", models.BigIntegerField(editable=False, help_text="Bytes.", null=True)),
                (
                    "content",
                    models.FileField(editable=False, upload_to=apps.exports.models.place_of),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="exports",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "base_manager_name": "platform",
                "default_manager_name": "platform",
                "indexes": [models.Index(fields=["tenant", "-id"], name="tenant_export_by_tenant")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["pending", "done", "failed", "expired"])
                        ),
                        name="tenant_export_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("completed_at__isnull", False), ("status", "done")),
                            models.Q(("status", "done"), _negated=True),
                            _connector="OR",
                        ),
                        name="tenant_export_completed_if_done",
                    ),
                ],
            },
            managers=[
                ("platform", django.db.models.manager.Manager()),
            ],
        ),
    ]
