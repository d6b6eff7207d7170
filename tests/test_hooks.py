"""The hooks as cookiecutter runs them: rendered with the answers, then executed."""

from __future__ import annotations

import ast
import importlib.util
import re
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config
from cookiecutter.utils import create_env_with_context
from jinja2 import Environment, StrictUndefined
from support import (
    CHOICES,
    QUESTIONS,
    ROOT,
    STRATEGIES,
    TREE,
    TRICKY,
    files,
    read,
    requirements,
)

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

ANSWERS = prompt_for_config(generate_context(str(ROOT / "cookiecutter.json")), no_input=True)
TEXTS = ["project_name", "description", "author_name"]


def render(hook: str, folder: Path, **answers: str) -> ModuleType:
    """Import a hook as cookiecutter would run it."""
    context: dict[str, Any] = {"cookiecutter": {**ANSWERS, **answers}}
    source = create_env_with_context(context).from_string(read(ROOT / "hooks" / f"{hook}.py"))
    path = folder / f"{hook}.py"
    path.write_text(source.render(**context), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(hook, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pre_gen(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return render("pre_gen_project", tmp_path_factory.mktemp("hook"))


@pytest.fixture
def post_gen(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return render("post_gen_project", tmp_path_factory.mktemp("hook"))


@pytest.mark.parametrize("hook", ["pre_gen_project", "post_gen_project"])
@pytest.mark.parametrize("tricky", TRICKY)
def test_answers_are_data(hook: str, tricky: str, tmp_path: Path) -> None:
    answers = dict.fromkeys(QUESTIONS, tricky)
    assert {**ANSWERS, **answers} == render(hook, tmp_path, **answers).ANSWERS


def test_tables_name_every_choice(pre_gen: ModuleType, post_gen: ModuleType) -> None:
    assert {name: list(choices) for name, choices in pre_gen.CHOICES.items()} == CHOICES
    assert pre_gen.CHECKS.keys() == QUESTIONS.keys() - CHOICES.keys()
    assert list(post_gen.TRAITS) == STRATEGIES


def test_no_slug_can_be_the_name_of_a_dependency(pre_gen: ModuleType) -> None:
    names = {re.match(r"[\w-]+", line)[0].replace("-", "_") for line in requirements()}
    assert names <= set(pre_gen.TAKEN_NAMES)


def problems(hook: ModuleType, **answers: str) -> list[str]:
    return hook.answer_problems({**ANSWERS, **answers})


def test_defaults_are_accepted(pre_gen: ModuleType) -> None:
    assert problems(pre_gen) == []


@pytest.mark.parametrize("tricky", TRICKY)
def test_text_may_hold_anything_on_one_line(pre_gen: ModuleType, tricky: str) -> None:
    assert problems(pre_gen, **dict.fromkeys(TEXTS, tricky)) == []


@pytest.mark.parametrize("question", TEXTS)
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        (" \N{NO-BREAK SPACE}", "is empty"),
        ("two\nlines", "line break"),
        ("two\rlines", "line break"),
        ("two\N{LINE SEPARATOR}lines", "line break"),
        ("bell\a", "control character"),
        ("half \ud83d", "control character"),
    ],
)
def test_text_is_refused(pre_gen: ModuleType, question: str, text: str, complaint: str) -> None:
    (problem,) = problems(pre_gen, **{question: text})
    assert problem.startswith(question)
    assert complaint in problem


@pytest.mark.parametrize("slug", ["my_saas", "a", "acme2", "a" * 40])
def test_slug_is_accepted(pre_gen: ModuleType, slug: str) -> None:
    assert problems(pre_gen, project_slug=slug) == []


@pytest.mark.parametrize(
    ("slug", "remedy"),
    [
        ("", "try saas."),
        ("my-saas", "try my_saas."),
        ("My SaaS", "try my_saas."),
        ("3m", "try my_3m."),
        ("saas_", "try saas."),
        ("../etc", "try etc."),
        ("class", "try my_class."),
        ("münchen", "try m_nchen."),
        ("a;" * 30, "try " + "_".join("a" * 20) + "."),
        ("config", "try my_config."),
        ("django", "try my_django."),
        ("json", "try my_json."),
        ("a" * 41, "longer than 40 characters"),
    ],
)
def test_slug_is_refused_with_a_remedy(pre_gen: ModuleType, slug: str, remedy: str) -> None:
    (problem,) = problems(pre_gen, project_slug=slug)
    assert remedy in problem


@pytest.mark.parametrize("domain", ["example.com", "a.b", "x-1.example.co.uk", "xn--bcher-kva.de"])
def test_domain_is_accepted(pre_gen: ModuleType, domain: str) -> None:
    assert problems(pre_gen, domain_name=domain) == []


@pytest.mark.parametrize(
    "domain",
    [
        *("", "localhost", "Example.com", "example.com.", "-a.com", "a-.com", "a..com", "a_b.com"),
        *("bücher.de", "192.168.0.1", "https://example.com", "example.com:80", "a.com\n"),
        *("a" * 64 + ".com", ".".join(["a" * 47] * 4)),
    ],
)
def test_domain_is_refused(pre_gen: ModuleType, domain: str) -> None:
    (problem,) = problems(pre_gen, domain_name=domain)
    assert problem.startswith("domain_name")


@pytest.mark.parametrize("email", ["a@b.de", "first.last+tag@Example.com", "o'neil@example.com"])
def test_email_is_accepted(pre_gen: ModuleType, email: str) -> None:
    assert problems(pre_gen, author_email=email) == []


@pytest.mark.parametrize(
    "email", ["", "a", "@b.de", "a@", "a@localhost", "a b@c.de", 'a"@b.de', "a\\@b.de", "a@b.de\n"]
)
def test_email_is_refused(pre_gen: ModuleType, email: str) -> None:
    (problem,) = problems(pre_gen, author_email=email)
    assert problem.startswith("author_email")


def test_all_problems_are_reported_at_once_in_ascii(
    pre_gen: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pre_gen.main(dict.fromkeys(QUESTIONS, "ü\n"), tmp_path) == 1
    output = capsys.readouterr().err
    assert output.isascii()
    assert re.findall(r"^error: (\w+) ", output, re.MULTILINE) == list(QUESTIONS)
    assert "choose one of schema, row, database." in output


def test_old_engine_is_refused_by_one_sentence(tmp_path: Path) -> None:
    """Cookiecutter 1.7.3 renders hooks like this; `nox -s engines` runs it."""
    engine = Environment(undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    context = {"cookiecutter": {**ANSWERS, "project_slug": "no name"}}
    hook = tmp_path / "hook.py"
    source = engine.from_string(read(ROOT / "hooks" / "pre_gen_project.py"))
    hook.write_text(source.render(context), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, hook], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: This template needs cookiecutter 2.1 or newer")


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 15), (3, 8, 18), (3, 9, 18)])
def test_old_python_is_refused_by_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as refusal:
        render("pre_gen_project", tmp_path)
    message = str(refusal.value)
    assert message.startswith("error: This template needs Python 3.10 or newer")
    assert f"runs on Python {version[0]}.{version[1]};" in message


def test_first_hook_can_be_read_by_an_old_python() -> None:
    source = read(ROOT / "hooks" / "pre_gen_project.py")
    ast.parse(source, feature_version=(3, 7))
    assert "__future__" not in source, "Python 3.6 refuses the import of annotations"


@pytest.mark.parametrize("answer", [None, 5, ["schema"], {}])
@pytest.mark.parametrize("question", ["project_slug", "author_email", "isolation_strategy"])
def test_answer_that_is_no_text_is_refused(
    pre_gen: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    question: str,
    answer: object,
) -> None:
    assert pre_gen.main({**ANSWERS, question: answer}, tmp_path) == 1
    output = capsys.readouterr().err
    assert output == (
        f"error: {question} has no text as its answer; answer it, or generate without --replay.\n"
    )


def test_answers_of_an_older_template_are_refused(
    pre_gen: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pre_gen.main({"project_name": "My SaaS"}, tmp_path) == 1
    names = re.findall(r"^error: (\w+) has no text as", capsys.readouterr().err, re.MULTILINE)
    assert names == [name for name in QUESTIONS if name != "project_name"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('[tool.saas-tenancy]\nisolation = "row"\n', 1),
        ('[tool.saas-tenancy]\nisolation = "schema"\n', 0),
        ('[project]\nname = "another"\n', 0),
    ],
)
def test_folder_of_another_strategy_is_refused(
    pre_gen: ModuleType, tmp_path: Path, text: str, count: int
) -> None:
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert len(pre_gen.strategy_problems(ANSWERS, tmp_path)) == count


@pytest.mark.parametrize("folder", ["strategies", "traits", "licenses"])
def test_folder_of_ones_own_that_would_be_deleted_is_refused(
    pre_gen: ModuleType, tmp_path: Path, folder: str
) -> None:
    (tmp_path / folder).mkdir()
    (problem,) = pre_gen.folder_problems(tmp_path)
    assert f"{folder!r}" in problem
    assert "rename it" in problem


def test_hooks_know_the_same_folders(pre_gen: ModuleType, post_gen: ModuleType) -> None:
    assert set(pre_gen.OVERLAYS) == set(post_gen.OVERLAYS)


def test_overlay_moves_over_an_earlier_one(post_gen: ModuleType, tmp_path: Path) -> None:
    traits = ("traits/own_tables/a/d", "traits/another/e")
    overlays = ("strategies/schema/a/b", "strategies/row/c", *traits, "licenses/MIT/LICENSE")
    for name in (*overlays, "a/b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    post_gen.install_overlays(tmp_path, ANSWERS)
    assert {name: read(path) for name, path in files(tmp_path).items()} == {
        "LICENSE": "licenses/MIT/LICENSE",
        "a/b": "strategies/schema/a/b",
        "a/d": "traits/own_tables/a/d",
    }


def test_every_trait_has_an_overlay(post_gen: ModuleType) -> None:
    traits = {trait for traits in post_gen.TRAITS.values() for trait in traits}
    assert traits == {path.name for path in (TREE / "traits").iterdir()}


def test_env_has_a_random_value_for_each_secret(post_gen: ModuleType, tmp_path: Path) -> None:
    example = "# A comment\nONE=\n# TWO=\nTHREE=given\nFOUR=\n"
    (tmp_path / ".env.example").write_text(example, encoding="utf-8")
    post_gen.write_env(tmp_path)
    comment, one, two, three, four = read(tmp_path / ".env").splitlines()
    assert (comment, two, three) == ("# A comment", "# TWO=", "THREE=given")
    secrets = one.removeprefix("ONE="), four.removeprefix("FOUR=")
    assert len(set(secrets)) == len(secrets)
    assert all(re.fullmatch(r"[\w-]{64}", secret) for secret in secrets)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_env_is_for_its_owner_only(post_gen: ModuleType, tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("ONE=\n", encoding="utf-8")
    post_gen.write_env(tmp_path)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def test_env_that_exists_stays(post_gen: ModuleType, tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("ONE=\n", encoding="utf-8")
    (tmp_path / ".env").write_text("ONE=mine\n", encoding="utf-8")
    post_gen.write_env(tmp_path)
    assert read(tmp_path / ".env") == "ONE=mine\n"
