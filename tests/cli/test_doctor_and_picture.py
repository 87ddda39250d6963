def test_a_run_is_examined(multilayer, small_folder):
    done = multilayer(
        "train", small_folder, "--max-epochs", "8", "--learning-rate", "0.0001", "--output", "run"
    )
    assert "\ndoctor: learning rate too low" in done.stdout
    assert "multilayer doctor run says more\n" in done.stdout
    done = multilayer("doctor", "run")
    assert done.returncode == 0
    assert done.stdout.startswith("learning rate too low: the training loss fell by ")
    assert "\n  try: multilayer train " in done.stdout
    assert "--learning-rate 0.001" in done.stdout


def test_a_folder_that_is_no_run(multilayer):
    done = multilayer("doctor", "nowhere")
    assert done.returncode == 2
    assert done.stderr == "error: there is no run folder nowhere\n"


def test_a_plane_is_pictured(multilayer, tmp_path):
    settings = "max_epochs=3,hidden_widths=8"
    done = multilayer("picture", "moons", "--settings", settings, "--output", "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "out: loss_surface.png, loss_surface.svg, regions.gif, regions.png, regions.svg\n"
    )
    done = multilayer("picture", "suns")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
