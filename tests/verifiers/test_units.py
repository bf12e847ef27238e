"""Units: read, converted by hand, and kept apart."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigym.verifiers.units import SYMBOLS, WORDS, convert, dimension, read_quantity, read_unit


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("3200 m", "km", "3.2"),
        (r"3200\text{ m}", "km", "3.2"),
        (r"3.2\,\mathrm{km}", "m", "3200"),
        (r"3.2 \times 10^3 m", "km", "3.2"),
        ("3,200 metres", "kilometers", "3.2"),
        (r"\frac{3}{4} km", "m", "750"),
        ("1 1/2 h", "min", "90"),
        ("3.2", "km", "3.2"),
        ("1 inch", "cm", "2.54"),
        ("2 mi", "km", "3.218688"),
        ("5 ft 3 in", "in", "63"),
        ("1 h 30 min", "s", "5400"),
        ("1 hour and 30 minutes", "h", "1.5"),
        ("2 weeks", "days", "14"),
        ("1 lb", "g", "453.59237"),
        ("2 t", "kg", "2000"),
        ("72 km/h", "m/s", "20"),
        (r"72\frac{km}{h}", "m/s", "20"),
        ("72 kilometres per hour", "m/s", "20"),
        ("72 km h^{-1}", "m/s", "20"),
        ("9.8 m/s/s", "m/s^2", "9.8"),
        ("9.8 metres per second squared", "m/s^2", "9.8"),
        ("3 m²", "cm^2", "30000"),
        ("3 square metres", "cm^2", "30000"),
        ("1 hectare", "m^2", "10000"),
        ("2 L", "cm^3", "2000"),
        ("2 cubic metres", "litres", "2000"),
        ("1 g/cm^3", "kg/m^3", "1000"),
        ("5 kg m/s^2", "N", "5"),
        ("1 kWh", "MJ", "3.6"),
        ("1 kcal", "J", "4184"),
        ("5 kW", "W", "5000"),
        ("1 atm", "kPa", "101.325"),
        ("8 MB", "Mb", "64"),
        ("1 KiB", "bytes", "1024"),
        ("100 °C", "K", "373.15"),
        (r"100^\circ C", "K", "373.15"),
        (r"100^{\circ}\text{C}", "K", "373.15"),
        ("212 degrees Fahrenheit", "celsius", "100"),
        ("-40 °F", "°C", "-40"),
        ("5 J/°C", "J/K", "5"),
        ("25%", "%", "25"),
        ("$5", "dollars", "5"),
        ("5 dollars", "cents", "500"),
        ("€5", "euros", "5"),
        ("5 €", "EUR", "5"),
        ("45°", "degrees", "45"),
        ("18 months", "years", "1.5"),
    ],
)
def test_conversions(text: str, unit: str, value: str) -> None:
    quantity, wanted = read_quantity(text), read_unit(unit)
    assert quantity is not None and wanted is not None
    assert convert(quantity, wanted) == Fraction(value)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("5 kg", "m"),
        ("5 m", "m^2"),
        ("$5", "euros"),
        ("£5", "$"),
        ("5 years", "days"),  # a year has no fixed number of days
        ("5 rad", "degrees"),
        ("5 lb", "£"),
        ("5 Hz", "s"),
        ("5 km/h", "km"),
    ],
)
def test_other_dimensions_do_not_convert(text: str, unit: str) -> None:
    quantity, wanted = read_quantity(text), read_unit(unit)
    assert quantity is not None and wanted is not None
    assert convert(quantity, wanted) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "km", "5 xyz", "5 km or 6 km", "5 km 6", "5 km, 6 km", "5 min 2 h", "5 m 300 cm", "17*3 km", "nan km",
        "inf km", "1e999999 km", "5 m^99", "5 m^0", "5 km/", "5 /h", "5 square", "٥ km", "5\x00km", "5 \ud800",
        "5 " + "km" * 40, "5 " + "(" * 50, "9" * 1001 + " km", "5 MM",
    ],
)  # fmt: skip
def test_what_is_no_quantity(text: str) -> None:
    assert read_quantity(text) is None


def test_symbols_keep_their_case_and_words_do_not() -> None:
    assert read_unit("Mm") is None
    assert read_unit("MM") is None
    assert read_unit("KILOMETRES") == read_unit("km")
    assert read_unit("mW") != read_unit("MW")


def test_dimensions_in_words() -> None:
    assert dimension(SYMBOLS["N"]) == "length mass / time^2"
    assert dimension(SYMBOLS["Hz"]) == "1 / time"
    assert dimension(WORDS["euro"]) == "euros"


def test_the_table_is_whole() -> None:
    assert all(unit.factor > 0 and unit.powers for unit in (*SYMBOLS.values(), *WORDS.values()))
    for name in (*SYMBOLS, *WORDS):
        assert read_unit(name) is not None, name


@given(st.text(alphabet=st.characters(), max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_quantity(text)
    read_quantity(f"5 {text}")
    read_unit(text)
