"""A store that does not answer, as behind a cable that is pulled."""

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Sequence

import pytest
from torch.distributed import HashStore

from multilayer.engine.bounded_store import BoundedStore


class Cable:
    """A store behind a cable, which may be pulled."""

    def __init__(self) -> None:
        self.is_whole = threading.Event()
        self.is_whole.set()
        self._store = HashStore()

    def check(self, keys: Sequence[str]) -> bool:
        self.is_whole.wait()
        return self._store.check(list(keys))

    def set(self, key: str, value: str) -> None:
        self.is_whole.wait()
        self._store.set(key, value)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def test_values_are_those_of_the_store():
    store = BoundedStore(HashStore(), 60)
    assert not store.check("a")
    store.set("a", "one")
    assert store.check("a")
    assert store.get("a") == "one"
    assert [store.add("n", 2), store.add("n", 3)] == [2, 5]
    store.compare_set("b", "", "first")
    store.compare_set("b", "", "second")
    assert store.get("b") == "first"
    store.close()


def test_a_call_without_an_answer_raises_and_the_next_ones_at_once():
    cable = Cable()
    store = BoundedStore(cable, 0.2)
    cable.is_whole.clear()
    with pytest.raises(RuntimeError, match=r"has not answered for 0\.2 s"):
        store.check("a")
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(RuntimeError, match="does not answer"):
            store.set("a", "lost")
    assert time.monotonic() - began < 20  # that is, not 0.2 s each
    cable.is_whole.set()
    while True:
        try:
            store.set("a", "kept")
            break
        except RuntimeError:
            time.sleep(0.01)
    assert store.get("a") == "kept"
    store.close()


def test_an_error_of_the_store_is_raised_where_it_is_asked():
    store = BoundedStore(Cable(), 60)
    with pytest.raises(TypeError):
        store.set("a", 1)  # type: ignore[arg-type]
    store.close()


def test_a_process_whose_cable_is_pulled_ends_with_one_error():
    program = """
        import sys, time
        sys.path.insert(0, "tests/engine")
        from test_bounded_store import Cable
        from multilayer.engine import rank_watch
        rank_watch._SECONDS_TO_ANSWER, rank_watch._SECONDS_OF_SILENCE = 1.0, 2.0
        cable = Cable()
        watch = rank_watch.RankWatch(cable, 1, 2, ["rank 0 of 2 on a", "rank 1 of 2 on b"])
        cable.is_whole.clear()
        time.sleep(600)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: rank 0 of 2 on a: nothing is heard for 2 s; "), (
        done.stderr
    )
