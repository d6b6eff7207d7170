"""The conformance tests are complete and documented."""

import re

from config.env import BASE_DIR
from tests.isolation.summary import CONFORMANCE


def test_every_conformance_number_has_a_test() -> None:
    folders = [BASE_DIR / "tests", BASE_DIR / "apps"]
    files = [path for folder in folders for path in folder.rglob("test_*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    assert {f"CT{number}" for number in re.findall(r"def test_ct(\d\d)_", text)} == {*CONFORMANCE}


def test_every_conformance_number_is_documented() -> None:
    page = (BASE_DIR / "docs" / "security.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| (CT\d\d) \| (.+?) \|", page, re.MULTILINE)) == CONFORMANCE
