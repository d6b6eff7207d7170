"""The steps of an adoption, over a source with integer keys."""

from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.auth.hashers import make_password
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from apps.adoption import services
from apps.adoption.keys import LARGEST, old_id
from apps.adoption.plan import Plan
from apps.adoption.source import Customer
from apps.adoption.tests.conftest import PLAN, Adopt, Execute
from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.isolation.testing import api_client
from apps.memberships.models import Membership
from apps.portability.exceptions import ArchiveError
from apps.tenants import lifecycle
from apps.tenants.models import Purge, Tenant
from tests.sample.models import Book, Label, Labelling, Note, Scan, Shelf

CARD = "Card 100 % 39"
BAD_DATE = """
ALTER TABLE legacy.pm_card ALTER due TYPE text;
UPDATE legacy.pm_card SET due = '31.12.2026' WHERE id = 1;
"""
TWICE = """
ALTER TABLE legacy.pm_tag DROP CONSTRAINT pm_tag_pkey;
INSERT INTO legacy.pm_tag VALUES (1, 1, 'twice');
"""


def _tenant(slug: str = "acme") -> Tenant:
    return Tenant.objects.get(slug=slug)


def _statuses(adopt: Adopt) -> dict[str, str]:
    return {slug: report["status"] for slug, report in adopt("status").items()}


# From check to open


def test_check_counts_rows_and_writes_nothing(adopt: Adopt) -> None:
    report = adopt("check")
    assert report["problems"] == []
    assert report["rows"]["sample.book"] == 40
    assert not Tenant.objects.exists()
    assert not User.objects.exists()


def test_copied_tenants_are_served_once_they_are_opened(adopt: Adopt) -> None:
    assert adopt("copy")["acme"]["rows"] == 2 + 20 + 1 + 5 + 1 + 1
    assert _statuses(adopt) == {"acme": "importing", "globex": "importing"}
    assert adopt("verify") == {slug: {"differences": 0} for slug in ("acme", "globex")}
    assert api_client(_tenant()).get("/api/v1/me/").status_code == 404
    adopt("open", "--tenant", "acme")
    assert _statuses(adopt) == {"acme": "active", "globex": "importing"}
    assert adopt("verify")["acme"] == {"differences": 0}


def test_rows_refer_to_each_other_as_in_the_source(adopt: Adopt) -> None:
    adopt("open")
    with tenant_context(_tenant()):
        books = list(Book.objects.order_by("pk"))
        assert [old_id(book.pk) for book in books] == [n for n in range(1, 41) if n % 2]
        last = books[-1]
        assert (last.title, last.status, str(last.due_on)) == (CARD, "lent", "2026-02-28")
        assert last.original_id is not None
        assert old_id(last.original_id) == 35
        assert last.shelf.name == "Board 4"
        assert last.shelf.created_by.email == "owner@acme.test"
        assert old_id(last.shelf.created_by.pk) == 1
        assert Labelling.objects.filter(label=Label.objects.get()).count() == 5
        note = Note.objects.get()
        assert note.subject == books[0]
        assert note.details == {"text": "fine"}
        with default_storage.open(str(Scan.objects.get().file)) as file:
            assert file.read() == b"the first card"
    with tenant_context(_tenant("globex")):
        assert {old_id(shelf.pk) for shelf in Shelf.objects.all()} == {1, 3}
        assert not Scan.objects.exists()


def test_everybody_keeps_their_membership(adopt: Adopt) -> None:
    adopt("open")
    found = Membership.platform.values_list("user__email", "tenant__slug", "role")
    assert set(found) == {
        ("owner@acme.test", "acme", "owner"),
        ("member@acme.test", "acme", "member"),
        ("owner@globex.test", "globex", "owner"),
    }


def test_members_keep_their_passwords_on_request(
    adopt: Adopt, execute: Execute, plan: Path
) -> None:
    with pytest.raises(CommandError, match="1 of 1 tenants failed"):
        adopt("open", "--tenant", "acme", "--with-passwords")
    execute("ALTER TABLE legacy.auth_user ADD password text DEFAULT 'crypt$unknown'")
    text = plan.read_text()
    plan.write_text(text.replace("AS full_name,", "AS full_name, password,"))
    with pytest.raises(CommandError, match="1 of 1 tenants failed"):
        adopt("open", "--tenant", "acme", "--with-passwords")
    hashed = make_password("from the old project")
    execute(f"UPDATE legacy.auth_user SET password = '{hashed}'")
    adopt("copy", "--tenant", "acme")
    member = User.objects.get(email="member@acme.test")
    member.set_password("chosen here")
    member.save()

    adopt("open", "--tenant", "acme", "--with-passwords")
    assert User.objects.get(email="owner@acme.test").check_password("from the old project")
    assert User.objects.get(email="member@acme.test").check_password("chosen here")
    adopt("open", "--tenant", "globex")
    assert not User.objects.get(email="owner@globex.test").has_usable_password()


def test_open_copies_what_has_changed_since(adopt: Adopt, execute: Execute) -> None:
    adopt("copy")
    execute("UPDATE legacy.pm_card SET headline = 'Changed' WHERE id = 1")
    execute("INSERT INTO legacy.pm_card VALUES (41, 2, 1, 'New', 0, NULL)")
    execute("DELETE FROM legacy.pm_card WHERE id = 39")
    with pytest.raises(CommandError, match="1 of 2 tenants failed"):
        adopt("verify")
    adopt("open")
    with tenant_context(_tenant()):
        titles = {old_id(book.pk): book.title for book in Book.objects.all()}
    assert (titles[1], 39 in titles) == ("Changed", False)


def test_open_copies_a_source_in_which_rows_with_references_were_deleted(
    adopt: Adopt, execute: Execute
) -> None:
    adopt("copy")
    execute("DELETE FROM legacy.pm_card_tags; DELETE FROM legacy.pm_card WHERE board_id = 4")
    execute("DELETE FROM legacy.pm_board WHERE id = 4")
    adopt("open")
    with tenant_context(_tenant()):
        assert [old_id(shelf.pk) for shelf in Shelf.objects.all()] == [2]
        assert Book.objects.count() == 10
    assert adopt("verify")["acme"] == {"differences": 0}


def test_user_whose_address_changes_stays_one_user(adopt: Adopt, execute: Execute) -> None:
    adopt("copy", "--tenant", "acme")
    execute("UPDATE legacy.auth_user SET email = 'new@acme.test' WHERE id = 1")
    adopt("open", "--tenant", "acme")
    emails = set(User.objects.values_list("email", flat=True))
    assert emails == {"new@acme.test", "member@acme.test"}
    with tenant_context(_tenant()):
        shelf = Shelf.objects.order_by("pk")[0]
        assert shelf.created_by.email == "new@acme.test"


def test_author_without_a_role_becomes_a_former_member(adopt: Adopt, plan: Path) -> None:
    """So that an erasure and a purge find them."""
    plan.write_text(PLAN.replace("ELSE 'member' END", "END"))
    adopt("open")
    members = Membership.platform.filter(user__email="member@acme.test")
    assert list(members.values_list("role", "is_active")) == [("viewer", False)]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('title = "c.headline"', "title = \"repeat('x', 201)\"", "cannot hold xxx"),
        ('due_on = "c.due"', 'due_on = "c.due"\nposition = "c.id + 0.5"', "cannot hold"),
    ],
)
def test_value_is_refused_instead_of_cut(
    old: str, new: str, reason: str, adopt: Adopt, plan: Path
) -> None:
    assert old in PLAN
    plan.write_text(PLAN.replace(old, new))
    output = StringIO()
    with pytest.raises(CommandError, match="2 of 2"):
        call_command("adopt", str(plan), "copy", "--media", str(plan.parent), stdout=output)
    assert reason in output.getvalue()
    assert not Tenant.objects.exists()


def test_literals_are_no_calls(adopt: Adopt, plan: Path) -> None:
    title = "title = \"c.headline || 'id(x, 1) type(y) )' || split_part('a)b', ')', 1)\""
    plan.write_text(PLAN.replace('title = "c.headline"', title))
    adopt("open")
    with tenant_context(_tenant()):
        assert Book.objects.order_by("pk")[0].title == "Card 100 % 1id(x, 1) type(y) )a"


def test_tenant_without_an_owner_is_not_opened(adopt: Adopt, execute: Execute) -> None:
    execute("UPDATE legacy.auth_user SET is_superuser = false WHERE id = 1")
    with pytest.raises(CommandError, match="1 of 2 tenants failed"):
        adopt("open")
    assert _statuses(adopt) == {"acme": "absent", "globex": "active"}


def test_refused_copy_keeps_what_was_copied_before(adopt: Adopt, execute: Execute) -> None:
    adopt("copy")
    execute("UPDATE legacy.pm_board SET title = 'Board 4' WHERE id = 2")
    with pytest.raises(CommandError, match="1 of 2 tenants failed"):
        adopt("open")
    assert _statuses(adopt) == {"acme": "importing", "globex": "active"}
    execute("UPDATE legacy.pm_board SET title = 'Board 2' WHERE id = 2")
    adopt("open")
    assert _statuses(adopt) == {"acme": "active", "globex": "active"}


def test_source_is_only_read(adopt: Adopt, plan: Path) -> None:
    plan.write_text(PLAN.replace("SELECT id AS key", "DELETE FROM pm_card; SELECT id AS key"))
    with pytest.raises(CommandError, match="refuses it"):
        adopt("check")


def test_integer_that_is_too_large_for_a_key_is_found(adopt: Adopt, execute: Execute) -> None:
    execute("ALTER TABLE legacy.pm_tag ALTER id TYPE bigint")
    execute(f"INSERT INTO legacy.pm_tag VALUES ({LARGEST + 1}, 1, 'much')")
    with pytest.raises(CommandError, match=f"does not fit into a key: {LARGEST + 1}"):
        adopt("check")


SCHEMAS = """
CREATE SCHEMA legacy_acme;
CREATE TABLE legacy_acme.pm_tag (id int PRIMARY KEY, word text);
INSERT INTO legacy_acme.pm_tag VALUES (1, 'red');
CREATE SCHEMA legacy_globex;
CREATE TABLE legacy_globex.pm_tag (id int PRIMARY KEY, word text);
INSERT INTO legacy_globex.pm_tag VALUES (1, 'blue');
"""


def test_source_with_a_schema_for_each_tenant(adopt: Adopt, execute: Execute, plan: Path) -> None:
    """As django-tenants has it: the numbers of two tenants' rows are equal."""
    execute(SCHEMAS)
    start, _, _ = PLAN.partition('[models."sample.Shelf"]')
    start = start.replace("SELECT id AS key", "SELECT 'legacy_' || slug AS key")
    start = start.replace(" = %(key)s", " = (SELECT id FROM crm_customer WHERE slug = 'acme')")
    plan.write_text(f"""{start}
[models."sample.Label"]
from = "%(schema)s.pm_tag g"
[models."sample.Label".columns]
id = "own_id(pm_tag, g.id)"
word = "g.word"
""")
    assert adopt("check")["problems"] == []
    adopt("open")
    execute("DROP SCHEMA legacy_acme, legacy_globex CASCADE")
    for slug, word in (("acme", "red"), ("globex", "blue")):
        with tenant_context(_tenant(slug)):
            label = Label.objects.get()
            assert (label.word, old_id(label.pk)) == (word, 1)


def test_largest_integer_fits_into_a_key(adopt: Adopt, execute: Execute) -> None:
    execute("ALTER TABLE legacy.pm_tag ALTER id TYPE bigint")
    execute(f"INSERT INTO legacy.pm_tag VALUES ({LARGEST}, 1, 'much')")
    adopt("open")
    with tenant_context(_tenant()):
        assert old_id(Label.objects.get(word="much").pk) == LARGEST
    with pytest.raises(ValueError, match="not the key"):
        old_id(UUID(int=7))


# What check finds


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            "UPDATE legacy.crm_customer SET slug = 'acme' WHERE id = 2",
            "acme: 2 tenants have this slug.",
        ),
        ("UPDATE legacy.crm_customer SET slug = 'Not valid' WHERE id = 2", "Not valid: "),
        (
            "INSERT INTO legacy.auth_user VALUES (9, 'owner@ACME.test', 'Twin', false, 1)",
            "acme: addresses of several users: 1, such as owner@acme.test",
        ),
        (
            "UPDATE legacy.auth_user SET email = NULL WHERE id = 2",
            "acme: users without an address: 1, such as ",
        ),
        (
            "UPDATE legacy.pm_card SET headline = NULL WHERE id = 1",
            "acme: rows of sample.book without a title: 1, such as ",
        ),
        (
            "UPDATE legacy.pm_board SET title = NULL WHERE id = 2",
            "acme: rows of sample.shelf without a name: 1, such as ",
        ),
        (
            "UPDATE legacy.pm_card SET headline = repeat('x', 201) WHERE id = 1",
            "acme: rows of sample.book with a title over 200 characters: 1, such as ",
        ),
        (
            "UPDATE legacy.pm_board SET title = 'Board 4' WHERE id = 2",
            "acme: values of name in several rows of sample.shelf: 1, such as Board 4",
        ),
        (
            BAD_DATE,
            "acme: rows of sample.book cannot be converted: date/time field value out of range",
        ),
        (
            "UPDATE legacy.auth_user SET first_name = repeat('x', 300) WHERE id = 2",
            "acme: users.query: the user 00007c3a-91e0-8001-8000-000000000002: full_name: String",
        ),
        (
            "ALTER TABLE legacy.pm_board ALTER made TYPE timestamp",
            "acme: rows of sample.shelf with a created_at without a time zone; add AT TIME ZONE",
        ),
        (
            "UPDATE legacy.auth_user SET is_superuser = false",
            "acme: no user has the role owner",
        ),
        (
            "UPDATE legacy.pm_file SET file = 'cards/2.txt'",
            "acme: files of sample.scan that are missing: 1, such as cards/2.txt",
        ),
        (
            "UPDATE legacy.pm_board SET customer_id = NULL WHERE id = 2",
            "sample.shelf: the source has 4 rows, and the tenants have 3",
        ),
        (
            "UPDATE legacy.pm_card SET previous_id = 2 WHERE id = 5",
            "acme: rows of sample.book with a original_id of another tenant, or of none: 1",
        ),
        (
            "UPDATE legacy.pm_board SET owner_id = 3 WHERE id = 2",
            "acme: rows of sample.shelf with a created_by_id whom users.query lacks: 1",
        ),
        (
            TWICE,
            "acme: rows of sample.label that are returned twice: 1",
        ),
    ],
)
def test_check_finds(change: str, problem: str, adopt: Adopt, execute: Execute) -> None:
    execute(change)
    found = _problems(adopt)
    assert any(each.startswith(problem) for each in found), found
    assert not Tenant.objects.exists()


def _problems(adopt: Adopt) -> list[str]:
    report = adopt("check")
    assert report["error"].endswith("Nothing was written.")
    problems: list[str] = report["problems"]
    return problems


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("pm_card c JOIN", "pm_cards c JOIN", 'relation "pm_cards" does not exist'),
        ('"c.headline"', '"c.headlin"', "column c.headlin does not exist"),
        ('title = "c.headline"\n', "", r"\[models.sample.Book.columns\]: title is missing"),
        ('title = "c.', 'titel = "c.', "has no column 'titel'; it has "),
        ('[models."sample.Label"', '[models."sample.Tag"', "no model of tenants with this name"),
        ("id(pm_tag, g.id)", "id(pm_tags, g.id)", "add a line pm_tags = 8 to"),
        ("id(pm_tag, g.id)", "id(pm_tag, g.id", "parenthesis is not closed"),
        ("type(sample.Book)", "type(sample.Page)", "there is no such model"),
        ("pm_tag = 4", "pm_tag = 3", "same number"),
        ('run = "7c3a91e0"', 'run = "x"', "run: String should match"),
        ('run = "7c3a91e0"', "run = ", "not valid"),
        ("env:LEGACY_URL", "env:NOTHING", "Set the variable NOTHING"),
        ("env:LEGACY_URL", "nonsense", "not one of a PostgreSQL database"),
        ('only = "c', 'olny = "c', "Extra inputs"),
    ],
)
def test_wrong_plan_is_refused_with_a_sentence(
    old: str, new: str, reason: str, adopt: Adopt, plan: Path
) -> None:
    assert old in PLAN
    plan.write_text(PLAN.replace(old, new))
    with pytest.raises(CommandError, match=reason):
        adopt("check")


def test_unknown_tenant_is_refused(adopt: Adopt) -> None:
    with pytest.raises(CommandError, match="returns no tenant 'initech'"):
        adopt("copy", "--tenant", "initech")
    assert not Tenant.objects.exists()


# Interruptions, and the way back


def test_second_copy_loads_nothing_again(adopt: Adopt, monkeypatch: pytest.MonkeyPatch) -> None:
    adopt("copy")
    monkeypatch.setattr("apps.portability.loading.Loader._load_group", _fail)
    assert adopt("copy")["acme"]["rows"] == 30


def _fail(*args: object) -> None:
    raise OSError("No space left on device")


def test_one_tenant_that_fails_stops_no_other(adopt: Adopt, legacy: Path, execute: Execute) -> None:
    (legacy / "cards/1.txt").unlink()
    with pytest.raises(CommandError, match="1 of 2 tenants failed"):
        adopt("copy")
    assert _statuses(adopt) == {"acme": "absent", "globex": "importing"}
    (legacy / "cards/1.txt").write_text("again")
    adopt("open")
    assert _statuses(adopt) == {"acme": "active", "globex": "active"}


def test_rows_that_the_database_refuses_leave_nothing(adopt: Adopt, execute: Execute) -> None:
    execute("UPDATE legacy.pm_board SET title = 'Board 4' WHERE id = 2")
    with pytest.raises(CommandError, match="1 of 2 tenants failed"):
        adopt("copy")
    assert _statuses(adopt) == {"acme": "absent", "globex": "importing"}


def test_rollback_removes_what_was_copied(adopt: Adopt) -> None:
    adopt("copy")
    assert adopt("rollback") == {slug: {"done": "removed"} for slug in ("acme", "globex")}
    assert not Tenant.objects.exists()
    assert not User.objects.exists()
    adopt("open")
    assert _statuses(adopt) == {"acme": "active", "globex": "active"}


def test_rollback_of_an_opened_tenant_requires_that_nothing_was_written(adopt: Adopt) -> None:
    adopt("open")
    with tenant_context(_tenant()):
        Label.objects.create(word="new")
    with pytest.raises(CommandError, match="1 of 2 tenants failed"):
        adopt("rollback")
    assert _statuses(adopt) == {"acme": "active", "globex": "absent"}
    assert adopt("rollback", "--tenant", "acme", "--discard-changes")["acme"] == {"done": "purged"}
    assert Purge.platform.count() == 2


def test_rollback_sees_changes_outside_the_plan(adopt: Adopt) -> None:
    adopt("open")
    with tenant_context(_tenant()):
        Shelf.objects.update(description="written after the opening")
    with pytest.raises(CommandError, match="1 of 2 tenants failed"):
        adopt("rollback")
    assert _statuses(adopt)["acme"] == "active"


def test_rollback_respects_a_hold(adopt: Adopt) -> None:
    adopt("open")
    lifecycle.hold(_tenant(), reason="A lawsuit.")
    with pytest.raises(CommandError, match="1 of 2 tenants failed"):
        adopt("rollback", "--discard-changes")
    assert _statuses(adopt) == {"acme": "active", "globex": "absent"}


def test_interrupted_rollback_is_completed(adopt: Adopt, monkeypatch: pytest.MonkeyPatch) -> None:
    adopt("open")
    with monkeypatch.context() as patch:
        patch.setattr("apps.offboarding.services.deprovision", _fail)
        with pytest.raises(CommandError, match="2 of 2 tenants failed"):
            adopt("rollback")
    assert _statuses(adopt)["acme"] == "purging"
    adopt("rollback")
    assert not Tenant.objects.exists()


def test_id_of_a_purged_tenant_is_not_used_again(adopt: Adopt, plan: Path) -> None:
    adopt("open")
    adopt("rollback")
    with pytest.raises(CommandError, match="2 of 2"):
        adopt("copy")
    plan.write_text(PLAN.replace("7c3a91e0", "7c3a91e1"))
    adopt("open")
    assert _statuses(adopt) == {"acme": "active", "globex": "active"}


def test_services_name_a_tenant_that_was_not_copied(adopt: Adopt, plan: Path) -> None:
    customer = Customer(UUID(int=1), 1, "acme", "Acme")
    with pytest.raises(ArchiveError, match="has not been copied"):
        services.verify(Plan.read(str(plan)), customer, services.Options())


# The first plan


def test_draft_names_tables_and_columns_of_equal_names(legacy: Path, execute: Execute) -> None:
    execute("ALTER TABLE legacy.pm_tag RENAME TO crm_label")
    file = legacy / "draft.toml"
    output = StringIO()
    call_command("adopt", str(file), "init", stdout=output)
    text = file.read_text()
    assert "Complete it" in output.getvalue()
    assert 'source = "env:LEGACY_URL"' in text
    assert "FROM crm_customer" in text
    assert 'from = "crm_label t"\nwhere = "t.customer_id = %(key)s"' in text
    assert 'id = "id(crm_label, t.id)"\nword = "t.word"' in text
    plan = Plan.read(str(file))
    assert set(plan.ids) == {"auth_user", "crm_label"}
    with pytest.raises(CommandError, match="exists"):
        call_command("adopt", str(file), "init")
