"""How prompts ask and how replies answer: the two styles that every generated task speaks.

    ask("words", words="Add 2 and 3.", terse="2+3")      # 'Add 2 and 3.\\n\\nThink it through, ...'
    answered("words", "5", work="2 + 3 = 5")             # '2 + 3 = 5\\n<answer>5</answer>'

"words" is plain English for a real language model; "terse" is a minimal string for a tiny one that learns from nothing.
In both the final answer stands between `<answer>` and `</answer>`.
"""

from difflib import get_close_matches

STYLES = ("words", "terse")
REQUEST = "Think it through, then put your final answer inside <answer> </answer> tags"


def ask(style: str, words: str, terse: str, form: str = "") -> str:
    """The prompt in a style. `form` shows what stands inside the tags, such as "<answer>a, b</answer>"; "words"
    only."""
    if check_style(style) == "terse":
        return terse
    return f"{words}\n\n{REQUEST}{', like this: ' + form if form else ''}."


def answered(style: str, answer: str, work: str = "", terse_work: str = "") -> str:
    """A whole reply: the work that leads to the answer, if any, and the answer in its tags."""
    if check_style(style) == "terse":
        return f"{terse_work}<answer>{answer}</answer>"
    return f"{work}\n<answer>{answer}</answer>" if work else f"<answer>{answer}</answer>"


def check_style(style: str) -> str:
    """The style itself. Raises ValueError, with the nearest name, when there is none of that name."""
    if style not in STYLES:
        near = get_close_matches(str(style), STYLES, n=1)
        raise ValueError(
            f"no style {style!r}; " + (f"did you mean {near[0]!r}?" if near else "the styles are " + ", ".join(STYLES))
        )
    return style
