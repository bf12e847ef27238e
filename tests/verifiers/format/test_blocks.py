"""What a line of markdown is."""

import pytest

from verigym.verifiers.format.blocks import Fence, Heading, bullet, divider, fences, heading, numbered, outline
from verigym.verifiers.format.tables import Table, cells, tables


def test_fences() -> None:
    text = "a\n```Python x=1\nx\n~~~\n```\nb\n~~~~\n```\n~~~\n~~~~\n``` no `fence`\n```"
    found, outside = fences(text)
    assert found == [Fence("python", "x\n~~~", True), Fence("", "```\n~~~", True), Fence("", "", False)]
    assert outside == ["a", "", "b", "", "``` no `fence`", ""]
    assert fences("") == ([], [""])


def test_headings() -> None:
    assert outline("# A #\n\n```\n# no\n```\n   ## B  c ##") == [Heading(1, "A", 0), Heading(2, "B  c", 3)]
    for line in ("#A", "####### A", "    # A", "a # b", ""):
        assert heading(line) is None
    assert heading("##") == (2, "")
    assert heading("# A\r") == (1, "A")


@pytest.mark.parametrize(
    ("line", "as_bullet", "as_number", "as_divider"),
    [
        ("- a b", "a b", None, False),
        ("  * a", "a", None, False),
        ("+ a", "a", None, False),
        ("-a", None, None, False),
        ("- ", None, None, False),
        ("12) a", None, (12, "a"), False),
        ("1.a", None, None, False),
        ("1. ", None, None, False),
        ("---", None, None, True),
        ("* * *", None, None, True),
        ("- - -", None, None, True),
        ("__", None, None, False),
        ("-*-", None, None, False),
        ("", None, None, False),
    ],
)
def test_lines(line: str, as_bullet: str | None, as_number: tuple[int, str] | None, as_divider: bool) -> None:
    assert (bullet(line), numbered(line), divider(line)) == (as_bullet, as_number, as_divider)


def test_tables() -> None:
    text = "x\n\n a | b\n---|:-:\n1 | 2\n| 3 \\| 4 | |\n\nmore | text\n"
    assert tables(text) == [Table(["a", "b"], ["", "center"], [["1", "2"], ["3 | 4", ""]], (2, 6))]
    for none in ("| a |\n| b |", "| a | b |\n|---|", "a\n---", "|---|\n|---|---|"):
        assert tables(none) == []


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("| a | b |", ["a", "b"]),
        ("a | b", ["a", "b"]),
        ("| a", ["a"]),
        ("a |", ["a"]),
        (r"| \| | \\ |", ["|", r"\\"]),
        ("||", [""]),
        ("|", []),
        ("", [""]),
    ],
)
def test_cells(line: str, wanted: list[str]) -> None:
    assert cells(line) == wanted
