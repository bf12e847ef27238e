"""Puts this folder on the path: the conformance suite is shared by the tests of every engine."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("rig", "replies", "work", "conformance")
