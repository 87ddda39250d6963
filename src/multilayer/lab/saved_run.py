"""What a run folder says of the run that it is of, so that the run can be taken up again."""

from dataclasses import dataclass
from pathlib import Path

from multilayer.engine.settings import TrainingSettings
from multilayer.errors import RunFolderError
from multilayer.lab.run_folder import read_json


@dataclass(frozen=True)
class SavedRun:
    """The arguments that a run was begun with.

        saved = SavedRun.read("runs/first")
        run = ImageRun(
            saved.data, saved.settings, "runs/first",
            recipe_name=saved.recipe_name, data_dir=saved.data_dir, is_resumed=True,
        )

    Attributes:
        data: as `ImageRun` takes it, like all others.
        settings: …
        recipe_name: …
        data_dir: …
    """

    data: str
    settings: TrainingSettings
    recipe_name: str
    data_dir: str | None

    @classmethod
    def read(cls, run: str | Path) -> "SavedRun":
        """Read a run folder.

        Raises:
            RunFolderError: it is no run folder or damaged, or its run has ended.
        """
        document = read_json(run, "settings.json")
        if (Path(run) / "results.json").exists():
            status = read_json(run, "results.json").get("status")
            # A run that was killed while it drew has its results and lacks the last picture.
            has_all = status == "diverged" or (Path(run) / "first_layer.png").exists()
            if status != "interrupted" and has_all:
                raise RunFolderError(f"the run {run} has {status}; there is nothing to resume")
        try:
            settings = TrainingSettings(**document["settings"])
            origin = document["data"]
            return cls(origin["load"], settings, document["recipe"], origin["data_dir"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"{run}/settings.json does not describe a run: {error}") from error
