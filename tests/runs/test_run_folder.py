import pytest

from multilayer.errors import OutputError, RunFolderError
from multilayer.runs.run_documents import read_json
from multilayer.runs.run_folder import RunFolder, model_path


def test_a_folder_below_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot make the output folder .*: not a directory"):
        RunFolder(tmp_path / "file" / "run", "name")


def test_a_disk_without_room_is_found_before_training_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match=r"has [\d.]+ MB left; the run needs [\d.]+ MB"):
        RunFolder(tmp_path / "a" / "run", "name", num_bytes_expected=10**18)
    assert not any(tmp_path.iterdir())


def test_numbers_that_json_does_not_have_are_refused(tmp_path):
    folder = RunFolder(tmp_path / "run", "name")
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            folder.write_json("results.json", {"loss": value})
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "cannot be read"),
        (b"[1]", "cannot be read: it must hold a JSON object"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_damaged_json_file_is_named(tmp_path, content, message):
    (tmp_path / "results.json").write_bytes(content)
    with pytest.raises(RunFolderError, match=f"results.json {message}"):
        read_json(tmp_path, "results.json")


def test_folders_that_are_no_finished_runs_are_told_apart(tmp_path):
    with pytest.raises(RunFolderError, match="there is no run folder"):
        model_path(tmp_path / "absent")
    with pytest.raises(RunFolderError, match="it has no model.safetensors"):
        model_path(tmp_path)
    with pytest.raises(RunFolderError, match="it has no settings.json"):
        read_json(tmp_path, "settings.json")


@pytest.mark.parametrize("name", ["x.png", "answers.CSV"])
def test_a_folder_named_as_a_file_is_refused(name, tmp_path):
    with pytest.raises(OutputError, match="would be a folder, as several files are written"):
        RunFolder(tmp_path / "new" / name, "run")
    assert not (tmp_path / "new").exists()
    (tmp_path / name).mkdir()
    with RunFolder(tmp_path / name, "run") as folder:
        assert folder.path == tmp_path / name
