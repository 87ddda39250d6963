import numpy as np
import pytest
import torch
from PIL import Image

from multilayer.diagnostics.learning import learning_of, save_pictures, snapshots_of
from multilayer.diagnostics.loss_surface import loss_surface
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.scores import evaluate
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import RunFolderError, SettingsError
from multilayer.model.model_file import load_model
from multilayer.recipes.recipes import recipe
from multilayer.runs.earlier_runs import ImageRun


@pytest.fixture(scope="module")
def run(small_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    settings = recipe(hidden_widths=(32,), max_epochs=3, validation_fraction=0.2, seed=5)
    run = ImageRun(small_folder, settings, folder)
    list(run.epochs())
    run.finish()
    return folder


def test_a_run_is_repeated_to_the_same_weights(run):
    snapshots = list(snapshots_of(learning_of(run)))
    assert [one.epoch for one in snapshots] == [0, 1, 2, 3]
    kept = load_model(run / "model.safetensors").network.parameters[0]
    assert torch.equal(snapshots[-1].parameters, kept)
    assert not torch.equal(snapshots[0].parameters, kept)


def test_a_run_gives_first_weights_and_the_surface(run, tmp_path):
    learning = learning_of(run)
    save_pictures(learning, list(snapshots_of(learning)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "first_layer_epochs.gif", "first_layer_epochs.png",
        "loss_surface.png", "loss_surface.svg",
    }  # fmt: skip
    with Image.open(tmp_path / "first_layer_epochs.gif") as animation:
        assert animation.n_frames == 4


@pytest.mark.parametrize("name", ["spirals", "moons", "circles"])
def test_a_plane_is_learned_and_its_regions_drawn(name, tmp_path):
    learning = learning_of(name)
    snapshots = list(snapshots_of(learning))
    last = Network.of(learning.spec, snapshots[-1].parameters.unsqueeze(0))
    assert evaluate(last, learning.train).accuracy[0] > 0.95
    if name != "moons":
        return
    save_pictures(learning, snapshots, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "regions.gif", "regions.png", "regions.svg", "loss_surface.png", "loss_surface.svg",
    }  # fmt: skip
    with Image.open(tmp_path / "regions.gif") as animation:
        assert animation.n_frames == len(snapshots) == 41


def test_the_surface_holds_the_losses_of_the_networks_on_the_way():
    spec = NetworkSpec(2, 2, (3,))
    source = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, spec.num_parameters, generator=source)
    last = torch.randn(spec.num_parameters, generator=source)
    rows = Examples(torch.randn(50, 2, generator=source), torch.arange(50) % 2)
    surface = loss_surface(spec, [first, second, last], rows, num_points=7)
    # Three points lie in a plane, so that the grid's axes and the way describe them whole.
    assert sum(surface.shares) == pytest.approx(1)
    assert surface.path[-1] == pytest.approx([0, 0], abs=1e-5)
    for snapshot, place in zip((first, second), surface.path, strict=False):
        assert np.hypot(*place) == pytest.approx(float((snapshot - last).norm()), rel=1e-5)
    assert surface.losses.shape == (7, 7)
    x, y = surface.xs[2], surface.ys[5]
    way = torch.stack([first - last, second - last])
    # The network at a grid point, by solving for its place in the plane of the two differences.
    places = torch.from_numpy(surface.path[:2]).T.double()
    shares = torch.linalg.solve(places, torch.tensor([x, y], dtype=torch.float64)).float()
    network = Network.of(spec, (last + shares @ way).unsqueeze(0))
    assert surface.losses[5, 2] == pytest.approx(evaluate(network, rows).loss[0], rel=1e-4)


def test_what_cannot_be_pictured(run, tmp_path):
    with pytest.raises(SettingsError, match="a run has its own settings"):
        learning_of(run, "dropout=0.1")
    with pytest.raises(SettingsError, match="unknown setting 'with'"):
        learning_of("moons", "with=3")
    with pytest.raises(RunFolderError, match="there is no run folder"):
        learning_of(tmp_path / "nowhere")
