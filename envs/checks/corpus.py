"""Replies made to break a grader: what is run, what never ends, what cannot be printed, what has no bottom.

    hostile(marker="/tmp/x/marker")["tower of powers"]      # "9**9**9**9**9"

None is right anywhere, but for an environment that takes any text. `marker` is a file that appears when the Python of
a reply is run.
"""

from verigym.envs.checks.forms import Form

DEEP = 100_000
LONG = 1_000_000


def hostile(marker: str) -> dict[str, str]:
    """Name to text; those that end a process last, so that what they break hides nothing."""
    return {**_odd(), **_injections(marker), **_huge(), **_deep(), **_endings()}


ORDINARY = ("none", "null", "truth", "minus zero")
"""odd texts that may be somebody's right answer all the same"""


def _odd() -> dict[str, str]:
    return {
        "NaN": "nan",
        "infinity": "inf",
        "minus infinity": "-1e999",
        "NaN, spelled": "NaN()",
        "none": "None",
        "null": "null",
        "truth": "True",
        "minus zero": "-0.0",
        "division by zero": "1/0",
        "zero to the zero": "0**0/0",
        "control characters": "\x00\x01\x02\x07\x08\x1b[31m\x7f\x85",
        "lone surrogates": "\ud800\udfff \udc80",
        "right to left": "\u202e42\u202c\u200b\ufeff",
        "combining marks": "4" + "\u0301" * 2000,
        "digits of other scripts": "\u0664\u0662\u0667\u0967\uff14\uff12\u00b2\u2074\U0001d7d9",
        "emoji": "\U0001f3b2" * 50,
        "format strings": "%s%n%x {0} {} {answer} {problem.answer} ${answer} %(answer)s",
        "paths": "../../../../etc/passwd\x00.txt /dev/zero C:\\con file:///etc/passwd",
        "empty tags": "<answer></answer>",
        "tag that is not closed": "<answer>",
        "tag that is not opened": "</answer>",
        "thought that is not closed": "<think> so the answer is <answer>",
        "tags inside out": "</answer></think><answer><think>",
        "nested tags": "<answer><answer><answer></answer></answer></answer>",
        "empty box": "\\boxed{} \\boxed",
        "box that is not closed": "\\boxed{\\boxed{\\frac{1}{",
        "fence that is not closed": "```python\ndef f(",
        "only separators": ",;:|/\\ \t\n" * 200,
        "carriage returns": "\r\r\n\r" * 500,
        "JSON of the wrong shape": '{"answer": {"answer": [null, {"a": 1e999}]}, "reward": 1, "correct": true}',
    }


def _huge() -> dict[str, str]:
    return {
        "tower of powers": "9**9**9**9**9",
        "tower of powers, LaTeX": "9^{9^{9^{9^{9}}}}",
        "power of powers": "((10^10)^10)^10",
        "factorials": "100000!!!!!!",
        "factorial, LaTeX": "\\binom{10^9}{5 \\cdot 10^8} + (10^9)!",
        "shift": "1 << 99999999999",
        "product of text": "'a' * 10**10",
        "5,000 digits": "7" * 5000,
        "megabyte of digits": "7" * LONG,
        "megabyte of letters": "a" * LONG,
        "megabyte of blanks": " " * LONG + "x",
        "megabyte of lines": "1\n" * (LONG // 2),
        "10,000 tags": "<answer>?!</answer>" * 10_000,
        "10,000 boxes": "\\boxed{?!}" * 10_000,
        "tags that do not close": "<answer>" * 50_000,
        "sum of 20,000 terms": "+".join(["1"] * 20_000),
        "list of 20,000": "[" + ", ".join(["1"] * 20_000) + "]",
        "exponent of 10,000 digits": "1e" + "9" * 10_000,
        "decimal of 10,000 places": "0." + "3" * 10_000,
        "trap for regexes": "a" * 30_000 + "!" + "=" * 30_000 + "(a+)+$",
        "minus signs": "-" * 50_000 + "1",
        "percent of percent": "1" + "%" * 50_000,
        "JSON bomb": '{"a":' * 20_000 + "1" + "}" * 20_000,
        "entity bomb": '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><answer>&b;&b;</answer>',
    }


def _deep() -> dict[str, str]:
    pairs = {"brackets": "()", "square brackets": "[]", "braces": "{}", "angle brackets": "<>"}
    found = {f"{DEEP:,} deep {name}": two[0] * DEEP + "1" + two[1] * DEEP for name, two in pairs.items()}
    found[f"{DEEP:,} open brackets"] = "(" * DEEP
    found["deep boxes"] = "\\boxed{" * 20_000 + "1" + "}" * 20_000
    found["deep fractions"] = "\\frac{1}{1+" * 10_000 + "1" + "}" * 10_000
    found["deep roots"] = "\\sqrt{" * 20_000 + "2" + "}" * 20_000
    found["deep powers"] = "2^{" * 20_000 + "2" + "}" * 20_000
    found["deep lists of programs"] = "f(" * 20_000 + "x" + ")" * 20_000
    return found


def _injections(marker: str) -> dict[str, str]:
    touch = f"open({marker!r}, 'w').close()"
    quoted = f"__import__('os').system('touch {marker}')"
    return {
        "Python that writes a file": f"__import__('builtins').{touch}",
        "Python in a list": f"[{touch} for _ in [1]]",
        "Python for a shell": quoted,
        "Python for a template": "{{ ''.__class__.__mro__[1].__subclasses__() }} ${" + quoted + "}",
        "Python in an f-string": f"f\"{{__import__('builtins').{touch}}}\"",
        "statement": f"import builtins; builtins.{touch}",
        "shell": f"$(touch {marker}); `touch {marker}`; touch {marker}",
        "YAML": f"!!python/object/apply:os.system ['touch {marker}']",
        "pickle": f"cos\nsystem\n(S'touch {marker}'\ntR.",
        "LaTeX that reads files": "\\input{/etc/passwd}\\write18{touch " + marker + "}",
        "lambda": f"(lambda: __import__('builtins').{touch})()",
        "reward that is forged": 'print(\'{"reward": 1, "correct": true}\')\nreward = 1.0; correct = True',
        "object that equals all": "type('E', (), {'__eq__': lambda s, o: True})()",
    }


def _endings() -> dict[str, str]:
    return {
        "exception": "(_ for _ in ()).throw(KeyboardInterrupt)",
        "recursion": "(lambda f: f(f))(lambda f: f(f))",
        "exit": "__import__('sys').exit(0)",
        "end of the process": "__import__('os')._exit(0)",
        "kill": "__import__('os').kill(__import__('os').getpid(), 9)",
    }


def dressed(name: str, text: str, form: Form) -> dict[str, str]:
    """A text as replies: bare, where the environment looks for the answer, and in the two marks that others use."""
    found = {name: text, f"{name}, marked as the answer": form.mark(text)}
    if form.kind != "tag":
        found[f"{name}, in a tag"] = f"<answer>{text}</answer>"
    if form.kind != "box" and len(text) < 1000:
        found[f"{name}, in a box"] = f"\\boxed{{{text}}}"
    return found
