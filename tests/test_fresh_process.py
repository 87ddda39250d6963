"""The process that calls functions for another one ends when it is told to."""

import os
from pathlib import Path

import pytest

from multilayer.fresh_process import FreshProcess


@pytest.mark.skipif(os.name == "nt", reason="descriptors are passed on")
def test_a_closed_process_has_ended_and_a_call_starts_another():
    fresh = FreshProcess()
    fresh.close()  # none has begun
    first = fresh.call(os.getpid)
    assert first == fresh.call(os.getpid) != os.getpid()
    fresh.close()
    assert not Path(f"/proc/{first}").exists()  # where there is such a folder
    second = fresh.call(os.getpid)
    assert second != first
    fresh.close()
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)
