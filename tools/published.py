"""Reports that are published: ``python -m tools.published`` checks them, and writes the page that compares them.

``reports/published/README.md`` says how one gets there, and what the check can and cannot know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from kube_dns_conformance.errors import ExitCode, one_line
from kube_dns_conformance.reports import conformance, pages
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.text import in_order, printable
from tools.command import ToolsError, guarded

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "reports" / "published"
PAGE = ROOT / "docs" / "published.html"
SCHEMA = json.loads((ROOT / "reports" / "conformance.schema.json").read_text())
FILE, ABOUT = "conformance.yaml", "README.md"
LARGEST = 1_000_000
"""Characters of a report: many times what one has."""
BEGINS = (
    *(yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken),
    *(yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken),
)
ENDS = (yaml.BlockEndToken, yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
DEEPEST = 8


def main() -> int:
    """The command; 1 when anything was edited or lies where it does not belong, and then it writes no page."""
    wrong = [f"{path.relative_to(FOLDER)}: {why}" for path in files(FOLDER) for why in problems(path, FOLDER)]
    print(*map(printable, wrong), sep="\n", end="\n" if wrong else "")
    if wrong:
        return ExitCode.NONCONFORMANT
    write_page()
    return ExitCode.CONFORMANT


def keep(text: str, configuration: str = "", folder: Path = FOLDER) -> Path:
    """Put a report where it belongs, as it is. Returns its path."""
    path = folder / _place(parsed(text)) / configuration / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def files(folder: Path) -> list[Path]:
    """Everything in the folder that is no README, in the order of the page."""
    found = {str(one.relative_to(folder)): one for one in folder.rglob("*") if one.is_file() and one.name != ABOUT}
    return [found[name] for name in in_order(found)]


def write_page() -> None:
    """Write the page again."""
    PAGE.write_text(page(FOLDER), encoding="utf-8")


def page(folder: Path) -> str:
    """All reports of the folder side by side; they have to be without problems."""
    found = files(folder)
    names = [" ".join(one.relative_to(folder).parent.parts) for one in found]
    return pages.side_by_side([conformance.results_of(parsed(one.read_text("utf-8"))) for one in found], names)


def problems(path: Path, folder: Path) -> Iterator[str]:
    """Why a file is not what the suite wrote, or not where that belongs: a line each, nothing for what is right."""
    try:
        text = path.read_text("utf-8")
        document = parsed(text)
    except (ToolsError, ValueError) as error:
        yield one_line(error)
        return
    against = [f"{one.json_path}: {one.message[:200]}" for one in Draft202012Validator(SCHEMA).iter_errors(document)]
    yield from against
    if not against:
        yield from _edited(document, text)
        yield from _misplaced(document, path.relative_to(folder))


def parsed(text: str) -> Any:
    """What a report says. Raises ToolsError for what the suite would not have written so."""
    if len(text) > LARGEST:
        raise ToolsError(f"it has more than {LARGEST} characters")
    try:
        _insist_on_simple(yaml.scan(text))
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ToolsError(f"it is no YAML: {one_line(error)}") from None


def _insist_on_simple(tokens: Iterator[yaml.Token]) -> None:
    """Raise ToolsError for what can make a few lines any number, or cost any time to read."""
    depth = 0
    for one in tokens:
        depth += isinstance(one, BEGINS) - isinstance(one, ENDS)
        if isinstance(one, yaml.AliasToken) or depth > DEEPEST:
            raise ToolsError("it has aliases, or is nested deeper than the suite writes")


def _edited(document: dict[str, Any], text: str) -> Iterator[str]:
    if conformance.sealed(document) != document:
        yield "its digest is of something else: it was edited"
    elif conformance.dump(document) != text:
        yield "it says what the suite wrote, and not as the suite writes it: it was edited"
    # What it should say by another catalogue, this version does not know.
    if document["run"]["catalogue"] == conformance.catalogue_digest():
        yield from _contradictions(document)


def _contradictions(document: dict[str, Any]) -> Iterator[str]:
    """What does not follow from the verdicts that it has."""
    strange = [one for one in conformance.requirements_of(document) if one not in catalogue()]
    yield from (f"there is no requirement {one}" for one in strange)
    if strange:
        return
    try:
        again = conformance.sealed(conformance.document(conformance.results_of(document)))
    except ValueError as error:
        yield one_line(error)
        return
    keys = [one for one in {**document, **again} if one != conformance.DIGEST]
    yield from (f"{one} does not follow from its verdicts" for one in keys if again.get(one) != document.get(one))


def _place(document: dict[str, Any]) -> Path:
    """Where the report of one implementation belongs. Raises ToolsError for a report of none, or of several."""
    names = [(one["name"], one["version"]) for one in document["implementation"]]
    if len(names) != 1 or "unknown" in names[0]:
        raise ToolsError("it does not say what was judged: one implementation and its version")
    return Path(*names[0])


def _misplaced(document: dict[str, Any], path: Path) -> Iterator[str]:
    if not document["complete"]:
        yield "the run did not reach its end"
    try:
        place = _place(document)
    except ToolsError as error:
        yield str(error)
        return
    if path.name != FILE or place not in {path.parent, path.parent.parent}:
        yield f"it belongs to {place}/{FILE}, or to {place}/CONFIGURATION/{FILE}"


if __name__ == "__main__":
    guarded(main)
