"""Generate docs/prompts.md from the questions, the hook and the templates.

Usage: ``python tools/prompts.py``. A test compares the page with the generated one.
"""

from __future__ import annotations

import ast
import re

from template import CHOICES, COOKIECUTTER, QUESTIONS, ROOT, TREE, read, shipped

PAGE = ROOT / "docs" / "prompts.md"
HOOK = ROOT / "hooks" / "pre_gen_project.py"
BEGIN, END = "<!-- made by tools/prompts.py -->\n", "<!-- until here -->\n"
ROW = "| {} |\n"


def accepted() -> dict[str, str]:
    """Return the valid answers to each question, from the docstrings of the hook's functions."""
    tree = ast.parse(read(HOOK))
    words = {
        each.name: (ast.get_docstring(each) or "").removeprefix("Require ").rstrip(".")
        for each in tree.body
        if isinstance(each, ast.FunctionDef)
    }
    (checks,) = re.findall(r"^CHECKS = {\n(.*?)^}", read(HOOK), re.MULTILINE | re.DOTALL)
    found = re.findall(r'"(\w+)": (\w+)', checks)
    return {question: words[function] for question, function in found}


def rendered_into(question: str) -> list[str]:
    """Return the final names of the files that use an answer."""
    use = re.compile(rf"cookiecutter\.(?:__toml\.)?{question}\b|cookiecutter\.{question}\]")
    names = [name for name, path in shipped(TREE).items() if use.search(read(path))]
    final = (re.sub(r"^(?:strategies|traits|licenses)/[\w.-]+/", "", name) for name in names)
    return list(dict.fromkeys(final))


def table(head: list[str], rows: list[list[str]]) -> str:
    line = ["---"] * len(head)
    return "".join(ROW.format(" | ".join(row)) for row in [head, line, *rows])


def questions() -> str:
    prompts, accepts = COOKIECUTTER["__prompts__"], accepted()
    rows = []
    for name, default in QUESTIONS.items():
        prompt = prompts[name]["__prompt__"] if name in CHOICES else prompts[name]
        shown = "derived from the name" if "{{" in default else f"`{default}`"
        shown = f"`{default[0]}`" if name in CHOICES else shown
        wants = accepts.get(name, "one of the choices below")
        rows.append([f"`{name}`", prompt, wants, shown])
    return table(["name", "question", "valid answers", "default"], rows)


def choices(name: str) -> str:
    labels = COOKIECUTTER["__prompts__"][name]
    rows = [[f"`{each}`", labels[each].partition(" - ")[2]] for each in CHOICES[name]]
    return table([f"`{name}`", "meaning"], rows)


def uses() -> str:
    rows = []
    for name in QUESTIONS:
        places = [f"`{file}`" for file in rendered_into(name)]
        first = ["the installed overlay"] if name in CHOICES else []
        rows.append([f"`{name}`", ", ".join([*first, *places])])
    return table(["answer", "used in"], rows)


def made() -> str:
    parts = [questions(), *(choices(name) for name in CHOICES), uses()]
    return BEGIN + "\n" + "\n".join(parts) + "\n" + END


def page() -> str:
    """Return the page with new tables; the text around them is written by hand."""
    before, _, rest = read(PAGE).partition(BEGIN)
    return before + made() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
