r"""Units of measure: read from text over a closed table, and converted exactly.

    convert(read_quantity(r"3200\text{ m}"), read_unit("km"))        # Fraction(16, 5)

Units are products of powers of the table's names: `km/h`, `m s^{-2}`, `square metres`, `kg per m^3`, `\frac{km}{h}`.
Symbols keep their case (`Mb` is a megabit, `MB` a megabyte); words do not, and may be plural. Each currency is a
dimension of its own, and so are degrees and radians: nothing is converted between them. Only temperatures have a zero
of their own; `pound` is a mass.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from verigym.verifiers.extract import alone
from verigym.verifiers.rational import read_number, tidy

MAX_UNIT = 60
"""characters of the longest unit that is read"""
MAX_POWER = 9

Powers = tuple[tuple[str, int], ...]
"""A dimension: its bases and their exponents, in the order of names"""


@dataclass(frozen=True)
class Unit:
    """`n` of it are `n * factor + offset` of the base units of its dimension."""

    factor: Fraction
    powers: Powers
    offset: Fraction = Fraction(0)


@dataclass(frozen=True)
class Quantity:
    """value: the number as it was written; unit: None where no unit was."""

    value: Fraction
    unit: Unit | None


_PREFIXES = {"n": -9, "µ": -6, "u": -6, "m": -3, "c": -2, "d": -1, "h": 2, "k": 3, "M": 6, "G": 9, "T": 12}
_PREFIX_WORDS = {"nano": -9, "micro": -6, "milli": -3, "centi": -2, "deci": -1, "kilo": 3, "mega": 6, "giga": 9}
_PREFIX_WORDS["tera"] = 12
_LENGTH: Powers = (("length", 1),)
_MASS: Powers = (("mass", 1),)
_TIME: Powers = (("time", 1),)
_VOLUME: Powers = (("length", 3),)
_FORCE: Powers = (("length", 1), ("mass", 1), ("time", -2))
_PRESSURE: Powers = (("length", -1), ("mass", 1), ("time", -2))
_ENERGY: Powers = (("length", 2), ("mass", 1), ("time", -2))
_POWER: Powers = (("length", 2), ("mass", 1), ("time", -3))
_SPEED: Powers = (("length", 1), ("time", -1))

# symbols and words, how many base units it is, its dimension, the prefixes that are in use with it
_ROWS: list[tuple[str, str, str | int | Fraction, Powers, str]] = [
    ("m", "metre meter", 1, _LENGTH, "nµumcdk"),
    ("in", "inch inches", "0.0254", _LENGTH, ""),
    ("ft", "foot feet", "0.3048", _LENGTH, ""),
    ("yd", "yard", "0.9144", _LENGTH, ""),
    ("mi", "mile", "1609.344", _LENGTH, ""),
    ("nmi", "", 1852, _LENGTH, ""),
    ("g", "gram gramme", "0.001", _MASS, "µumk"),
    ("t", "tonne", 1000, _MASS, ""),
    ("lb lbs", "pound", "0.45359237", _MASS, ""),
    ("oz", "ounce", "0.028349523125", _MASS, ""),
    ("s sec secs", "second", 1, _TIME, "nµum"),
    ("min mins", "minute", 60, _TIME, ""),
    ("h hr hrs", "hour", 3600, _TIME, ""),
    ("d", "day", 86_400, _TIME, ""),
    ("wk", "week", 604_800, _TIME, ""),
    ("yr", "year", 1, (("years", 1),), ""),
    ("", "month", Fraction(1, 12), (("years", 1),), ""),
    ("L l", "litre liter", "0.001", _VOLUME, "µumcdh"),
    ("gal", "gallon", "0.003785411784", _VOLUME, ""),
    ("ha", "hectare", 10_000, (("length", 2),), ""),
    ("ac", "acre", "4046.8564224", (("length", 2),), ""),
    ("mph", "", "0.44704", _SPEED, ""),
    ("kph kmh", "", Fraction(5, 18), _SPEED, ""),
    ("kn", "knot", Fraction(1852, 3600), _SPEED, ""),
    ("N", "newton", 1, _FORCE, "k"),
    ("Pa", "pascal", 1, _PRESSURE, "hkMG"),
    ("bar", "bar", 100_000, _PRESSURE, "m"),
    ("atm", "atmosphere", 101_325, _PRESSURE, ""),
    ("J", "joule", 1, _ENERGY, "mkMG"),
    ("Wh", "", 3600, _ENERGY, "kMGT"),
    ("cal", "calorie", "4.184", _ENERGY, "k"),
    ("eV", "electronvolt", "1.602176634e-19", _ENERGY, "kMG"),
    ("W", "watt", 1, _POWER, "mkMG"),
    ("hp", "horsepower", "745.69987158227022", _POWER, ""),
    ("Hz", "hertz", 1, (("time", -1),), "kMGT"),
    ("b bit bits", "", 1, (("data", 1),), "kMGT"),
    ("B", "byte", 8, (("data", 1),), "kMGT"),
    ("KB", "", 8000, (("data", 1),), ""),
    ("KiB", "kibibyte", 8 * 2**10, (("data", 1),), ""),
    ("MiB", "mebibyte", 8 * 2**20, (("data", 1),), ""),
    ("GiB", "gibibyte", 8 * 2**30, (("data", 1),), ""),
    ("TiB", "tebibyte", 8 * 2**40, (("data", 1),), ""),
    ("V", "volt", 1, (("volt", 1),), "mk"),
    ("A", "ampere amp", 1, (("ampere", 1),), "µum"),
    ("mol", "mole", 1, (("mole", 1),), "m"),
    ("K", "kelvin", 1, (("temperature", 1),), ""),
    ("deg", "degree", 1, (("degrees of angle", 1),), ""),
    ("rad", "radian", 1, (("radians", 1),), ""),
    ("%", "percent", "0.01", (("share", 1),), ""),
    ("$ US$ USD", "dollar", 1, (("dollars", 1),), ""),
    ("¢", "cent", "0.01", (("dollars", 1),), ""),
    ("€ EUR", "euro", 1, (("euros", 1),), ""),
    ("£ GBP", "", 1, (("pounds sterling", 1),), ""),
    ("¥ JPY", "yen", 1, (("yen", 1),), ""),
]
_TEMPERATURES = {
    ("degC", "C", "celsius", "centigrade"): Unit(Fraction(1), (("temperature", 1),), Fraction(27315, 100)),
    ("degF", "F", "fahrenheit"): Unit(Fraction(5, 9), (("temperature", 1),), Fraction(45967, 180)),
}


def _table() -> tuple[dict[str, Unit], dict[str, Unit]]:
    """Symbols, and words in lower case, to their units."""
    symbols: dict[str, Unit] = {}
    words: dict[str, Unit] = {}
    for marks, names, amount, powers, prefixes in _ROWS:
        factor = Fraction(amount)
        for mark in marks.split():
            symbols[mark] = Unit(factor, powers)
            for prefix in prefixes:
                symbols[prefix + mark] = Unit(factor * Fraction(10) ** _PREFIXES[prefix], powers)
        for name in names.split():
            # Words take every prefix that the symbol takes, by its power of ten.
            tens = {_PREFIXES[prefix] for prefix in prefixes}
            spelled = {"": 0, **{word: ten for word, ten in _PREFIX_WORDS.items() if ten in tens}}
            for prefix, ten in spelled.items():
                for plural in ("", "s"):
                    words[prefix + name + plural] = Unit(factor * Fraction(10) ** ten, powers)
    for names_of, unit in _TEMPERATURES.items():
        symbols.update({name: unit for name in names_of if name[0].isupper() or name.startswith("deg")})
        words.update(dict.fromkeys(names_of, unit))
    return symbols, words


SYMBOLS, WORDS = _table()
_CURRENCY = re.compile(r"([+-]?)\s*(US\$|[$€£¥])\s*(?=[\d.])")
_FRAC = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_TEXT = re.compile(r"\\(?:text|mathrm|textrm|mbox|operatorname)\s*\{([^{}]*)\}")
_DEGREE = re.compile(r"\^\s*\{?\s*\\circ\s*\}?\s*(?:\{?\s*([CFK])(?![A-Za-z])\s*\}?)?")
_SPOKEN = (
    (r"\bdeg(?:rees?)?\s+(celsius|fahrenheit|centigrade|[CF])\b", r"\1"),
    (r"\bper\b", "/"),
    (r"\bsquared\b", "^2"),
    (r"\bcubed\b", "^3"),
)
_POWER_WORDS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_TOKEN = re.compile(r"\s*(?:(/|\*)|([A-Za-zµμ%$€£¥¢]+)(?:\s*\^\s*\{?\s*(-?\d)\s*\}?|(\d))?)\s*", re.ASCII)
_PART = re.compile(r"([\d.,/ ]*\d)\s*([A-Za-z]{1,12})\s*(?:,|and\b)?\s*", re.ASCII)


def read_unit(text: str) -> Unit | None:
    """The unit that `text` names, or None when it is empty or holds a name that is not in the table."""
    text = _spelled(text)
    if not text or len(text) > MAX_UNIT:
        return None
    factor, powers, offset = Fraction(1), dict[str, int](), Fraction(0)
    position, sign, raised, names = 0, 1, 1, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.end() == position:
            return None
        position = match.end()
        if match[1]:
            sign = -1 if match[1] == "/" else 1
            continue
        if match[2].casefold() in _POWER_WORDS and not (match[3] or match[4]):
            raised = _POWER_WORDS[match[2].casefold()]
            continue
        unit = SYMBOLS.get(match[2]) or WORDS.get(match[2].casefold())
        power = sign * raised * int(match[3] or match[4] or 1)
        if unit is None or abs(power) > MAX_POWER or power == 0:
            return None
        factor *= unit.factor**power
        for base, exponent in unit.powers:
            powers[base] = powers.get(base, 0) + exponent * power
        offset = unit.offset if power == 1 else Fraction(0)
        sign, raised, names = 1, 1, names + 1
    if names == 0 or raised != 1 or sign == -1:
        return None
    # A scale with its own zero is one only by itself: in J/°C a degree is a difference.
    whole = tuple(sorted((base, exponent) for base, exponent in powers.items() if exponent))
    return Unit(factor, whole, offset if names == 1 else Fraction(0))


def read_quantity(text: str) -> Quantity | None:
    """The number with its unit, if any, that `text` writes: `3.2 km`, `$5`, `1 h 30 min`; None when it writes none."""
    text = _spelled(alone(text)).removesuffix(".").strip()
    number = read_number(text)
    if number is not None and not number.percent:
        return Quantity(number.value, None)
    if currency := _CURRENCY.match(text):
        text = f"{currency[1]}{text[currency.end() :]}"
        if read_number(text) is not None:
            return Quantity(read_number(text).value, SYMBOLS[currency[2]])  # type: ignore[union-attr]
        return None
    for start in _unit_starts(text):
        number = read_number(text[:start])
        if number is not None and not number.percent:
            unit = read_unit(text[start:])
            if unit is not None:
                return Quantity(number.value, unit)
    return _parts(text)


def convert(quantity: Quantity, unit: Unit) -> Fraction | None:
    """How many of `unit` the quantity is; a quantity without a unit already counts in it. None across dimensions."""
    if quantity.unit is None:
        return quantity.value
    if quantity.unit.powers != unit.powers:
        return None
    return (quantity.value * quantity.unit.factor + quantity.unit.offset - unit.offset) / unit.factor


def dimension(unit: Unit) -> str:
    """The dimension in words, such as `length / time`."""
    above = [base if power == 1 else f"{base}^{power}" for base, power in unit.powers if power > 0]
    below = [base if power == -1 else f"{base}^{-power}" for base, power in unit.powers if power < 0]
    return " / ".join([" ".join(above) or "1", *below])


def _spelled(text: str) -> str:
    """`text` without LaTeX around units, degrees and powers in one spelling."""
    text = _FRAC.sub(lambda match: match[0] if re.search(r"\d", match[0]) else f"{match[1]}/{match[2]}", tidy(text))
    text = _TEXT.sub(r" \1 ", text.replace("μ", "µ"))
    text = _DEGREE.sub(lambda match: f" deg{match[1]} " if match[1] else " deg ", text).replace("degK", "K")
    text = text.replace(r"\cdot", "*").replace(r"\mu", "µ")
    for spoken, short in _SPOKEN:
        text = re.sub(spoken, short, text, flags=re.IGNORECASE)
    return text.strip()


def _unit_starts(text: str) -> Iterator[int]:
    """Where a unit may begin, the longest number first."""
    for start in range(len(text) - 1, max(0, len(text) - MAX_UNIT - 1), -1):
        if (text[start].isalpha() or text[start] in "%$€£¥¢") and not text[start - 1].isalpha():
            yield start


def _parts(text: str) -> Quantity | None:
    """Parts in falling units, such as `5 ft 3 in`, as the first of them."""
    if len(text) > 2 * MAX_UNIT:
        return None
    position, total, last = 0, Fraction(0), None
    while position < len(text):
        match = _PART.match(text, position)
        number = read_number(match[1]) if match else None
        unit = read_unit(match[2]) if match else None
        if match is None or number is None or unit is None or unit.offset:
            return None
        # A part is less than one of the unit before it: 5 m 300 cm is two lengths, not one.
        if last is not None and (unit.powers != last.powers or number.value * unit.factor >= last.factor):
            return None
        total, last, position = total + number.value * unit.factor, unit, match.end()
    return None if last is None else Quantity(total, Unit(Fraction(1), last.powers))
