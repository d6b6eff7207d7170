"""Models that use reusable apps and many features of Django."""

import pgtrigger
import reversion
from auditlog.registry import auditlog
from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import models
from import_export.resources import ModelResource
from simple_history.models import HistoricalRecords
from taggit.managers import TaggableManager
from taggit.models import GenericUUIDTaggedItemBase, TaggedItemBase
from treebeard.mp_tree import MP_Node

from apps.isolation.fields import UserForeignKey
from apps.isolation.models import TenantModel


class TaggedByUUID(GenericUUIDTaggedItemBase, TaggedItemBase):
    """Tags of objects with a UUID, as in taggit's documentation."""


class Person(TenantModel):
    """A model with a unique name, tags, and a history."""

    name = models.CharField(max_length=50, unique=True)
    by = UserForeignKey(null=True)
    tags = TaggableManager(through=TaggedByUUID)
    history = HistoricalRecords()


class PersonResource(ModelResource):
    """Exports and imports persons."""

    class Meta:
        model = Person
        fields = ("name",)
        import_id_fields = ("name",)


class Actor(Person):
    """A model with multi-table inheritance."""

    stage_name = models.CharField(max_length=50, unique=True)


@auditlog.register()
class Passport(TenantModel):
    """A model with a one-to-one relation."""

    person = models.OneToOneField(Person, models.CASCADE)
    number = models.CharField(max_length=9, default="1")


@reversion.register()
class Team(models.Model):
    """A plain model: a numeric id, plain keys, and an automatic many-to-many table."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=50, unique=True)
    colours = ArrayField(models.CharField(max_length=9), default=list, blank=True)
    members = models.ManyToManyField(Person)
    captain = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)


class Remark(models.Model):
    """A model with a generic relation."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.CharField(max_length=40)
    subject = GenericForeignKey()

    class Meta:
        unique_together = [("content_type", "object_id")]


class Chapter(MP_Node):
    """Is a node of a tree."""

    name = models.CharField(max_length=50)


class Entry(models.Model):
    """Is kept by a trigger."""

    amount = models.IntegerField()

    class Meta:
        triggers = [pgtrigger.Protect(name="kept", operation=pgtrigger.Delete)]
