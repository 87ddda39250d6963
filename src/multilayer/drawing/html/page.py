"""The page itself, written from its content by the templates beside this file."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from multilayer.drawing.html.charts import learning_charts
from multilayer.drawing.html.content import RunContent, side_by_side
from multilayer.errors import escaped

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        id: what a link to it ends in, and the name of its template.
        title: its heading.
        is_empty: whether no run has anything to show in it.
    """

    id: str
    title: str
    is_empty: bool


def render_page(title: str, written: str, runs: Sequence[RunContent]) -> str:
    """Write the page.

    All text is escaped; control characters and marks that turn the direction of writing are shown
    as their codes. The page says to the browser that nothing may be loaded, and that no other style
    and script than its own may run, so that even text that were not escaped could do nothing.

    Args:
        title: of the page.
        written: when and by what it was written, in words.
        runs: at least one, side by side in this order.

    Returns:
        HTML, with no reference to anything outside it.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    script = (_TEMPLATES / "script.js").read_text(encoding="utf-8")
    charts = learning_charts(runs)
    return environment.get_template("page.html").render(
        title=title,
        written=written,
        runs=runs,
        style=Markup(style),  # noqa: S704 (the package's own file)
        script=Markup(script),  # noqa: S704 (likewise)
        policy=_policy(style, script),
        learning_charts=charts,
        facts=side_by_side("Data, network and training", runs, [run.facts for run in runs]),
        scores=side_by_side(
            "Scores on rows it was not trained on", runs, [run.scores for run in runs]
        ),
        settings=side_by_side("Settings", runs, [run.settings for run in runs]),
        conditions=side_by_side("Where it ran", runs, [run.conditions for run in runs]),
        sections=[section for section in _sections(runs, bool(charts)) if not section.is_empty],
    )


def _shown(value: object) -> object:
    """A value of the page: text as `escaped` shows it, all else and our own HTML as it is."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return escaped(value, keep="\n") if is_text else value


def _sections(runs: Sequence[RunContent], has_curves: bool) -> list[Section]:
    def has(name: str) -> bool:
        return any(getattr(run, name) for run in runs)

    return [
        Section("training", "What was trained", is_empty=False),
        Section("curves", "Learning curves", not has_curves),
        Section("pack", "Who is in the mixture", not has("pack")),
        Section("findings", "What doctor says", all(run.findings is None for run in runs)),
        Section("confusion", "Which classes it confuses", not has("confusion")),
        Section("labels", "How each label is answered", not has("labels")),
        Section("residuals", "How far off it is", not has("residuals")),
        Section("calibration", "Calibration", not has("calibration")),
        Section("mistakes", "Worst mistakes", not has("mistakes")),
        Section("weights", "First-layer weights", not has("weights")),
        Section("importance", "Importance of the columns", not has("importance")),
        Section("layers", "Activations and gradients", not (has("layers") or has("gradients"))),
        Section("seconds", "Where the seconds went", not has("seconds")),
        Section("repeat", "How to repeat it", is_empty=False),
    ]


def _policy(style: str, script: str) -> str:
    """The page's content security policy: what is in it, and nothing else."""
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; "
        f"script-src 'sha256-{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )
