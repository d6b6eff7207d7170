"""A source: an old project with integer keys and a column for the customer."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from apps.isolation.app_registry import OWNER

TABLES = """
DROP SCHEMA IF EXISTS legacy CASCADE;
CREATE SCHEMA legacy;
CREATE TABLE legacy.crm_customer (id int PRIMARY KEY, slug text, name text);
CREATE TABLE legacy.auth_user (
    id int PRIMARY KEY, email text, first_name text, is_superuser bool, customer_id int
);
CREATE TABLE legacy.pm_board (
    id int PRIMARY KEY, customer_id int, title text, owner_id int, made timestamptz
);
CREATE TABLE legacy.pm_card (
    id int PRIMARY KEY, board_id int, previous_id int, headline text, state int, due date
);
CREATE TABLE legacy.pm_tag (id int PRIMARY KEY, customer_id int, word text);
CREATE TABLE legacy.pm_card_tags (id int PRIMARY KEY, card_id int, tag_id int);
CREATE TABLE legacy.pm_file (id int PRIMARY KEY, card_id int, file text);
CREATE TABLE legacy.pm_remark (id int PRIMARY KEY, user_id int, card_id int, text text);

INSERT INTO legacy.crm_customer VALUES (1, 'acme', 'Acme'), (2, 'globex', 'Globex');
INSERT INTO legacy.auth_user VALUES
    (1, 'Owner@Acme.test', 'Ann', true, 1), (2, 'member@acme.test', 'Bob', false, 1),
    (3, 'owner@globex.test', 'Cem', true, 2);
INSERT INTO legacy.pm_board
    SELECT n, 1 + n % 2, 'Board ' || n, CASE WHEN n % 2 = 0 THEN 1 ELSE 3 END, '2020-01-01 00:00+2'
    FROM generate_series(1, 4) n;
INSERT INTO legacy.pm_card
    SELECT n, 1 + n % 4, CASE WHEN n > 4 THEN n - 4 END, 'Card 100 % ' || n, n % 2, '2026-02-28'
    FROM generate_series(1, 40) n;
INSERT INTO legacy.pm_tag VALUES (1, 1, 'red'), (2, 2, 'red');
INSERT INTO legacy.pm_card_tags
    SELECT n, n, CASE WHEN (1 + n % 4) % 2 = 0 THEN 1 ELSE 2 END FROM generate_series(1, 10) n;
INSERT INTO legacy.pm_file VALUES (1, 1, 'cards/1.txt');
INSERT INTO legacy.pm_remark VALUES (1, 1, 1, 'fine');
"""

PLAN = r"""
source = "env:LEGACY_URL"
run = "7c3a91e0"

[ids]
auth_user = 1
pm_board = 2
pm_card = 3
pm_tag = 4
pm_card_tags = 5
pm_file = 6
pm_remark = 7

[tenants]
query = "SELECT id AS key, slug, name FROM crm_customer"

[users]
query = '''
SELECT id(auth_user, id) AS id, email, first_name AS full_name,
    CASE WHEN is_superuser THEN 'owner' ELSE 'member' END AS role
FROM auth_user WHERE customer_id = %(key)s
'''

[models."sample.Shelf"]
from = "pm_board b"
where = "b.customer_id = %(key)s"
[models."sample.Shelf".columns]
id = "id(pm_board, b.id)"
name = "b.title"
created_by_id = "id(auth_user, b.owner_id)"
created_at = "b.made"
updated_at = "b.made"

[models."sample.Book"]
from = "pm_card c JOIN pm_board b ON b.id = c.board_id"
where = "b.customer_id = %(key)s"
only = "c.headline NOT LIKE 'deleted%'"
[models."sample.Book".columns]
id = "id(pm_card, c.id)"
shelf_id = "id(pm_board, c.board_id)"
original_id = "id(pm_card, c.previous_id)"
title = "c.headline"
status = "CASE c.state WHEN 1 THEN 'lent' ELSE 'free' END"
due_on = "c.due"
created_at = "b.made"
updated_at = "b.made"

[models."sample.Label"]
from = "pm_tag g"
where = "g.customer_id = %(key)s"
[models."sample.Label".columns]
id = "id(pm_tag, g.id)"
word = "g.word"

[models."sample.Labelling"]
from = "pm_card_tags x JOIN pm_card c ON c.id = x.card_id JOIN pm_board b ON b.id = c.board_id"
where = "b.customer_id = %(key)s"
[models."sample.Labelling".columns]
id = "id(pm_card_tags, x.id)"
book_id = "id(pm_card, x.card_id)"
label_id = "id(pm_tag, x.tag_id)"

[models."sample.Scan"]
from = "pm_file f JOIN pm_card c ON c.id = f.card_id JOIN pm_board b ON b.id = c.board_id"
where = "b.customer_id = %(key)s"
[models."sample.Scan".columns]
id = "id(pm_file, f.id)"
book_id = "id(pm_card, f.card_id)"
file = "f.file"
name = "f.file"
created_at = "b.made"

[models."sample.Note"]
from = "pm_remark r JOIN auth_user u ON u.id = r.user_id"
where = "u.customer_id = %(key)s"
[models."sample.Note".columns]
id = "id(pm_remark, r.id)"
author_id = "id(auth_user, r.user_id)"
content_type_id = "type(sample.Book)"
object_id = "id(pm_card, r.card_id)"
details = "jsonb_build_object('text', r.text)"
"""

type Adopt = Callable[..., Any]
type Execute = Callable[[str], None]


@pytest.fixture
def execute() -> Execute:
    """Return a function that runs SQL in the database of the source."""

    def execute(query: str) -> None:
        with connections[OWNER].cursor() as cursor:
            cursor.execute(query)

    return execute


@pytest.fixture
def legacy(
    provisioning: None, execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Create the source; return the folder of its files."""
    execute(TABLES)
    # Tests in parallel share a server, and a tenant's id may name its storage there.
    monkeypatch.setattr("apps.adoption.source.NAMESPACE", uuid4())
    values = connections[OWNER].settings_dict
    parts = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host"}
    address = " ".join(f"{parts[key]}='{values[key]}'" for key in parts if values[key])
    port = f" port={values['PORT']}" if values["PORT"] else ""
    monkeypatch.setenv("LEGACY_URL", f"{address}{port} options='-c search_path=legacy'")
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards/1.txt").write_text("the first card")
    yield tmp_path
    execute("DROP SCHEMA legacy CASCADE")


@pytest.fixture
def plan(legacy: Path) -> Path:
    """Return the file of the plan."""
    file = legacy / "plan.toml"
    file.write_text(PLAN)
    return file


@pytest.fixture
def adopt(plan: Path, legacy: Path) -> Adopt:
    """Return a function that does a step, and returns its report."""

    def adopt(step: str, *options: str) -> Any:
        output = StringIO()
        arguments = [str(plan), step, "--json", "--media", str(legacy), *options]
        try:
            call_command("adopt", *arguments, stdout=output)
        except CommandError as error:
            if step != "check" or not output.getvalue():
                raise
            return {**json.loads(output.getvalue()), "error": str(error)}
        return json.loads(output.getvalue())

    return adopt
