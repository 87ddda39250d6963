"""Fit a pack: wave after wave of drawn networks, until their mixture gets no better.

fit = fit_of(prepare(rows, infer_schema(rows.frame), recipe_name="pack"))
for epoch in fit.epochs():
    print(epoch.wave, epoch.mixture_loss)
model = fit.model()
"""

import math
import warnings
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from multilayer.engine.distributed import Ranks, Stop
from multilayer.engine.machine import check_machine
from multilayer.engine.records import EpochRecord, history_line
from multilayer.engine.scores import Scores
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.state import StateKeeper, TrainingState
from multilayer.errors import DataWarning, SettingsError, TrainingDivergedError
from multilayer.fit.fit import Fit
from multilayer.fit.prepare import PreparedData, spec_of
from multilayer.fit.split import NO_ROWS_TO_MIX_BY
from multilayer.model.mixing import kind_of_outputs
from multilayer.model.model import Model
from multilayer.pack.chosen_mixture import ChosenMixture
from multilayer.pack.draw import Draw, DrawEnd
from multilayer.pack.ending_rules import draws_to_end, gets_no_better
from multilayer.pack.held_out_predictions import HeldOutPredictions
from multilayer.pack.pack_document import PackEnd
from multilayer.pack.pack_progress import PackProgress
from multilayer.pack.pack_state import PackKeeper, PackState, WavePlan, draw_of
from multilayer.pack.time_limit import Deadline, Pace
from multilayer.pack.wave import GoingDraw, Wave, looks_of
from multilayer.recipes.draws import DRAWS_OF_A_WAVE, drawn_settings


class PackFit(Fit):
    """Fits a pack to prepared rows, see `Fit`.

    Args:
        data: from `prepare`, with held-out rows.
        deadline: when training must have ended; None: no time limit.
        plan: what is planned for that time, in words; empty without a limit.

    Attributes:
        draws: those that are trained no further, in the order in which they ended.
        plan: what is planned for the time, in words.
        ended: why there are no more draws; None while there may be.

    Raises:
        SettingsError: there are no held-out rows that may be used to choose by, weights to start
            from, or several processes.
    """

    def __init__(
        self, data: PreparedData, deadline: Deadline | None = None, plan: str = ""
    ) -> None:
        require_held_out(data)
        super().__init__(data)
        self.plan = plan
        self._deadline = deadline or Deadline(None)
        self.draws: list[Draw] = []
        self.ended: PackEnd | None = None
        self._held_out_predictions = HeldOutPredictions(data)
        self._waves: list[WavePlan] = []
        self._losses: list[float] = []  # of the mixture, after each wave
        self._records: list[EpochRecord] = []
        self._num_epochs_before, self._noted = 0, 0  # epochs of earlier waves, and of this one
        self._wave: Wave | None = None
        self._pace = Pace()
        self._is_short_of_memory = False
        self._found: tuple[int, ChosenMixture | None] = (0, None)  # of so many ended draws

    def finite_members(self) -> list[int]:
        """All: a draw of which a network diverged is left out of the mixture as a whole."""
        return list(range(self._num_members))

    def resume(self, state: TrainingState) -> None:
        """See `Fit`."""
        super().resume(state)
        kept = PackState.read(state)
        self._waves, self._losses = list(kept.waves), list(kept.losses)
        self._num_epochs_before, self._records = kept.num_epochs_before, list(state.history)
        self._deadline.spent(kept.seconds)
        for number, entry in kept.ended.items():
            settings = self._settings_of(number)
            spec = spec_of(settings, self.encoder, self.targets)
            make = partial(Draw, number, spec=spec, held_out=self._held_out_predictions)
            self.draws.append(draw_of(entry, make, settings))
        self._wave = self._wave_of(kept.going_draws(self._settings_of))
        self._state = kept.of_wave(state)
        self._noted = self._state.epoch - 1

    def epochs(
        self, stop: Stop | None = None, keeper: StateKeeper | None = None
    ) -> Generator[EpochRecord, None, None]:
        """Train; see `Fit`. Losses of a record are means over the networks in training."""
        until = self._deadline.as_stop(stop)
        error: TrainingDivergedError | None = None
        pack_keeper = None if keeper is None else PackKeeper(keeper, self._moment)
        while True:
            wave = self._wave or self._next_wave()
            if wave is None:
                break
            self._wave, state = wave, self._state
            self._state = None
            began = self._deadline.seconds_spent
            for record in wave.epochs(until, pack_keeper, state, self._leaving):
                self._take_in(record)
                if record.is_interrupted and self._deadline.is_over:
                    continue  # it ends as it was asked to, which is no interruption
                self.history.append(history_line(self._records[-1]))
                yield self._records[-1]
            self._pace.note(self._deadline.seconds_spent - began, wave)
            error = wave.error or error
            self._end_wave(wave)
            if until.is_set():
                self.ended = "time over" if self._deadline.is_over else "interrupted"
                break
        if error is not None and not any(draw.is_usable for draw in self.draws):
            raise error

    def model(self) -> Model:
        """The mixture of the networks so far, calibrated on its held-out predictions."""
        chosen = self.mixture()
        if chosen is None:  # nothing is trained
            return super().model()
        network = chosen.network(kind_of_outputs(self.targets.task))
        plain = replace(self._plain_model(self.network), network=network)
        assert self.data.held_out is not None
        return self.data.held_out.calibrated(plain)

    def mixture(self) -> ChosenMixture | None:
        """The mixture of the networks so far; None if there are none."""
        if self._wave is None and self._found[0] == len(self.draws):
            return self._found[1]
        usable = [draw for draw in self._draws_so_far() if draw.is_usable]
        chosen = ChosenMixture.of(usable) if usable else None
        if self._wave is None:
            self._found = len(self.draws), chosen
        return chosen

    @property
    def progress(self) -> PackProgress:
        """Where the training is, after an epoch that `epochs` has yielded."""
        assert self._wave is not None
        record, plan = self._records[-1], self._waves[-1]
        assert record.validation is not None
        calibrated = record.validation.calibrated_loss
        epoch = record.epoch - self._num_epochs_before
        return PackProgress(
            draws=tuple(draw.number + 1 for draw in self._wave.going),
            num_draws=self.settings.num_draws,
            epoch=epoch,
            num_epochs=plan.num_epochs,
            loss=record.mixture_loss,
            loss_before=self._losses[-1] if self._losses else None,
            networks_loss=(calibrated or record.validation.loss)[0],
            is_calibrated=calibrated is not None or self.targets.task == "regression",
            seconds_left=self._deadline.seconds_left,
            is_look=epoch in looks_of(plan.num_epochs),
        )

    @property
    def seconds_spent(self) -> float:
        """Of the time limit; without one, since the fit was made."""
        return self._deadline.seconds_spent

    @property
    def _num_members(self) -> int:
        """Networks of a draw."""
        return self.data.num_networks

    def _details(self) -> dict[str, Any]:
        chosen = self.mixture()
        pack = {} if chosen is None else {"pack": chosen.to_json(self._draws_so_far(), self.ended)}
        return {**super()._details(), **pack}

    def _draws_so_far(self) -> list[Draw]:
        """Those of the wave in training too, as they would be kept now."""
        wave = self._wave
        if wave is None:
            return self.draws
        going = wave.going_as_ended(self._noted, "stopped") if wave.has_begun else []
        return [*self.draws, *wave.ended, *going]

    def _next_wave(self) -> Wave | None:
        """The wave to train now; None: the pack is complete."""
        num_draws = sum(plan.num_draws for plan in self._waves)
        left = self.settings.num_draws - num_draws
        if left <= 0 or gets_no_better(self._losses, self._waves):
            self.ended = "all draws" if left <= 0 else "no better"
            return None
        size = min(DRAWS_OF_A_WAVE, left) if self._waves else 1
        plan: WavePlan | None = WavePlan(
            num_draws, self._as_many_as_fit(size), self.settings.max_epochs
        )
        seconds = self._deadline.seconds_left
        if seconds is not None and self._waves and plan is not None:
            spec = self._spec_of_wave(len(self._waves))
            needed = [draw.share_needed for draw in self.draws if draw.is_usable]
            plan = self._pace.within(seconds, plan, spec, self._num_members, needed)
        if plan is None:
            self.ended = "time over"
            return None
        self._waves.append(plan)
        numbers = range(plan.first_draw, plan.first_draw + plan.num_draws)
        return self._wave_of(
            [
                GoingDraw.begun(number, self._settings_of(number), self._num_members)
                for number in numbers
            ]
        )

    def _wave_of(self, going: Sequence[GoingDraw]) -> Wave:
        return Wave(
            self.data, self._held_out_predictions, going, self._waves[-1].num_epochs,
            spec_of(self._settings_of(self._waves[-1].first_draw), self.encoder, self.targets),
        )  # fmt: skip

    def _settings_of(self, number: int) -> TrainingSettings:
        """The settings of a draw, by its number."""
        for wave, plan in enumerate(self._waves):
            place = number - plan.first_draw
            if 0 <= place < plan.num_draws:
                drawn = self._drawn(wave, place)
                return replace(drawn, max_epochs=plan.num_epochs)
        raise ValueError(f"no wave has draw {number}")

    def _drawn(self, wave: int, place: int = 0) -> TrainingSettings:
        is_of_images = self.encoder.image_shape is not None
        return drawn_settings(self.settings, wave, place, is_of_images=is_of_images)

    def _spec_of_wave(self, wave: int) -> NetworkSpec:
        return spec_of(self._drawn(wave), self.encoder, self.targets)

    def _as_many_as_fit(self, size: int) -> int:
        """So many draws as there is memory for, at least one."""
        wave = len(self._waves)
        for fewer in range(size, 1, -1):
            try:
                members = [self._drawn(wave)] * (fewer * self._num_members)
                check_machine(self._spec_of_wave(wave), members)
            except SettingsError as error:
                if not self._is_short_of_memory:
                    warnings.warn(
                        f"a pack trains {DRAWS_OF_A_WAVE} draws at once, and here fewer: {error}",
                        DataWarning,
                        stacklevel=4,
                    )
                self._is_short_of_memory = True
            else:
                return fewer
        return 1

    def _leaving(self, epoch: int) -> dict[int, DrawEnd]:
        """Which of the draws in training end now; they are compared with those of earlier waves."""
        assert self._wave is not None
        plan = self._waves[-1]
        curves = [
            draw.curve
            for draw in self.draws
            if draw.number < plan.first_draw and draw.is_usable and draw.curve
        ]
        return draws_to_end(self._wave.going, curves, epoch, plan.num_epochs)

    def _take_in(self, record: EpochRecord) -> None:
        """Note an epoch of the wave, once: before its state is kept, or when it is over."""
        if record.epoch <= self._noted and not record.is_interrupted:
            return
        assert self._wave is not None
        self._noted = max(self._noted, record.epoch - record.is_interrupted)
        self._wave.note(record)
        is_look = record.epoch in looks_of(self._waves[-1].num_epochs)
        loss = self._losses[-1] if self._losses else None
        if is_look and not record.is_interrupted:
            loss = self._loss_of_mixture()
        elif self._records and self._records[-1].wave == len(self._waves):
            loss = self._records[-1].mixture_loss
        if loss is not None and not math.isfinite(loss):
            loss = None  # all draws so far diverged
        self._records.append(
            _of_pack(record, self._num_epochs_before + record.epoch, len(self._waves), loss)
        )

    def _end_wave(self, wave: Wave) -> None:
        self.draws += wave.ended
        self._num_epochs_before += self._noted
        self._wave, self._noted = None, 0
        self._losses.append(self._loss_of_mixture())

    def _loss_of_mixture(self) -> float:
        chosen = self.mixture()
        return math.inf if chosen is None else chosen.loss

    def _moment(self, state: TrainingState) -> tuple[PackState, Sequence[EpochRecord]]:
        """Where the pack is, beside the population in training, whose state is given."""
        assert self._wave is not None
        if state.history:
            self._take_in(state.history[-1])
        return PackState.of(
            self._waves, self._deadline.seconds_spent, self._num_epochs_before, self._losses,
            [*self.draws, *self._wave.ended], self._wave.going,
        ), tuple(record for record in self._records if not record.is_interrupted)  # fmt: skip


def require_held_out(data: PreparedData) -> None:
    """Refuse to make a pack without rows to choose by.

    Raises:
        SettingsError: no rows are held out, or they are test rows; there are weights to start
            from, or several processes.
    """
    if Ranks.current() is not None:
        raise SettingsError("a pack is trained by one process; start it without torchrun")
    if data.start is not None:
        raise SettingsError("a pack draws its networks anew; it does not go with warm_start")
    if data.held_out is None or not data.calibrates:
        raise SettingsError(NO_ROWS_TO_MIX_BY)


def _of_pack(record: EpochRecord, epoch: int, wave: int, loss: float | None) -> EpochRecord:
    """A record of a wave as one of the pack: means over the networks in training."""
    validation = record.validation
    assert validation is not None
    accuracy, calibrated = validation.accuracy, validation.calibrated_loss
    return replace(
        record,
        epoch=epoch,
        train_loss=(_mean(record.train_loss),),
        validation=Scores(
            (_mean(validation.loss),),
            None if accuracy is None else (_mean(accuracy),),
            None if calibrated is None else (_mean(calibrated),),
        ),
        best_epoch=None,
        wave=wave,
        mixture_loss=loss,
    )


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
