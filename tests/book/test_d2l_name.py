import subprocess
import sys


def run(program: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True, text=True, check=False, **options,
    )  # fmt: skip


def test_nothing_of_ours_installs_a_module_of_that_name():
    done = run("import multilayer, multilayer.book\nfrom d2l import torch as d2l")
    assert "No module named 'd2l'" in done.stderr


def test_the_old_line_works_once_it_is_asked_for():
    done = run(
        "import multilayer, multilayer.book\n"
        "multilayer.book.provide_d2l()\n"
        "multilayer.book.provide_d2l()\n"
        "from d2l import torch as d2l\n"
        "assert d2l is multilayer\n"
        "import d2l.torch as d2l\n"
        "assert d2l is multilayer\n"
        "print(d2l.MLP(num_outputs=2, num_hiddens=3, lr=0.1).num_hiddens)"
    )
    assert done.stdout == "3\n", done.stderr


def test_the_other_frameworks_are_not_there():
    done = run("import multilayer.book\nmultilayer.book.provide_d2l()\nfrom d2l import jax as d2l")
    assert "ImportError: cannot import name 'jax' from 'd2l'" in done.stderr


def test_an_installed_package_is_not_hidden(tmp_path):
    (tmp_path / "d2l").mkdir()
    (tmp_path / "d2l" / "__init__.py").write_text("")
    done = run("import multilayer.book\nmultilayer.book.provide_d2l()", cwd=tmp_path)
    assert "a package d2l is installed here already" in done.stderr
