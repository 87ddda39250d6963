import pytest
import torch

from multilayer.cli.application import run
from multilayer.engine.layers.linear import Linear
from multilayer.errors import DistributedError, SettingsError
from multilayer.proofs.verify import ON_DISK, verify


@pytest.mark.parametrize("num_steps", [20, pytest.param(200, marks=pytest.mark.long)])
def test_the_three_forms_agree_after_one_step_and_many(num_steps, request):
    is_long = num_steps == 200
    data = "fashion-mnist" if is_long else request.getfixturevalue("small_folder")
    agreements = verify(data) if is_long else verify(data, num_steps=num_steps)
    assert all(row.holds for row in agreements)
    assert {(row.precision, row.num_steps) for row in agreements} == {
        ("float64", 1), ("float64", num_steps), ("float32", 1), ("float32", num_steps),
    }  # fmt: skip
    names = [row.quantity for row in agreements[:10]]
    assert names[:3] == ["outputs", "loss", "gradient W1"]
    assert names[-1] == "parameter b2"
    # Two ways of rounding: an exact zero everywhere would mean that something is held to itself.
    on_disk = [row for row in agreements if row.quantity == ON_DISK]
    agreements = [row for row in agreements if row.quantity != ON_DISK]
    assert [row.precision for row in on_disk] == ["float64", "float32"]
    assert all(row.two_processes > 0 for row in on_disk)
    assert any(row.engine > 0 for row in agreements)
    assert any(row.scratch > 0 for row in agreements)
    assert any(row.population > 0 for row in agreements)
    assert any(row.two_processes != row.engine for row in agreements)
    assert all(row.two_processes > 0 for row in agreements if row.quantity == "gradient W1")
    assert max(row.engine for row in agreements if row.precision == "float64") < 1e-12


@pytest.fixture
def one_gradient_is_broken(monkeypatch):
    """What flows into the engine's last layer comes out one part in a thousand too large."""
    backward = Linear.backward

    def broken(self, gradient, descent=None):
        is_last = self.outputs.shape[-1] == 10
        return backward(self, gradient.mul_(1.001) if is_last else gradient, descent)

    monkeypatch.setattr(Linear, "backward", broken)


def test_a_broken_gradient_is_found_and_named(one_gradient_is_broken, small_folder):
    agreements = verify(small_folder, num_steps=3)
    over = {row.quantity for row in agreements if not row.holds and row.num_steps == 1}
    assert over >= {"gradient b1", "gradient b2", "outputs", "parameter b2"}
    assert all(row.scratch is None or row.scratch <= row.tolerance for row in agreements)


def test_the_command_fails_with_a_broken_gradient(one_gradient_is_broken, small_folder, capsys):
    assert run(["verify", str(small_folder), "--steps", "2"]) == 1
    output = capsys.readouterr()
    assert "OVER" in output.out
    assert "quantities differ by more than the tolerance" in output.err


def test_the_command_succeeds_with_whole_gradients(small_folder, capsys):
    assert run(["verify", str(small_folder), "--steps", "2"]) == 0
    output = capsys.readouterr().out
    assert "OVER" not in output
    assert "all 42 quantities agree" in output


def test_nan_is_a_disagreement(monkeypatch, small_folder):
    backward = Linear.backward
    monkeypatch.setattr(
        Linear, "backward", lambda self, g, descent: backward(self, g.mul_(torch.nan), descent)
    )
    assert not all(row.holds for row in verify(small_folder, num_steps=2))


def test_no_steps_is_refused(small_folder):
    with pytest.raises(SettingsError, match="num_steps must be .* at least 1; it is 0"):
        verify(small_folder, num_steps=0)


def test_processes_that_fail_are_told(small_folder, monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(DistributedError, match="training in two processes failed: no reason given"):
        verify(small_folder, num_steps=1)
