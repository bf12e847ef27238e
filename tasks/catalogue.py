"""The built-in tasks by name, and `load`, which opens any of them, a Hub data set or a local file.

    load("countdown", level=2).problem(0)                                # generated
    load("gsm8k", split="test").problem(0)                               # rows; `VERIGYM_DATA` or the Hub
    load("my/rows.jsonl", prompt="question", answer="final")             # rows of one's own

What a verifier finds in `Problem.answer`, always plain JSON data, and what stands in the reply between `<answer>` and `</answer>`
(data sets: inside the last `\\boxed{}`). Each module's docstring says the same at more length.

| id            | verifier   | answer                                                        | in the tags                         |
|---------------|------------|---------------------------------------------------------------|-------------------------------------|
| countdown     | expression | {"numbers": [25, 3, 17], "target": 11, "operators": "+-*/"}   | 3 + 25 - 17                         |
| arithmetic    | number     | "57": an integer in decimal, maybe negative                   | 57                                  |
| bases         | exact      | "1f": digits 0-9a-z, lower case, no prefix                    | 1f                                  |
| modular       | number     | "6": an integer from 0 up to the modulus                      | 6                                   |
| word-problems | number     | "42": a positive integer                                      | 42                                  |
| reverse       | exact      | "cba": no spaces                                              | cba                                 |
| sort          | exact      | "3 17 25": numbers separated by single spaces                 | 3 17 25                             |
| brackets      | exact      | "}])": the closing brackets that are missing, no spaces       | }])                                 |
| knights       | assignment | {"solution": {"Ann": "knight", "Bob": "knave"}}               | Ann: knight, Bob: knave             |
| sudoku        | sudoku     | {"grid": [[1, 0, 0, 4], ...]}: 4 rows of 4, 0 is blank        | 1 2 3 4 and so on, 16 digits by row |
| path          | path       | {"grid": ["..#", "...", "#.."], "start": [0, 0],              | RDDR (U up, D down, L left,         |
|               |            | "goal": [2, 2], "length": 4}: row, column from the top left   | R right), any shortest path         |
| list-programs | program    | {"cases": [[[3, 1], [1, 3]], ...], "hidden": [the same form]} | sort \\| take 3 (see code/dsl.py)    |
| gsm8k         | number     | "18": commas stripped                                         | 18 (boxed)                          |
| math, math500 | math       | the gold LaTeX, such as "\\\\frac{1}{2}"                         | 0.5 (boxed)                         |
| aime24, aime25| number     | "204": an integer from 0 to 999, no leading zeros             | 204 (boxed)                         |
| rows at large | yours      | the text (or number, or plain data) of the `answer` field     | as you asked for                    |
"""
