"""The notebooks of docs/notebooks run in a real kernel and show what they say."""

import re
from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.md"))


FEW_PICTURES = """
import multilayer as d2l

def read_some(self, *arguments, read_all=d2l.FashionMNIST.__init__, **options):
    read_all(self, *arguments, **options)
    self.train.data, self.train.targets = self.train.data[:6000], self.train.targets[:6000]

d2l.FashionMNIST.__init__ = read_some
"""


def run(notebook, folder):
    client = nbclient.NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds_of_output(cell) -> set[str]:
    return {kind for output in cell.outputs for kind in output.get("data", {"text/plain": ""})}


def test_all_notebooks_run_with_an_epoch_of_few_pictures(tmp_path):
    """In one kernel, which begins each of them without the names of the one before."""
    cells, num_cells = [nbformat.v4.new_code_cell(FEW_PICTURES)], {}
    for path in NOTEBOOKS:
        cells.append(nbformat.v4.new_code_cell("%reset -f"))
        of_path = jupytext.read(path).cells
        cells += of_path
        num_cells[path.name] = sum(cell.cell_type == "code" for cell in of_path)
    for cell in cells:
        cell.source = re.sub(r"max_epochs=10\b", "max_epochs=1", cell.source)
    notebook = nbformat.v4.new_notebook(cells=cells)
    done = run(notebook, tmp_path)
    assert min(num_cells.values()) > 3
    assert len(done) == 1 + sum(num_cells.values()) + len(NOTEBOOKS)
    assert all(cell.execution_count for cell in done)
    pictures = [cell for cell in done if "image/svg+xml" in kinds_of_output(cell)]
    assert len(pictures) > 8
    assert len((tmp_path / "submission.csv").read_text().splitlines()) == 501


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_as_it_stands(path, tmp_path):
    for cell in run(jupytext.read(path), tmp_path):
        assert not any(output.output_type == "error" for output in cell.outputs)
        errors = [one.text for one in cell.outputs if one.get("name") == "stderr"]
        assert not errors, cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_jupyter_finds_cells_and_a_kernel(path):
    notebook = jupytext.read(path)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    fences = path.read_text().count("```python\n")
    assert sum(cell.cell_type == "code" for cell in notebook.cells) == fences
    nbformat.validate(notebook)


def test_the_notebooks_follow_each_other():
    """Each is led to by the index or by the one before."""
    found, page = [], "by-hand.md"
    while page:
        found.append(page)
        text = (NOTEBOOKS[0].parent / page).read_text()
        following = re.search(r"^Go on with \[.*\]\((.*)\)", text, re.MULTILINE)
        page = following[1] if following else None
    assert sorted(found) == [path.name for path in NOTEBOOKS]
