"""Warnings on the command line."""

import warnings

import pytest

from multilayer.cli.terminal import warnings_as_notes
from multilayer.errors import DataWarning


def test_a_data_warning_is_printed_once_as_a_note(capsys):
    with warnings_as_notes():
        for _ in range(2):
            warnings.warn("row 3 is left\nout", DataWarning, stacklevel=1)
        with pytest.raises(UserWarning, match="another"):  # errors in tests
            warnings.warn("another", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "note: row 3 is left out\n"
