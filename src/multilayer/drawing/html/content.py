"""What a report shows of each run; what a run has nothing of is left empty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from multilayer.drawing.html.chart import BarTable, Chart, Table


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix.

    Args:
        class_names: of its rows (true) and columns (predicted).
        counts: (num_classes, num_classes).
        precision: of each class as it is shown.
        recall: likewise.
        num_rows: of each true class, whether or not its label is shown.
        note: what else to know, such as which classes were left out.
    """

    class_names: Sequence[str]
    counts: Sequence[Sequence[int]]
    precision: Sequence[str]
    recall: Sequence[str]
    num_rows: Sequence[int]
    note: str = ""

    def level(self, row: int, column: int) -> int:
        """How dark a cell is: tenths of its true class, from 0 to 10; any count is at least 1."""
        count = self.counts[row][column]
        return max(min(count, 1), round(10 * count / (self.num_rows[row] or 1)))


@dataclass(frozen=True)
class Mistake:
    """One row that was answered wrongly.

    Args:
        truth: what is true.
        answer: what the network said.
        detail: how sure it was, or by how much it was off.
        place: which row it is, from 0.
        picture: the row as a data: URI; "" where it is no picture.
        inputs: the row's values by column, where it is no picture.
    """

    truth: str
    answer: str
    detail: str
    place: int
    picture: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WeightPictures:
    """The weights into hidden neurons as pictures.

    Args:
        caption: which neurons are shown.
        picture: all of them in one, as a data: URI.
        limit: the weight with the strongest colour, as it is shown.
    """

    caption: str
    picture: str
    limit: str


@dataclass(frozen=True)
class LayerSummary:
    """A hidden layer as the rows pass it.

    Args:
        name: which layer.
        cells: what is said of it, as many as the page's headers.
        histogram: shares of its values in equal parts of their range, the largest as 1.
        range: of the histogram, in words.
    """

    name: str
    cells: Sequence[str]
    histogram: Sequence[float]
    range: str


@dataclass(frozen=True)
class Finding:
    """Something that doctor says of a run."""

    title: str
    evidence: str
    next_step: str


@dataclass(frozen=True)
class PackContent:
    """Networks with drawn settings that answer together.

    Args:
        sentences: how their training ended, and how good their mixture is.
        mixture: who is in it.
        shares: of each.
    """

    sentences: Sequence[str]
    mixture: Table
    shares: BarTable


@dataclass(frozen=True)
class RunContent:
    """What a page shows of one run; what is empty or None is not shown.

    Args:
        name: of the run; no other of the page has the same.
        status: how it ended, in words.
        facts: what was trained on what, by name.
        settings: of the training, by name.
        scores: on rows it did not learn from, by name, each with its interval.
        history: a mapping for each epoch, with the key epoch.
        command: what repeats it.
        conditions: what else must be the same to repeat it to the last bit, by name.
        pack: of a pack, who is in its mixture.
        seconds: where the time went.
        confusion: for classes.
        labels: for several yes-or-no labels, how each is answered.
        calibration: for classes, confidence against the share of right answers.
        residuals: for numbers, what was said against what is true, of each target.
        mistakes: the worst, the worst first.
        num_mistakes: how many there are in all; None where that has no meaning.
        weights: for pictures.
        importance: of the columns of a table.
        layer_headers: of the layers' cells.
        layers: the hidden layers.
        gradients: norm of each layer's gradient.
        findings: doctor's; None where doctor was not asked.
        missing: what could not be shown, and why.
    """

    name: str
    status: str
    facts: Mapping[str, str]
    settings: Mapping[str, str]
    scores: Mapping[str, str]
    history: Sequence[Mapping[str, float | None]]
    command: str
    conditions: Mapping[str, str]
    pack: PackContent | None = None
    seconds: BarTable | None = None
    confusion: Confusion | None = None
    labels: Table | None = None
    calibration: Chart | None = None
    residuals: Sequence[Chart] = ()
    mistakes: Sequence[Mistake] = ()
    num_mistakes: int | None = None
    weights: WeightPictures | None = None
    importance: BarTable | None = None
    layer_headers: Sequence[str] = ()
    layers: Sequence[LayerSummary] = ()
    gradients: BarTable | None = None
    findings: Sequence[Finding] | None = None
    missing: Sequence[str] = ()


def side_by_side(
    caption: str, runs: Sequence[RunContent], parts: Sequence[Mapping[str, str]]
) -> Table:
    """What several runs have under the same names: a row for each name, a column for each run.

    Args:
        caption: of the table.
        runs: the columns.
        parts: for each run its values by name; a name that a run lacks is a dash.
    """
    names = list(dict.fromkeys(name for part in parts for name in part))
    return Table(
        caption,
        ["", *(run.name for run in runs)] if len(runs) > 1 else ["", "value"],
        [[name, *(part.get(name, "–") for part in parts)] for name in names],
    )
