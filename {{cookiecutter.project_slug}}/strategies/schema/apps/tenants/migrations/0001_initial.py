import apps.isolation.fields
import apps.tenants.slugs
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.manager
import django_tenants.postgresql_backend.base
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="PendingTenant",
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
                ("is_ready", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="Purge",
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
                ("tenant_id", models.UUIDField(db_index=True)),
                (
                    "actor_id",
                    models.UUIDField(help_text="The user; null for the platform.", null=True),
                ),
                ("reason", models.CharField(blank=True, max_length=255)),
                ("begun_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("found", models.JSONField(help_text="What the tenant had before, by kind.")),
                (
                    "certificate",
                    models.TextField(
                        blank=True, help_text="Signed; empty until the end.", max_length=100000
                    ),
                ),
            ],
            options={
                "ordering": ["-begun_at"],
                "base_manager_name": "platform",
                "default_manager_name": "platform",
            },
            managers=[
                ("platform", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Tenant",
            fields=[
                (
                    "schema_name",
                    models.CharField(
                        db_index=True,
                        max_length=63,
                        unique=True,
                        validators=[django_tenants.postgresql_backend.base._check_schema_name],
                    ),
                ),
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
                    "name",
                    models.CharField(
                        max_length=255,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]+\\Z",
                                "Enter a single line.",
                            )
                        ],
                    ),
                ),
                (
                    "slug",
                    models.CharField(
                        error_messages={"unique": "This name is taken."},
                        max_length=63,
                        unique=True,
                        validators=[apps.tenants.slugs.validate_slug],
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("preparing", "Preparing"),
                            ("importing", "Importing"),
                            ("active", "Active"),
                            ("suspended", "Suspended"),
                            ("moving", "Moving"),
                            ("moved", "Moved"),
                            ("archived", "Archived"),
                            ("purging", "Purging"),
                        ],
                        default="preparing",
                        max_length=9,
                    ),
                ),
                ("settings", models.JSONField(blank=True, default=dict)),
                (
                    "founder_id",
                    models.UUIDField(
                        editable=False,
                        help_text="Who signed up; null for a tenant of the platform's.",
                        null=True,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("archived_at", models.DateTimeField(editable=False, null=True)),
                (
                    "purge_after",
                    models.DateTimeField(
                        editable=False,
                        help_text="When an archived tenant may be purged.",
                        null=True,
                    ),
                ),
                (
                    "hold_reason",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="Why nothing of the tenant may be deleted, as during a lawsuit.",
                        max_length=255,
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "preparing",
                                    "importing",
                                    "active",
                                    "suspended",
                                    "moving",
                                    "moved",
                                    "archived",
                                    "purging",
                                ],
                            )
                        ),
                        name="tenant_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("slug", django.db.models.functions.text.Lower("slug"))),
                        name="tenant_slug_is_lower_case",
                    ),
                    models.UniqueConstraint(
                        apps.tenants.slugs.Skeleton("slug"),
                        name="tenant_slug_looks_like_no_other",
                        violation_error_message="This name is too similar to one that is taken.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Domain",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("domain", models.CharField(max_length=253, unique=True)),
                ("is_primary", models.BooleanField(default=False)),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="domains",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "base_manager_name": "platform",
                "default_manager_name": "platform",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_primary", True)),
                        fields=("tenant",),
                        name="domain_one_primary_per_tenant",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("domain", django.db.models.functions.text.Lower("domain"))
                        ),
                        name="domain_is_lower_case",
                    ),
                ],
            },
            managers=[
                ("platform", django.db.models.manager.Manager()),
            ],
        ),
    ]
