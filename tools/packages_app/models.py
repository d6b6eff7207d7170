"""A product that uses reusable apps, and whatever else of Django it likes."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from simple_history.models import HistoricalRecords
from taggit.managers import TaggableManager
from taggit.models import GenericUUIDTaggedItemBase, TaggedItemBase

from apps.isolation.fields import UserForeignKey
from apps.isolation.models import TenantModel


class TaggedByUUID(GenericUUIDTaggedItemBase, TaggedItemBase):
    """Tags what has a UUID; as taggit's documentation has it."""


class Person(TenantModel):
    """Has a unique name, tags, and a history."""

    name = models.CharField(max_length=50, unique=True)
    by = UserForeignKey(null=True)
    tags = TaggableManager(through=TaggedByUUID)
    history = HistoricalRecords()


class Actor(Person):
    """Is in two tables."""

    stage_name = models.CharField(max_length=50, unique=True)


class Passport(TenantModel):
    """Is its person's only one."""

    person = models.OneToOneField(Person, models.CASCADE)


class Team(models.Model):
    """Is plain Django: a number for an id, plain keys, and a table that Django makes."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=50, unique=True)
    members = models.ManyToManyField(Person)
    captain = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)


class Remark(models.Model):
    """Is about any row."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.CharField(max_length=40)
    subject = GenericForeignKey()

    class Meta:
        unique_together = [("content_type", "object_id")]
