r"""The closed vocabulary: every command and word that an answer may hold, and the one spelling it is given.

OPERATORS["leqslant"]       # '<='
"""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


SPACING = words(
    "quad qquad enspace enskip thinspace medspace thickspace hfill displaystyle textstyle scriptstyle "
    "scriptscriptstyle limits nolimits left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl "
    "Biggr bigm Bigm mathstrut strut large Large LARGE huge Huge small normalsize tiny bf rm it sf tt boldmath "
    "unboldmath allowbreak nobreak centering noindent hline protect relax null par newline"
)
WRAPPERS = words(
    "boxed fbox framebox mathstrut underline underbrace overbrace ensuremath mathop mathord mathbin mathrel "
    "mathopen mathclose mathpunct cancel smash displaylines emph phantom"
)
TEXTS = words(
    "text textbf textit textrm textsf texttt textup textnormal textmd textsc mbox hbox mathrm mathsf mathtt "
    "mathnormal operatorname rm"
)
FONTS = words("mathbf boldsymbol bm vec hat widehat tilde widetilde mathcal mathscr mathfrak pmb bold")
COLOURS = frozenset(["color", "textcolor", "colorbox", "hspace", "vspace", "mspace", "hskip", "kern", "tag", "label"])
GREEK = words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi omicron rho "
    "varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi "
    "Psi Omega ell hbar aleph nabla partial imath jmath"
)
SYMBOLS = words("triangle angle perp parallel cong sim square bigtriangleup measuredangle wp star bullet")
FUNCTIONS = {
    **{name: name for name in words("sin cos tan cot sec csc sinh cosh tanh coth ln log exp gcd lcm max min")},
    **{f"arc{name}": f"arc{name}" for name in words("sin cos tan cot sec csc")},
    **{f"a{name}": f"arc{name}" for name in words("sin cos tan")},
    "tg": "tan",
    "ctg": "cot",
    "cosec": "csc",
    "arctg": "arctan",
    "arcctg": "arccot",
    "lg": "lg",
    "sgn": "sgn",
    "sign": "sgn",
    "det": "det",
    "Re": "re",
    "Im": "im",
    "re": "re",
    "im": "im",
    "cis": "cis",
    "floor": "floor",
    "ceil": "ceil",
    "abs": "abs",
}
CONSTANTS = {
    "pi": "pi",
    "infty": "inf",
    "infinity": "inf",
    "inf": "inf",
    "emptyset": "empty",
    "varnothing": "empty",
    "degree": "deg",
    "circ": "deg",
}
COMMANDS = {
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac", "sfrac", "nicefrac"), "frac"),
    **dict.fromkeys(("binom", "dbinom", "tbinom"), "binom"),
    **{name: name for name in ("sqrt", "over", "choose", "sum", "prod", "int", "lim", "root", "of")},
    **dict.fromkeys(("overline", "bar", "widebar"), "overline"),
    **dict.fromkeys(("pmod", "bmod", "mod"), "mod"),
}
OPERATORS = {
    **dict.fromkeys(("times", "cdot", "ast", "centerdot"), "*"),
    "div": "/",
    **dict.fromkeys(("le", "leq", "leqslant", "leqq"), "<="),
    **dict.fromkeys(("ge", "geq", "geqslant", "geqq"), ">="),
    **dict.fromkeys(("ne", "neq"), "!="),
    "lt": "<",
    "gt": ">",
    **dict.fromkeys(("approx", "approxeq", "thickapprox", "simeq", "doteq"), "~"),
    "equiv": "=",
    "pm": "+-",
    "mp": "-+",
    "in": "in",
    "cup": "cup",
    "bigcup": "cup",
    "cap": "cap",
    **dict.fromkeys(("setminus", "backslash", "smallsetminus"), "\\"),
    **dict.fromkeys(("to", "rightarrow", "longrightarrow"), "->"),
    **dict.fromkeys(("land", "wedge"), "and"),
    **dict.fromkeys(("lor", "vee"), "or"),
    **dict.fromkeys(("lbrace",), "\\{"),
    **dict.fromkeys(("rbrace",), "\\}"),
    "lbrack": "[",
    "rbrack": "]",
    "lparen": "(",
    "rparen": ")",
    "langle": "<(",
    "rangle": ")>",
    **dict.fromkeys(("vert", "lvert", "rvert", "mid"), "|"),
    **dict.fromkeys(("Vert", "lVert", "rVert"), "||"),
    "lfloor": "floor(",
    "rfloor": ")floor",
    "lceil": "ceil(",
    "rceil": ")ceil",
    "colon": ":",
    **dict.fromkeys(("ldots", "dots", "cdots", "dotsc", "dotsb"), "..."),
    "prime": "'",
    **dict.fromkeys(("therefore", "implies", "Rightarrow", "Longrightarrow", "iff"), "=>"),
    "top": "T",
    "intercal": "T",
}
ESCAPED = {"{": "\\{", "}": "\\}", "%": "%", "$": "$", "|": "||", "#": "#", "&": "and", "_": "_", "\\": "\\\\"}
PLAIN = {character: character for character in "+-*/^_!%=<>,;:|(){}[]&'"}
ENVIRONMENTS = {
    **dict.fromkeys(("matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array", "psmallmatrix"), "matrix"),
    **dict.fromkeys(("vmatrix",), "determinant"),
    **dict.fromkeys(("cases", "aligned", "align", "align*", "gathered", "split", "rcases"), "cases"),
    **dict.fromkeys(("equation", "equation*", "math", "displaymath"), ""),
}
NUMBER_SETS = {"R": "R", "Z": "Z", "N": "N", "Q": "Q", "C": "C"}
