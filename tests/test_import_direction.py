"""The arrows between the rooms go one way."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "multilayer"
# A room may import itself and every room before it.
ORDER = [
    "errors",
    "descriptors",
    "ordinary_files",
    "files",
    "growing_files",
    "forked",
    "fresh_process",
    "side_by_side",
    "stopwatch",
    "folder_lock",
    "container",
    "columns",
    "reading",
    "encoding",
    "shards",
    "images",
    "engine",
    "recipes",
    "model",
    "model_file",
    "export",
    "fit",
    "pack",
    "estimators",
    "metrics",
    "drawing",
    "runs",
    "diagnostics",
    "proofs",
    "experiments",
    "report",
    "serve",
    "playground",
    "mlflow",
    "cli",
]
ALLOWED = {room: set(ORDER[: place + 1]) for place, room in enumerate(ORDER)}
ALLOWED["book"] = {"errors", "files", "images", "encoding", "drawing", "book"}
for room in ("proofs", "experiments", "cli"):
    ALLOWED[room] |= {"book"}
for room in ("cli", "mlflow"):
    ALLOWED[room] |= {"__init__"}
ALLOWED["__main__"] = {"cli"}


def imports_of(tree: ast.AST) -> set[str]:
    """The rooms that a module imports, wherever in the module it does so."""
    rooms = set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            if package == "multilayer":
                room = rest.partition(".")[0]
                is_room = (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()
                rooms.add(room if is_room else "__init__")
    return rooms


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_a_module_imports_only_rooms_before_its_own():
    assert len(MODULES) > 100
    wrong = {}
    for path in MODULES:
        place = path.relative_to(PACKAGE)
        room = place.parts[0].removesuffix(".py")
        if beyond := imports_of(ast.parse(path.read_text())) - ALLOWED[room]:
            wrong[str(place)] = beyond
    assert wrong == {}


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("import multilayer.proofs.verify", {"proofs"}),
        ("from multilayer.book import MLP", {"book"}),
        ("from multilayer import cli, __version__", {"cli", "__init__"}),
        ("def f():\n    from multilayer.errors import DataError", {"errors"}),
        ("import torch", set()),
    ],
)
def test_imports_are_found_in_every_form(source: str, rooms: set[str]):
    assert imports_of(ast.parse(source)) == rooms
