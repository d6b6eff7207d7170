"""The debug toolbar with development settings: all its panels open on every host."""

import json
import re
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.support import run

PASSWORD = "let me try it"
# Development settings, with the hasher and the sample app of the test database.
SETTINGS = """
from config.settings.local import *
from config.settings.test import PASSWORD_HASHERS
TENANT_APPS = [*TENANT_APPS, "tests.sample"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.sample"]
"""
# A browser on this machine: it logs in on a tenant's host, opens a page and all its panels, and
# lets the SQL panel explain the statements.
BROWSE = """
import json, re, sys
import django
django.setup()
from html import unescape
from django.test import Client

host, path, email, password = sys.argv[1:]
client = Client(headers={"host": host})
if email:
    assert client.post("/login/", {"email": email, "password": password}).status_code == 302
page = client.get(path)
text = page.content.decode()
found = dict(re.findall(r'data-(request-id|render-panel-url)="([^"]+)"', text))
report = {"page": page.status_code}
for panel in re.findall(r'id="(\\w+Panel)" class="djdt-panelContent', text) if found else ():
    query = {"request_id": found["request-id"], "panel_id": panel}
    answer = client.get(found["render-panel-url"], query)
    report[panel] = [answer.status_code, answer.json().get("content", "")]
signed = re.findall(r'name="signed" value="([^"]+)"', report.get("SQLPanel", ["", ""])[1])
report["explained"] = [
    client.post("/__debug__/sql_explain/", {"signed": unescape(each)}).status_code
    for each in signed
]
print(json.dumps(report))
"""


@pytest.fixture
def browse(provisioning: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return a host's responses to a browser, from a separate process."""
    monkeypatch.setenv("DEMO_PASSWORD", PASSWORD)
    call_command("seed_demo", stdout=StringIO())
    (tmp_path / "browser_settings.py").write_text(SETTINGS, encoding="utf-8")

    def ask(host: str, path: str, email: str = "", **variables: str) -> dict[str, Any]:
        names = {"DJANGO_SETTINGS_MODULE": "browser_settings", "PYTHONPATH": f"{tmp_path}:."}
        done = run("-c", BROWSE, host, path, email, PASSWORD, **names | variables)
        assert done.returncode == 0, done.stderr
        answers: dict[str, Any] = json.loads(done.stdout)
        return answers

    return ask


@pytest.mark.parametrize(
    ("host", "path", "email"),
    [
        ("acme.localhost", "/members/", "owner@acme.test"),
        ("globex.localhost", "/profile/", "viewer@globex.test"),
        ("acme.localhost", "/login/", ""),
        ("localhost", "/", ""),
    ],
)
def test_every_panel_opens(browse: Any, host: str, path: str, email: str) -> None:
    report = browse(host, path, email, DEBUG_TOOLBAR="on")
    assert report.pop("page") == 200
    explained = report.pop("explained")
    assert len(report) > 5
    assert {status for status, _ in report.values()} == {200}
    assert {*explained} <= {200}
    if email:
        assert explained
        shown = unescape(re.sub("<[^>]+>", "", report["SQLPanel"][1]))
        assert "SELECT" in shown


def test_toolbar_is_off_by_default(browse: Any) -> None:
    assert browse("localhost", "/", DEBUG_TOOLBAR="off") == {"page": 200, "explained": []}


@pytest.mark.parametrize("debug", ["on", "off"])
def test_development_routes_are_open_in_development_only(debug: str) -> None:
    """All tools in the settings are tested, and nested URLconfs."""
    code = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        f"settings.DEBUG = {debug == 'on'}\n"
        "settings.DEVELOPMENT_URLS = {'__tool__/': 'django.contrib.admindocs.urls'}\n"
        "from config.urls.development import urlpatterns\n"
        "views = [each.callback for one in urlpatterns for each in one.url_patterns]\n"
        "print(len(views) > 3, all(hasattr(view, 'is_unguarded') for view in views))\n"
    )
    done = run("-c", code, DJANGO_SETTINGS_MODULE="config.settings.test")
    assert done.stdout.split() == [str(debug == "on"), "True"], done.stderr
