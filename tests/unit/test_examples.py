"""The examples of the docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import fiducial

MODULES = sorted(found.name for found in pkgutil.walk_packages(fiducial.__path__, "fiducial."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
