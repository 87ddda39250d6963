"""Forked processes answer and learn as their parent does, or say in one error why not.

Each test is a program of its own: what happens after a fork depends on all that was done before it.
"""

import subprocess
import sys
from pathlib import Path

import pytest

# Forks, and gives what `work` gave in the child: its text, or the error's.
PROGRAM = """
import os, sys, threading, warnings, multiprocessing
import numpy as np, polars as pl, torch
from multilayer import MLPClassifier, MLPRegressor, Network, NetworkSpec
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
torch.set_num_threads(2)
source = np.random.default_rng(0)
frame = pl.DataFrame({"size": source.normal(size=300), "town": source.choice(["a", "b"], 300)})
answers = frame["size"].to_numpy() > 0


def in_child(work):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            said = repr(work())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return said


def in_threads(work, num_threads):
    found = []
    threads = [threading.Thread(target=lambda: found.append(work())) for _ in range(num_threads)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert len(found) == num_threads
    return all(found)


def start_threads_of_pytorch():
    (torch.ones(800, 800) @ torch.ones(800, 800)).sum()
    torch.ones(2_000_000).exp_()

def fitted(**options):
    return MLPClassifier("fast", max_iter=2, random_state=0, **options).fit(frame, answers)

"""


def run(program: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM + program, *map(str, arguments)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("has_predicted", [False, True], ids=["after fit", "after predict"])
def test_a_child_answers_as_its_parent(has_predicted):
    run(f"""
model = fitted()
start_threads_of_pytorch()
if {has_predicted}:
    model.predict_proba(frame)
def answers():
    return model.predict_proba(frame[:3]).tolist()
expected = repr(answers())
assert in_child(lambda: in_threads(lambda: repr(answers()) == expected, 2)) == "True"
assert in_child(answers) == expected
assert in_child(lambda: in_child(answers)) == repr(expected)
""")


def test_workers_that_fork_after_loading_answer_with_threads(tmp_path):
    """As gunicorn does with --preload."""
    run("fitted().save(sys.argv[1])", tmp_path / "model")
    run(
        """
from multilayer import load_model, load_predictor
for model in (load_model(sys.argv[1]), load_predictor(sys.argv[1])):
    asked = in_child(lambda: in_threads(lambda: len(model.probabilities(frame)) == 300, 2))
    assert asked == "True"
    alone = model.probabilities(frame)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for part in pool.map(model.probabilities, [frame] * 2):
            np.testing.assert_allclose(part, alone, atol=1e-12)
""",
        tmp_path / "model",
    )


def test_a_child_of_a_process_whose_threads_are_predicting_answers():
    run("""
model, stop = fitted(), threading.Event()
def predict():
    while not stop.is_set():
        model.predict_proba(frame)
threads = [threading.Thread(target=predict) for _ in range(3)]
[thread.start() for thread in threads]
expected = repr(model.predict_proba(frame[:2]).tolist())
said = [in_child(lambda: model.predict_proba(frame[:2]).tolist()) for _ in range(2)]
stop.set()
[thread.join() for thread in threads]
assert said == [expected] * 2, (said, expected)
""")


def test_a_child_learns_as_its_parent():
    run("""
rows = frame["size"].to_numpy()[:, None]
def learned():
    model = MLPRegressor("fast", max_iter=2, random_state=0).fit(rows, rows[:, 0])
    model = model.partial_fit(rows, rows[:, 0])
    return model.predict(rows[:3]).round(4).tolist(), model.n_iter_
torch.set_num_threads(1)
expected = repr(learned())
start_threads_of_pytorch()
assert in_child(learned) == expected
""")


def test_errors_and_warnings_of_the_other_process_arrive():
    run("""
model = fitted()
wrong = frame.with_columns(size=pl.lit("many"))
said = in_child(lambda: model.predict(wrong))
assert said.startswith("TableError: ") and "'size'" in said and "many" in said, said
said = in_child(lambda: MLPClassifier("fast", random_state=lambda: 0).fit(frame, answers))
assert said.startswith("ForkedProcessError: ") and "spawn" in said, said
""")


def test_a_child_reads_judges_and_encodes_as_its_parent(tmp_path):
    rows = "size,town,list\n" + "1,a,\n2,b,\n" * 30
    (tmp_path / "rows.csv").write_text(rows)
    run(
        """
import os
from multilayer import Encoder, infer_schema, read_table
frame.filter(pl.col("size") > 0)
def work():
    os.chdir(sys.argv[1])
    left_out = []
    read = read_table("rows.csv", left_out=left_out)
    schema = infer_schema(read, "size")
    return read.rows(), schema, Encoder.fit(frame, infer_schema(frame)).to_json(), left_out
assert in_child(work) == repr(work())
""",
        tmp_path,
    )


def test_what_cannot_be_done_elsewhere_is_refused_by_name(tmp_path):
    (tmp_path / "rows.csv").write_text("size,town\n" + "1,a\n2,b\n" * 30)
    run(
        """
from multilayer.reading.table import read_table_pieces
frame.filter(pl.col("size") > 0)
said = in_child(lambda: list(read_table_pieces(sys.argv[1])))
assert said.startswith("ForkedProcessError: ") and "forkserver" in said, said
""",
        tmp_path / "rows.csv",
    )


@pytest.mark.long
def test_unseen_values_are_told_in_a_child():
    run("""
model = fitted(on_unseen="error")
other = frame.with_columns(town=pl.lit("nowhere"))
frame.filter(pl.col("size") > 0)
said = in_child(lambda: model.predict(other))
assert said.startswith("TableError: ") and "nowhere" in said, said
""")


def test_a_pool_of_scikit_learn_that_forks_scores():
    run("""
import joblib
from sklearn.model_selection import cross_val_score
rows = frame["size"].to_numpy()[:, None]
model = MLPClassifier("fast", max_iter=2, random_state=0)
alone = cross_val_score(model, rows, answers, cv=2)
with joblib.parallel_backend("multiprocessing"):
    together = cross_val_score(model, rows, answers, cv=2, n_jobs=2)
np.testing.assert_allclose(together, alone, atol=0.02)
""")


def test_networks_and_modules_compute_in_a_child():
    run("""
from multilayer import Examples, TrainingSettings, train, MLP
network = Network.initialized(NetworkSpec(30, 2, (256, 256)))
rows = torch.rand(4000, 30)
network.logits(rows), start_threads_of_pytorch()
module = MLP(2, 256, 0.1)
module(rows)
def work():
    examples = Examples(rows, (rows[:, 0] > 0.5).long())
    settings = TrainingSettings(num_threads=2, batch_size=2000, max_epochs=2)
    epochs = list(train(network, examples, settings, validation=examples))
    return len(epochs), tuple(network.logits(rows).shape), tuple(module(rows).shape)
assert in_child(work) == "(2, (1, 4000, 2), (4000, 2))"
""")
