"""Extensions, of which the models use types and operators."""

from django.contrib.postgres.operations import BtreeGistExtension, HStoreExtension
from django.db import migrations


class Migration(migrations.Migration):
    operations = [BtreeGistExtension(), HStoreExtension()]
