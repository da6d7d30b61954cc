"""Errors travel between processes, print all their parts and give the exit code of their class."""

from __future__ import annotations

import pickle

import pytest

from fiducial import errors
from fiducial.errors import CatalogueError, FiducialError, FormatError, InputError, NumericsError, RunError

KINDS = [
    (InputError, "FID-1001", 2, ValueError),
    (FormatError, "FID-2001", 3, ValueError),
    (NumericsError, "FID-3001", 4, ArithmeticError),
    (CatalogueError, "FID-4001", 5, LookupError),
    (RunError, "FID-5001", 6, RuntimeError),
]


def make(kind: type[FiducialError], code: str) -> FiducialError:
    return kind(code, "what is wrong", where="a.csv, line 3", fix="do this")


def test_every_subclass_is_listed_here():
    found = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, FiducialError)}
    assert found == {FiducialError, *(kind for kind, *_ in KINDS)}


@pytest.mark.parametrize(("kind", "code", "exit_code", "builtin"), KINDS)
def test_kind_exit_code_and_builtin(kind, code, exit_code, builtin):
    error = make(kind, code)
    assert isinstance(error, (FiducialError, builtin))
    assert isinstance(error, builtin)
    assert error.exit_code == exit_code


@pytest.mark.parametrize(("kind", "code"), [(FiducialError, "FID-1001"), *[pair[:2] for pair in KINDS]])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_every_part(kind, code, protocol):
    error = make(kind, code)
    back = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301
    assert type(back) is kind
    assert back.to_dict() == error.to_dict()
    assert str(back) == str(error)
    assert back.args == error.args


def test_text_shows_code_problem_place_and_fix():
    text = str(make(InputError, "FID-1001"))
    assert text.splitlines() == ["FID-1001: what is wrong", "  where: a.csv, line 3", "  fix:   do this"]


@pytest.mark.parametrize("code", ["FID-0001", "FID-6001", "FID-101", "FID-10011", "fid-1001", "FID-1001\n", ""])
def test_malformed_code_is_a_mistake_of_the_programmer(code):
    with pytest.raises(AssertionError, match="malformed error code"):
        make(InputError, code)
