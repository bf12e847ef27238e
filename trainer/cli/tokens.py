"""The token of a server that verigym starts: given in a file or a variable, else made for this time.

find_token(None, "VERIGYM_ENGINE_TOKEN")     # ("q7Jx...", False)
"""

import os
import secrets
from pathlib import Path

from verigym.trainer.config import ConfigError


def find_token(file: Path | None, variable: str) -> tuple[str, bool]:
    """(token, whether somebody chose it): from the file, else the environment's `variable`, else made. Raises
    ConfigError."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip(), True
        except (OSError, UnicodeDecodeError) as failure:
            raise ConfigError(
                f"--token-file {file}: {failure}; give a file that holds the token and nothing else"
            ) from None
    found = os.environ.get(variable, "").strip()
    return (found, True) if found else (secrets.token_urlsafe(24), False)
