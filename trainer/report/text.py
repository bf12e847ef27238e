"""Text from a run, made safe to set into a page.

A reply is written by a model that may hold anything: markup, control characters, marks that turn the direction of
writing. All of it is shown as text, none of it acts.

    safe("<script>")       # '&lt;script&gt;'
"""

import html
import unicodedata

LONGEST = 4000
"""Characters of one reply or prompt that are shown."""


def safe(text: object) -> str:
    """`text` with markup escaped and invisible characters (control, direction, lone surrogates) written out as
    \\uXXXX."""
    return html.escape("".join(map(_visible, str(text))), quote=True)


def clipped(text: object, longest: int = LONGEST) -> str:
    """`safe`, of the beginning and the end of a long text, with the number of characters left out between them."""
    text = str(text)
    if len(text) <= longest:
        return safe(text)
    head, tail = text[: longest * 2 // 3], text[-longest // 3 :]
    left_out = len(text) - len(head) - len(tail)
    return f'{safe(head)}\n<span class="muted">[{left_out} characters left out]</span>\n{safe(tail)}'


def percent(share: float | None) -> str:
    """0.047 as `4.7 %` (with a space that does not break), None as a dash."""
    return "–" if share is None else f"{100 * share:.1f}\u00a0%"


def points(difference: float) -> str:
    """0.668 as `+66.8`: percentage points."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def quantity(value: float | None) -> str:
    """A number of any size, short: 12, 4,096, 1.23 M, 0.00031."""
    if value is None:
        return "–"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.2f} M"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """75 as `1 min 15 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.3g} s"


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"\\u{ord(character):04x}"
    return character
