"""Loading and saving models without the bars that transformers draws over a run's own display.

with without_progress_bars():
    model.save_pretrained(directory)
"""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Hides the bars of transformers as long as this lasts. A download from the Hub, which can take minutes, keeps
    its own."""
    from huggingface_hub.utils import are_progress_bars_disabled, enable_progress_bars
    from transformers.utils import logging

    shown, downloads_shown = logging.is_progress_bar_enabled(), not are_progress_bars_disabled()
    logging.disable_progress_bar()
    if downloads_shown:  # the call before this one hides them too
        enable_progress_bars()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
