from multilayer.experiments.tune import words
from multilayer.experiments.tune.search import Progress
from multilayer.experiments.tune.trials import Tally, TrialSummary

PARAMS = {
    "recipe": "fast", "depth": 2, "width": 64, "max_epochs": 32, "learning_rate": 0.0412,
    "dropout": 0.1, "weight_decay": 0.0005,
}  # fmt: skip
TRIAL = TrialSummary(7, PARAMS, 0.25, 0.9, 20)


def tally_of(num_complete: int, num_pruned: int = 0, num_diverged: int = 0) -> Tally:
    return Tally(num_complete, num_pruned, num_diverged, 2, 1, (TRIAL,))


def test_trials_are_counted_by_their_ends():
    assert words.counts(tally_of(1)) == "1 trial"
    assert words.counts(tally_of(3, 2, 1)) == "6 trials, of which 2 pruned and 1 diverged"
    assert tally_of(3, 2, 1).num_begun == 9


def test_a_search_says_where_it_is():
    between = Progress(tally_of(3), 20, 2, 61.0, None)
    assert words.status(between) == "3 of 20 trials, 2 in other processes, 1 min 1 s"
    during = Progress(tally_of(3), None, 2, 61.0, 9.4, 4, PARAMS, 5, 32)
    assert words.status(during) == "3 trials, 4 together at epoch 5 of 32, 9 s left"


def test_a_trial_in_words():
    assert words.best_line(TRIAL) == (
        "loss 0.2500, accuracy 0.9000 with fast, 2 × 64 neurons, 32 epochs, learning rate 0.041, "
        "dropout 0.1, weight decay 0.0005"
    )
    assert words.best_headers([TRIAL]) == ["settings", "trial", "loss", "accuracy"]
    assert words.best_rows([TRIAL] * 9)[0][1:] == ["7", "0.2500", "0.9000"]
    assert len(words.best_rows([TRIAL] * 9)) == 5


def test_of_numbers_there_is_no_accuracy():
    trial = TrialSummary(7, {"learning_rate": 0.1}, 0.25, None, 20)
    assert words.best_line(trial) == "loss 0.2500 with learning rate 0.1"
    assert words.best_rows([trial]) == [["learning rate 0.1", "7", "0.2500"]]


def test_what_made_the_difference():
    assert words.importance_line({"learning_rate": 0.75, "recipe": 0.25}, tally_of(16)) == (
        "what made the difference between trials: learning rate 75%, recipe 25%"
    )
    assert "15 trials came to their end" in words.importance_line(None, tally_of(15))
