"""Deletion of a tenant's rows in batches."""

from typing import Any

import pytest

from apps.isolation import tenant_context
from apps.isolation.strategy import provisioning
from tests.isolation.rows import MODELS, make_row
from tests.sample.models import Label
from tests.support import statements


def test_rows_are_deleted_in_batches_and_others_stay(
    acme: Any, globex: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            for number in range(5):
                Label.objects.create(word=str(number))
    monkeypatch.setattr(provisioning, "BATCH", 2)
    with statements() as sent:
        provisioning.deprovision(acme)
    assert sum('DELETE FROM "sample_label" ' in each for each in sent) == 4
    for tenant, count in ((acme, 0), (globex, 5)):
        with tenant_context(tenant):
            assert Label.objects.count() == count


def test_rows_of_every_kind_are_deleted(acme: Any) -> None:
    with tenant_context(acme):
        for model in MODELS:
            make_row(model)
    provisioning.deprovision(acme)
    with tenant_context(acme):
        assert [model for model in MODELS if model._base_manager.exists()] == []
