"""What all tests share."""

pytest_plugins = ["apps.isolation.testing.fixtures", "tests.isolation.summary"]
