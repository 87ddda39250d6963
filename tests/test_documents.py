"""The blocks of README.md and docs/ do what they say.

A `python` block runs as a program of its own. A `console` block runs its `$ multilayer …` lines one
after the other in a folder in which the `python` block before it under the same heading has run, if
there is one; what it shows must be what they print, numbers aside.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from fork_server import ForkServer

ROOT = Path(__file__).parent.parent
# No state is kept of a training of less than half a minute.
ONLY_WHERE_TRAINING_IS_SLOW = re.compile(r"checkpoints(, |$)")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOTEBOOKS = ROOT / "docs" / "notebooks"  # whose blocks are cells: tests/site/test_notebooks.py
# A translated page has the blocks of its English page (tests/site), which need not run twice.
RUN = [path for path in DOCUMENTS if path.parent.name != "ru" and path.parent != NOTEBOOKS]
SHELLS_OWN = set("|<>&;$*")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list:
    found = []
    for document in RUN:
        for number, match in enumerate(BLOCK.finditer(document.read_text()), 1):
            if match[1] == language:
                found.append(pytest.param(match[2], id=f"{document.name}-{number}"))
    return found


def without_numbers(text: str) -> list[str]:
    """Lines with every number as # and every run of spaces or rules as one."""
    lines = [re.sub(r"\d[\d.,]*", "#", line) for line in text.splitlines()]
    return [re.sub(r"(\s|─)+", " ", line).strip() for line in lines if line.strip()]


def console_sessions() -> list:
    """Each console block, with the program that runs before it or None."""
    found = []
    for document in RUN:
        for section in re.split(r"^#+ ", document.read_text(), flags=re.MULTILINE):
            program = None
            for match in BLOCK.finditer(section):
                if match[1] == "python":
                    program = match[2]
                elif match[1] == "console":
                    title = section.partition("\n")[0]
                    found.append(pytest.param(match[2], program, id=f"{document.name}-{title}"))
    return found


def shortened(program: str) -> str:
    """With an epoch in place of many, and few for each of a bag's networks."""
    program = re.sub(r"max_epochs=\d\d+", "max_epochs=1", program)
    return program.replace('Classifier("best", ', 'Classifier("best", max_iter=4, ')


def run_program(forks: ForkServer, program: str, folder: Path) -> None:
    with Path(os.devnull).open() as nothing:
        process = forks.start(program, "-c", cwd=folder, streams=(nothing.fileno(), None, None))
    _, errors = process.communicate()
    process.close()
    assert process.returncode == 0, errors


@pytest.mark.parametrize("program", blocks("python"))
def test_python_blocks_run(program, forks, tmp_path):
    run_program(forks, shortened(program), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(
    "program", [p for p in blocks("python") if shortened(p.values[0]) != p.values[0]]
)
def test_python_blocks_that_last_run_as_they_are(program, forks, tmp_path):
    run_program(forks, program, tmp_path)


@pytest.mark.parametrize(("session", "program"), console_sessions())
def test_console_blocks_print_what_they_show(
    session, program, forks, start_multilayer, tmp_path, fashion_mnist
):
    if program is not None:
        run_program(forks, program, tmp_path)
    folder = Path(sys.executable).parent
    path = f"{folder}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONWARNINGS": "error"}
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        assert command.startswith("multilayer ")
        if set(command) & SHELLS_OWN:
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
        else:
            process = start_multilayer(*shlex.split(command)[1:], PATH=path)
            said = process.communicate()
            done = subprocess.CompletedProcess(command, process.returncode, *said)
        assert done.returncode == 0, done.stderr
        printed = without_numbers(done.stdout + done.stderr)
        expected = without_numbers(shown)
        if not any(map(ONLY_WHERE_TRAINING_IS_SLOW.search, expected)):
            printed = [
                ONLY_WHERE_TRAINING_IS_SLOW.sub("", line)
                for line in printed
                if line != "checkpoints"
            ]
        if "…" in expected:  # the middle is left out
            cut = expected.index("…")
            expected, ending = expected[:cut], expected[cut + 1 :]
            assert printed[-len(ending) :] == ending
            printed = printed[:cut]
        assert printed == expected


def test_there_are_blocks_to_run():
    assert blocks("python")
    assert len(console_sessions()) == len(blocks("console")) > 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_make_knows_the_commands_that_the_readme_names():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?\bmake ([\w-]+)", (ROOT / "README.md").read_text()))
    assert {"run", "test"} <= named <= targets
