from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playground_process import PlaygroundProcess


@pytest.fixture
def start_playground(tmp_path: Path) -> Iterator[Callable[..., PlaygroundProcess]]:
    started: list[PlaygroundProcess] = []

    def start(*arguments: str | Path, forks=None) -> PlaygroundProcess:
        started.append(PlaygroundProcess(*arguments, folder=tmp_path, forks=forks))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def played(forks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaygroundProcess]:
    """A playground in English, of all tests that leave it as it was."""
    server = PlaygroundProcess(
        "--language", "en", folder=tmp_path_factory.mktemp("playground"), forks=forks
    )
    yield server
    server.close()
