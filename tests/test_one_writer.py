"""Every file that the package leaves goes through `files` or `growing_files`."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src" / "multilayer"
WRITING_METHODS = {
    "write_text",
    "write_bytes",
    "touch",
    "tofile",
    "savefig",
    "savetxt",
    "save_file",
}
# The writers; the lock; a notebook's picture in memory; what apt-get is told and says, and
# what is downloaded, in a folder for the time being whose files are then copied by checksum; pipes.
EXEMPT = {
    "files.py",
    "growing_files.py",
    "folder_lock.py",
    "book/screens.py",
    "images/download.py",
    "fresh_process.py",
}


def writes(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        constants = [
            argument.value
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        is_open = name in ("open", "fdopen") and any(
            set(value) <= set("rwxabt+") and set(value) & set("wxa+") for value in constants
        )
        is_method = name in WRITING_METHODS and isinstance(function, ast.Attribute)
        if is_open or is_method:
            found.append(f"line {node.lineno}: {name}")
    return found


def writes_past_the_writer(path: Path) -> list[str]:
    if str(path.relative_to(PACKAGE)) in EXEMPT:
        return []
    text = path.read_text()
    in_memory = "BytesIO" in text or "StringIO" in text
    return [entry for entry in writes(path) if not (in_memory and "savefig" in entry)]


def test_a_module_writes_through_the_one_writer():
    found = {str(path.relative_to(PACKAGE)): writes_past_the_writer(path)
             for path in sorted(PACKAGE.rglob("*.py"))}  # fmt: skip
    assert len(found) > 100
    assert {path: entries for path, entries in found.items() if entries} == {}


def test_writes_are_found_in_every_form(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "p.write_text('x')\nopen(p, 'w')\np.open(mode='ab')\np.open('rb')\nopen(p)\n"
        "write_text(p, 'x')\nnp.save(p)\nfigure.savefig(p)\n"
    )
    assert [entry.split()[1] for entry in writes(path)] == ["1:", "2:", "3:", "8:"]
