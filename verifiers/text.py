"""Reading text the way a person does: look-alike characters folded, nothing else changed.

    fold("−½")     # "-1/2"

Digits of other scripts are left as they are, so that a parser with an ASCII vocabulary refuses them.
"""

import unicodedata

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_PLAIN = {
    **dict.fromkeys("−–‐‑‒﹣", "-"),
    "×": "*",
    "⋅": "*",
    "·": "*",
    "∙": "*",
    "÷": "/",
    "∕": "/",
    "⁄": "/",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "\u200b": "",
    "\u2060": "",
    "\ufeff": "",
    "≤": r"\le ",
    "≥": r"\ge ",
    "≠": r"\ne ",
    "∞": r"\infty ",
    "∪": r"\cup ",
    "∩": r"\cap ",
    "∅": r"\emptyset ",
    "±": r"\pm ",
    "°": r"^\circ ",
    "√": r"\sqrt ",
    "∛": r"\sqrt[3] ",
    "∜": r"\sqrt[4] ",
    "∓": r"\mp ",
    "≈": r"\approx ",
    "∈": r"\in ",
    "∖": r"\setminus ",
    "ℝ": r"\mathbb{R} ",
    "ℤ": r"\mathbb{Z} ",
    "ℕ": r"\mathbb{N} ",
    "ℚ": r"\mathbb{Q} ",
    "ℂ": r"\mathbb{C} ",
    "⟨": r"\langle ",
    "⟩": r"\rangle ",
    "⌊": r"\lfloor ",
    "⌋": r"\rfloor ",
    "⌈": r"\lceil ",
    "⌉": r"\rceil ",
    "∑": r"\sum ",
    "∏": r"\prod ",
    "∫": r"\int ",
    "→": r"\to ",
    "⇒": r"\Rightarrow ",
    "…": "...",
    "。": ".",
    "′": "'",
    "∠": r"\angle ",
    "△": r"\triangle ",
}
_SAME_SIGN = ("<font>", "<wide>", "<narrow>", "<noBreak>")
_FAMILIES = ((_SUPERSCRIPTS, "^{", "}"), (_SUBSCRIPTS, "_{", "}"))


def fold(text: str) -> str:
    """`text` with look-alikes made ASCII: minus signs, full-width and bold letters, fractions (3½ -> 3 1/2), powers (x²
    -> x^{2}), relation and root signs as LaTeX. Characters that stand for nothing else are kept."""
    if text.isascii():
        return text
    pieces: list[str] = []
    run, closing = None, ""
    for character in text:
        for family, opening, close in _FAMILIES:
            if character in family:
                if run is not family:
                    pieces += [closing, opening]
                    run, closing = family, close
                pieces.append(family[character])
                break
        else:
            if run is not None:
                pieces.append(closing)
                run, closing = None, ""
            pieces.append(_fold_one(character, pieces))
    return "".join([*pieces, closing])


def _fold_one(character: str, before: list[str]) -> str:
    if character.isascii():
        return character
    if character in _PLAIN:
        return _PLAIN[character]
    if character.isspace():
        return " " if character != "\u2028" else "\n"
    kind, _, rest = unicodedata.decomposition(character).partition(" ")
    if kind in _SAME_SIGN:
        return "".join(_fold_one(plain, before) for plain in unicodedata.normalize("NFKC", character))
    if "GREEK SMALL LETTER " in (name := unicodedata.name(character, "")) and "WITH" not in name:
        return f"\\{name.rpartition(' ')[2].lower()} "
    if kind == "<fraction>":
        gap = " " if before and before[-1][-1:].isdigit() else ""
        return gap + "".join(chr(int(code, 16)) for code in rest.split()).replace("⁄", "/")
    return character


def squeeze(text: str) -> str:
    """`text` without outer blanks, and with single spaces for every run of white space."""
    return " ".join(text.split())
