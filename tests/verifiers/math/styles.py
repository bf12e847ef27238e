"""Ways to write one LaTeX answer: each keeps its meaning, so that a verifier must accept all of them."""

import re
from collections.abc import Callable


def display_fractions(text: str) -> str:
    return text.replace(r"\frac", r"\dfrac")


def stretched_brackets(text: str) -> str:
    return (
        re.sub(r"(?<![A-Za-z])([)\]])", r"\\right\1", re.sub(r"(?<![A-Za-z])([(\[])(?![^{]*\}\{)", r"\\left\1", text))
        if "\\left" not in text and text.count("(") + text.count("[") == text.count(")") + text.count("]")
        else text
    )


def spaced(text: str) -> str:
    return re.sub(r"([=+])", r"\\, \1 \\;", text)


def over(text: str) -> str:
    return re.sub(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"{\1 \\over \2}", text)


def slashed(text: str) -> str:
    """Plain fractions of numbers with a stroke, in brackets where something stands before them."""
    if re.fullmatch(r"-?\\[dt]?frac\{[0-9]+\}\{[0-9]+\}", text):
        return re.sub(r"\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}", r"\1/\2", text)
    return re.sub(r"(?<![0-9 ])\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}", r"(\1/\2)", text)


def unicode_signs(text: str) -> str:
    for latex, sign in (
        (r"\pi", "π"),
        (r"\infty", "∞"),
        (r"\le", "≤"),
        (r"\ge", "≥"),
        (r"\cup", "∪"),
        (r"\pm", "±"),
        (r"\cdot", "·"),
    ):
        text = re.sub(re.escape(latex) + r"(?![A-Za-z])", sign, text)
    text = re.sub(r"\\sqrt\{([0-9]+)\}", r"√\1", text)
    return text.replace("-", "−").replace(r"^\circ", "°")


def superscripts(text: str) -> str:
    return re.sub(r"(?<=[a-z)])\^(?:\{([0-9])\}|([0-9]))", lambda match: "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(match[1] or match[2])], text)


def sentence(text: str) -> str:
    return f"{text}."


def dollars(text: str) -> str:
    return f"${text}$" if "$" not in text else text


def braces(text: str) -> str:
    return f"{{{text}}}"


def displayed(text: str) -> str:
    return rf"\displaystyle {text}"


def roman(text: str) -> str:
    return re.sub(r"\\(?:text|mbox)\{", r"\\textrm{", text)


def thin_spaces(text: str) -> str:
    return text.replace(",", r",\ ") if not re.search(r"[0-9],[\\!0-9]", text) else text


def powers_in_braces(text: str) -> str:
    return re.sub(r"\^([0-9a-z])", r"^{\1}", text)


STYLES: tuple[Callable[[str], str], ...] = (
    display_fractions,
    stretched_brackets,
    spaced,
    over,
    slashed,
    unicode_signs,
    superscripts,
    sentence,
    dollars,
    braces,
    displayed,
    roman,
    thin_spaces,
    powers_in_braces,
)
