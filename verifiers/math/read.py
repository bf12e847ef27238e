r"""From tokens to an expression: recursive descent over the vocabulary of `tokens.py`, bounded in depth and nodes.

    expression(tokenize(r"2\sin^2 x + \frac12"))       # a tree of `tree.py`

Juxtaposition is a product (`2x`, `3\sqrt2`, `(a)(b)`); `2\frac12` and `2 1/2` are mixed numbers; a function without
brackets takes the product behind it (`\sin 2x`), up to the next function; `\sin^{-1}` is the inverse function; `-x^2`
is -(x^2); `1/2x` is (1/2)x. `i` is the imaginary unit and `e` Euler's number. Raises Unreadable and TooLarge, never
anything else.
"""

from collections.abc import Sequence
from fractions import Fraction

from verigym.verifiers.math import open_forms
from verigym.verifiers.math.bounds import MAX_DEPTH, MAX_NODES, TooLarge, Unreadable
from verigym.verifiers.math.numerals import written
from verigym.verifiers.math.tokens import Token
from verigym.verifiers.math.tree import MINUS_ONE, Tree, minus, negative, num, over, plus, times
from verigym.verifiers.math.vocabulary import words

_CLOSING = {
    "(": (")",),
    "[": ("]",),
    "{": ("}",),
    "\\{": ("\\}",),
    "|": ("|",),
    "floor(": (")floor",),
    "ceil(": (")ceil",),
    "<(": (")>",),
}
_STARTS = frozenset(["(", "[", "{", "floor(", "ceil("])
_NAMED = {"e": ("const", "e"), "i": ("const", "i")}
_INVERSE = {name: f"arc{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc")}
_TWO = num(2)
MAX_MARKS = 8
"""powers, factorials and percent signs behind one value"""
_WORDS = words("not the but for are all any one two six ten yes")
"""short words that are never a product of variables"""


def expression(tokens: Sequence[Token]) -> Tree:
    """The expression that all of `tokens` write."""
    reader = Reader(tokens)
    tree = reader.sum(0)
    if reader.at < len(tokens):
        raise Unreadable(f"{tokens[reader.at].text!r} where an operator should stand")
    return tree


class Reader:
    """A place in a list of tokens."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens, self.at, self.budget, self.bars = tokens, 0, MAX_NODES, 0
        self.bound: list[str] = []
        """variables of the sums and integrals around this place: an `i` among them is a variable"""

    def peek(self, ahead: int = 0) -> str:
        """The next operator or command; "" for anything else."""
        token = self.token(ahead)
        return token.text if token is not None and token.kind in ("op", "cmd") else ""

    def token(self, ahead: int = 0) -> Token | None:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def take(self) -> Token:
        token = self.token()
        if token is None:
            raise Unreadable("it ends where a value should stand")
        self.at += 1
        self.budget -= 1
        if self.budget < 0:
            raise TooLarge(f"an expression of more than {MAX_NODES} parts")
        return token

    def expect(self, *texts: str) -> None:
        token = self.token()
        if token is None or token.kind not in ("op", "cmd") or token.text not in texts:
            raise Unreadable(f"{token.text!r} where {texts[0]!r} should stand" if token else f"no {texts[0]!r}")
        self.at += 1

    def sum(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise TooLarge(f"an answer nested more than {MAX_DEPTH} deep")
        total = self.product(depth)
        while self.peek() in ("+", "-"):
            sign = self.take().text
            term = self.product(depth)
            total = plus(total, term) if sign == "+" else minus(total, term)
        return total

    def product(self, depth: int) -> Tree:
        total = self.signed(depth)
        while True:
            sign = self.peek()
            if sign in ("*", "/", ":/"):
                self.take()
                factor = self.signed(depth)
                total = times(total, factor) if sign == "*" else over(total, factor)
            elif self.starts():
                total = times(total, self.postfix(depth))
            else:
                return total

    def starts(self) -> bool:
        """Whether the next token begins a factor, so that it multiplies what stands before it."""
        token = self.token()
        if token is None:
            return False
        if token.kind in ("name", "fn", "const", "run"):
            return True
        if token.kind == "num":
            before = self.tokens[self.at - 1]
            return before.kind in ("op", "name", "const") and before.text not in ("^", "_")
        if token.kind == "cmd":
            return token.text in ("frac", "binom", "sqrt", "sum", "prod", "int", "lim")
        return token.text in _STARTS or (token.text == "|" and self.bars == 0)

    def signed(self, depth: int) -> Tree:
        if self.peek() in ("+", "-"):
            if depth > MAX_DEPTH:
                raise TooLarge(f"an answer nested more than {MAX_DEPTH} deep")
            sign = self.take().text
            operand = self.signed(depth + 1)
            return negative(operand) if sign == "-" else operand
        return self.postfix(depth)

    def postfix(self, depth: int) -> Tree:
        """An atom with what follows it: powers, factorials, percent and degree signs."""
        tree = self.atom(depth)
        for _ in range(MAX_MARKS):
            sign = self.peek()
            token = self.token()
            if sign == "!":
                self.take()
                if self.peek() == "!":
                    self.take()
                    tree = ("fn", "fact2", tree)
                else:
                    tree = ("fn", "fact", tree)
            elif sign == "%":
                self.take()
                tree = ("fn", "percent", tree)
            elif sign == "^":
                self.take()
                tree = self.power(tree, depth)
            elif token is not None and token.kind == "const" and token.text == "deg":
                self.take()
                tree = ("fn", "deg", tree)
            elif token is not None and token.kind == "op" and token.text == "":
                self.take()
            else:
                return tree
        raise TooLarge(f"more than {MAX_MARKS} marks behind one value")

    def power(self, base: Tree, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise TooLarge(f"an answer nested more than {MAX_DEPTH} deep")
        if self.degree():
            return ("fn", "deg", base)
        return ("pow", base, self.exponent(depth + 1))

    def degree(self) -> bool:
        r"""Takes `\circ`, alone or in braces."""
        for length, texts in ((3, ("{", "deg", "}")), (1, ("deg",))):
            ahead = [token.text for token in self.tokens[self.at : self.at + length]]
            if ahead == list(texts):
                self.at += length
                return True
        return False

    def exponent(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise TooLarge(f"an answer nested more than {MAX_DEPTH} deep")
        if self.peek() in ("-", "+"):
            sign = self.take().text
            tree = self.exponent(depth + 1)
            return negative(tree) if sign == "-" else tree
        tree = self.atom(depth)
        if self.peek() == "!":
            self.take()
            tree = ("fn", "fact", tree)
        if self.peek() == "^":
            self.take()
            tree = ("pow", tree, self.exponent(depth + 1))
        return tree

    def atom(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise TooLarge(f"an answer nested more than {MAX_DEPTH} deep")
        token = self.take()
        if token.kind == "num":
            return self.number(token)
        if token.kind == "name":
            return self.name(token.text)
        if token.kind == "run":
            return self.run(token.text)
        if token.kind == "const":
            if token.text in ("pi", "inf"):
                return ("const", token.text)
            raise Unreadable(f"{token.text!r} inside an expression")
        if token.kind == "fn":
            return self.function(token.text, depth)
        if token.kind == "cmd":
            return self.command(token.text, depth)
        if token.kind == "op" and token.text in _CLOSING and token.text != "<(":
            return self.bracket(token.text, depth)
        if token.kind == "op" and token.text == "":
            return self.atom(depth + 1)
        raise Unreadable(f"{token.text!r} where a value should stand")

    def bracket(self, opening: str, depth: int) -> Tree:
        if opening == "|":
            self.bars += 1
        bars, self.bars = self.bars, self.bars if opening == "|" else 0
        tree = self.sum(depth + 1)
        if opening == "{" and self.peek() in ("over", "choose"):
            kind = self.take().text
            below = self.sum(depth + 1)
            tree = over(tree, below) if kind == "over" else ("fn", "binom", tree, below)
        self.expect(*_CLOSING[opening])
        self.bars = bars - 1 if opening == "|" else bars
        if opening == "|":
            return ("fn", "abs", tree)
        if opening in ("floor(", "ceil("):
            return ("fn", opening[:-1], tree)
        if opening == "\\{":
            raise Unreadable("a set where a value should stand")
        return tree

    def number(self, token: Token) -> Tree:
        value = written(token.text)
        if value.denominator == 1 and "." not in token.text and "e" not in token.text:
            part = self.mixed()
            if part is not None:
                return num(value + part)
        return num(value)

    def mixed(self) -> Fraction | None:
        r"""The proper fraction of a mixed number behind a whole one: `\frac12`, or ` 1/2` after a blank."""
        start, token = self.at, self.token()
        texts = [one.text for one in self.tokens[start : start + 5]]
        found: tuple[int, int] | None = None
        if token is None:
            return None
        if token.kind == "cmd" and token.text == "frac":
            self.at += 1
            above = self.plain()
            below = self.plain() if above is not None else None
            found = (above, below) if above is not None and below is not None else None
        elif texts[0] == "{" and texts[2:3] == ["over"] and texts[4:] == ["}"]:
            found, self.at = _whole(texts[1], texts[3]), start + 5
        elif token.kind == "num" and token.gap and texts[1:2] == ["/"] and len(texts) > 2:
            found, self.at = _whole(texts[0], texts[2]), start + 3
        if found is not None and 0 < found[0] < found[1]:
            return Fraction(*found)
        self.at = start
        return None

    def plain(self) -> int | None:
        r"""A whole number in braces, or one digit: an argument of the `\frac` of a mixed number."""
        token = self.token()
        if token is None:
            return None
        if token.kind == "num" and token.text.isdecimal():
            self.digit(token)
            return int(token.text[0])
        inside, closing = self.token(1), self.token(2)
        if token.text != "{" or inside is None or closing is None or closing.text != "}":
            return None
        if inside.kind == "num" and inside.text.isdecimal() and len(inside.text) < 30:
            self.at += 3
            return int(inside.text)
        return None

    def digit(self, token: Token) -> None:
        """Take the first digit of a number; the rest stays as the next token."""
        if len(token.text) == 1:
            self.at += 1
        else:
            self.splice(self.at, [Token("num", token.text[1:])], 1)

    def argument(self, depth: int) -> Tree:
        r"""What `\frac` and its like take: a group, or one digit, letter or command."""
        token = self.token()
        if token is not None and token.kind == "num":
            if not token.text[0].isdigit():
                return num(written(self.take().text))
            first = token.text[0]
            self.digit(token)
            return num(int(first))
        if token is not None and token.kind == "run":
            self.splice(self.at, [Token("name", letter) for letter in token.text], 1)
        return self.atom(depth + 1)

    def name(self, text: str) -> Tree:
        """A variable with its index and primes, or a constant."""
        index = ""
        while self.peek() in ("_", "'"):
            if self.take().text == "'":
                index += "'"
                continue
            index += "_" + self.index()
        if text == "C" and not index and self.peek() == "(":
            found = self.choose()
            if found is not None:
                return found
        if text in _NAMED and not index and text not in self.bound:
            return _NAMED[text]
        return ("sym", text + index)

    def choose(self) -> Tree | None:
        """`C(n, k)` with numbers, or None."""
        ahead = self.tokens[self.at : self.at + 5]
        if [token.text if token.kind == "op" else token.kind for token in ahead] == ["(", "num", ",", "num", ")"]:
            self.at += 5
            return ("fn", "binom", num(written(ahead[1].text)), num(written(ahead[3].text)))
        return None

    def index(self) -> str:
        """A subscript as text."""
        token = self.take()
        if token.text != "{":
            return token.text
        parts = []
        while (token := self.take()).text != "}":
            if token.text in _CLOSING:
                raise Unreadable("a bracket in a subscript")
            parts.append(token.text)
        return "".join(parts)

    def run(self, text: str) -> Tree:
        """Letters side by side: capitals are one name (`AB` is a segment), two or three small ones a product."""
        if text.isupper():
            return self.name(text)
        if len(text) > 3 or text.casefold() in _WORDS:
            raise Unreadable(f"the word {text[:20]!r} inside an expression")
        self.splice(self.at, [Token("name", letter) for letter in text[1:]])
        return self.name(text[0])

    def splice(self, at: int, tokens: Sequence[Token], dropped: int = 0) -> None:
        """Put tokens where `dropped` others stand."""
        self.tokens = [*self.tokens[:at], *tokens, *self.tokens[at + dropped :]]

    def function(self, name: str, depth: int) -> Tree:
        base: Tree | None = None
        power: Tree | None = None
        while self.peek() in ("_", "^"):
            sign = self.take().text
            if sign == "_":
                base = self.bound_of(depth)
            else:
                power = self.exponent(depth + 1)
        if power == MINUS_ONE and name in _INVERSE:
            name, power = _INVERSE[name], None
        arguments = self.arguments(depth, name)
        tree = _call(name, base, arguments)
        return ("pow", tree, power) if power is not None else tree

    def bound_of(self, depth: int) -> Tree:
        r"""The base of a logarithm, or a bound of a sum: a group, a number or a letter, maybe with a sign."""
        if self.peek() in ("-", "+"):
            sign = self.take().text
            tree = self.bound_of(depth)
            return negative(tree) if sign == "-" else tree
        token = self.token()
        if token is not None and token.kind == "num":
            return num(written(self.take().text))
        return self.atom(depth + 1)

    def arguments(self, depth: int, name: str) -> list[Tree]:
        if self.peek() in ("(", "[", "{"):
            opening = self.take().text
            bars, self.bars = self.bars, 0
            found = [self.sum(depth + 1)]
            while self.peek() == ",":
                self.take()
                found.append(self.sum(depth + 1))
            self.expect(*_CLOSING[opening])
            self.bars = bars
            return found
        if self.peek() in ("-", "+"):
            return [self.signed(depth + 1)]
        tree = self.postfix(depth + 1)
        while self.starts():
            token = self.token()
            if token is None or token.kind == "fn" or token.text in ("(", "[", "|"):
                break
            tree = times(tree, self.postfix(depth + 1))
        return [tree]

    def command(self, name: str, depth: int) -> Tree:
        if name == "frac":
            above = self.argument(depth)
            return over(above, self.argument(depth))
        if name == "binom":
            if self.peek() == "(":
                found = self.arguments(depth, name)
                if len(found) != 2:
                    raise Unreadable("a binomial of other than two numbers")
                return ("fn", "binom", *found)
            above = self.argument(depth)
            return ("fn", "binom", above, self.argument(depth))
        if name == "sqrt":
            return self.square_root(depth)
        if name == "overline":
            return self.overlined()
        if name in ("sum", "prod"):
            return open_forms.series(self, name, depth)
        if name == "int":
            return open_forms.integral(self, depth)
        if name == "lim":
            return open_forms.limit(self, depth)
        raise Unreadable(f"\\{name} where a value should stand")

    def square_root(self, depth: int) -> Tree:
        degree = _TWO
        if self.peek() == "[":
            self.take()
            degree = self.sum(depth + 1)
            self.expect("]")
        token = self.token()
        if token is not None and token.kind == "num":  # `\sqrt13` is meant as a whole, whatever TeX makes of it
            return ("root", degree, num(written(self.take().text)))
        return ("root", degree, self.argument(depth))

    def overlined(self) -> Tree:
        """`\\overline{AB}` is a name; `\\overline{z}` the conjugate."""
        self.expect("{")
        parts = []
        while (token := self.take()).text != "}":
            if token.kind not in ("name", "run", "num"):
                raise Unreadable("an overline over more than letters")
            parts.append(token.text)
        text = "".join(parts)
        if len(text) == 1 and text.isalpha():
            return ("fn", "conj", ("sym", text))
        return ("sym", f"overline {text}")


_ARITY = {"binom": 2, "gcd": 0, "lcm": 0, "max": 0, "min": 0}


def _whole(above: str, below: str) -> tuple[int, int] | None:
    """Two whole numbers of at most 30 digits."""
    if above.isdecimal() and below.isdecimal() and max(len(above), len(below)) <= 30:
        return int(above), int(below)
    return None


def _call(name: str, base: Tree | None, arguments: list[Tree]) -> Tree:
    if base is not None and name != "log":
        raise Unreadable(f"a subscript at {name}")
    if _ARITY.get(name, 1) and len(arguments) != _ARITY.get(name, 1):
        raise Unreadable(f"{name} of {len(arguments)} values")
    if name == "log":
        return ("fn", "log", base, *arguments) if base is not None else ("fn", "log10", *arguments)
    if name == "lg":
        return ("fn", "log10", *arguments)
    if name == "exp":
        return ("pow", ("const", "e"), *arguments)
    return ("fn", name, *arguments)
