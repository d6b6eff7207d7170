import apps.isolation.fields
import apps.profiles.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Profile",
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
                ("display_name", models.CharField(blank=True, max_length=255)),
                ("title", models.CharField(blank=True, max_length=100)),
                (
                    "photo",
                    models.FileField(
                        blank=True, editable=False, upload_to=apps.profiles.models.new_place
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "user",
                    apps.isolation.fields.UserForeignKey(
                        db_index=False, editable=False, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user",), name="profile_once_per_user")
                ],
            },
        ),
    ]
