"""Fixtures that all tests share."""

pytest_plugins = [
    "apps.isolation.testing.fixtures",
    "apps.pages.testing",
    "tests.buckets",
    "tests.deployment",
    "tests.isolation.summary",
]
