"""An old project without tenants: all lists are of one company."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class List(models.Model):
    title = models.CharField(max_length=100)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    created = models.DateTimeField(auto_now_add=True)


class Item(models.Model):
    list = models.ForeignKey(List, models.CASCADE, related_name="items")
    text = models.CharField(max_length=200)
    done = models.BooleanField(default=False)
    assigned_to = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    due = models.DateField(null=True)
    created = models.DateTimeField(auto_now_add=True)
