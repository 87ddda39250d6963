"""The program for a graphics card is known to work before there is one."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize("piece", ["agreement: T", "speed: T, bfloat16", "population: T"])
def test_a_piece_is_rehearsed(piece):
    import graphics_card
    from card_page import page

    found = {"measured": "today", "card": "none", **graphics_card.make(piece, True, 0.01)}
    text = page({piece: [found]}, graphics_card.PIECES)
    assert "nan" not in text
    if piece.startswith("agreement"):
        assert "| T, float64 | 0.0e+00 | 1e-09 | yes |" in text
    if piece.startswith("speed"):
        assert all(found["seconds"][name]["rounds"] >= 3 for name in ("engine", "eager PyTorch"))
        assert "torch.compile, reduce-overhead | " in text
        assert "JAX scan" in text
    if piece.startswith("population"):
        assert "K = 16" in text
    assert "Not measured: tests; " in text


def test_a_run_that_was_cut_goes_on_with_what_is_missing(tmp_path, capsys):
    import graphics_card
    import piece_records

    records = tmp_path / "records" / "card.jsonl"
    piece_records.append(records, "agreement: T", {"card": "none", "kinds": {}})
    with records.open("a") as file:
        file.write('{"piece": "population: T", "card": "no')  # killed while it wrote
    options = argparse.Namespace(seconds=0.01, limit=300.0, rehearse=True)
    graphics_card.measure(records, options, ["agreement: T", "population: T"])
    assert capsys.readouterr().err == "population: T: done\n"
    kept = piece_records.kept(records)
    assert {piece: len(lines) for piece, lines in kept.items()} == {
        "agreement: T": 1,
        "population: T": 1,
    }


def test_a_contender_that_fails_is_a_row_that_says_so():
    import graphics_card

    def broken():
        raise RuntimeError("no kernel\nfor this card")

    found = graphics_card.timed({"broken": broken}, 1, 0.01)
    assert found == {"broken": {"error": "RuntimeError: no kernel"}}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a graphics card here")
@pytest.mark.parametrize(
    ("flags", "message"),
    [([], "no NVIDIA card here"), (["--rehearse", "--pieces", "spead"], "begins with 'spead'")],
)
def test_what_cannot_be_done_is_refused(flags, message, monkeypatch, capsys):
    import graphics_card

    monkeypatch.setattr(sys, "argv", ["graphics_card.py", *flags])
    with pytest.raises(SystemExit) as end:
        graphics_card.main()
    assert message in f"{end.value} {capsys.readouterr().err}"


@pytest.mark.long
def test_the_whole_program_is_rehearsed():
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "graphics_card.py", "--rehearse", "--seconds", "0.02"],
        capture_output=True, text=True, check=True, timeout=900,
    )  # fmt: skip
    assert "Not measured" not in done.stdout
    assert "**no**" not in done.stdout


def test_no_benchmark_has_the_name_of_a_package_that_pytorch_looks_for():
    assert not (BENCHMARKS / "cuda.py").exists()
