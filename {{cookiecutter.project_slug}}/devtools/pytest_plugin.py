"""Gives tests a database before pytest-django reads the settings: `-p devtools.pytest_plugin`."""

from collections.abc import Generator

import pytest

from devtools.embedded_postgres import EmbeddedPostgresError, configure_environment


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """Configure the environment; a wrapper runs before pytest-django's `tryfirst` hook."""
    try:
        configure_environment()
    except EmbeddedPostgresError as error:
        raise pytest.UsageError(str(error)) from error
    return (yield)
