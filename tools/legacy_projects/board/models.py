"""An old project with django-tenants: the app that each tenant's schema has."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Project(models.Model):
    name = models.CharField(max_length=100)
    lead = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    created = models.DateTimeField(auto_now_add=True)


class Task(models.Model):
    project = models.ForeignKey(Project, models.CASCADE)
    title = models.CharField(max_length=200)
    state = models.IntegerField(choices=[(0, "open"), (1, "doing"), (2, "done")], default=0)
    created = models.DateTimeField(auto_now_add=True)
