import apps.isolation.fields
import apps.isolation.postgresql.constraints
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
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
                ("time", models.DateTimeField(auto_now_add=True)),
                (
                    "tenant_id",
                    models.UUIDField(help_text="Null for an event of the platform.", null=True),
                ),
                (
                    "actor_id",
                    models.UUIDField(help_text="The user; null for the platform.", null=True),
                ),
                ("action", models.CharField(max_length=64)),
                ("object_type", models.CharField(blank=True, max_length=64)),
                ("object_id", models.CharField(blank=True, max_length=64)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("reason", models.TextField(blank=True, max_length=1000)),
                (
                    "changes",
                    models.JSONField(
                        default=dict,
                        help_text="Values before and after the change, by field.",
                    ),
                ),
            ],
            options={
                "base_manager_name": "platform",
                "default_manager_name": "platform",
                "indexes": [
                    models.Index(fields=["tenant_id", "-id"], name="audit_event_by_tenant")
                ],
                "constraints": [
                    apps.isolation.postgresql.constraints.AppendOnly(
                        name="audit_event_is_append_only"
                    )
                ],
            },
            managers=[
                ("platform", django.db.models.manager.Manager()),
            ],
        ),
    ]
