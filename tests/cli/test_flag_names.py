import pytest

from multilayer.cli.application import run, with_flags_as_typed


@pytest.mark.parametrize(
    ("arguments", "message", "expected"),
    [
        (["--max-epochs", "0"], "max_epochs must be at least 1", "--max-epochs must be at least 1"),
        (["--max-epochs=0"], "max_epochs must be at least 1", "--max-epochs must be at least 1"),
        (["--interval", "90"], "coverage must be a number", "--interval must be a number"),
        (["--validation", "30"], "validation_fraction is 30", "--validation is 30"),
        (["--loss", "x"], "unknown loss: the loss is x", "unknown loss: the loss is x"),
        (["--seed", "-1"], "seed must be at least 0", "--seed must be at least 0"),
        (["max_epochs=0"], "max_epochs must be at least 1", "max_epochs must be at least 1"),
    ],
)
def test_settings_are_named_as_they_were_typed(arguments, message, expected):
    assert with_flags_as_typed(message, arguments) == expected


def test_an_error_of_the_command_line_names_the_flag(capsys):
    assert run(["train", "digits", "--max-epochs", "0"]) == 2
    assert capsys.readouterr().err.startswith("error: --max-epochs must be")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["train", "digit"], "did you mean 'digits'?"),
        (["train", "Fashion-MNIST"], "did you mean 'fashion-mnist'?"),
        (["train", "digits", "--recipe", "defualt"], "default"),
    ],
)
def test_a_name_that_is_nearly_right_gets_a_hint(arguments, hint, capsys):
    assert run(arguments) == 2
    assert hint in capsys.readouterr().err


def test_a_column_that_is_nearly_right_gets_a_hint(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("Survived,age\n1,2\n0,3\n")
    assert run(["train", str(tmp_path / "t.csv"), "--target", "survived"]) == 2
    assert "did you mean 'Survived'?" in capsys.readouterr().err


def test_images_have_no_target(capsys):
    assert run(["train", "digits", "--target", "label"]) == 2
    assert "images with labels of their own; leave --target out" in capsys.readouterr().err
