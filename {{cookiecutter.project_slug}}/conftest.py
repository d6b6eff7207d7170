"""What all tests share."""

pytest_plugins = [
    "apps.isolation.testing.fixtures",
    "apps.pages.testing",
    "tests.isolation.summary",
]
