from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="MigrationRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("target", models.CharField(max_length=63)),
                ("before", models.CharField(blank=True, max_length=32)),
                ("after", models.CharField(blank=True, max_length=32)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("migrated", "Migrated"),
                            ("current", "Current"),
                            ("failed", "Failed"),
                        ],
                        max_length=8,
                    ),
                ),
                ("seconds", models.FloatField()),
                ("error", models.TextField(blank=True, editable=False)),
                ("finished_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "indexes": [models.Index(fields=["target", "-id"], name="migration_run_by_target")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["migrated", "current", "failed"])),
                        name="migration_run_status_is_known",
                    )
                ],
            },
        ),
    ]
