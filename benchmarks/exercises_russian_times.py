"""The Russian answers of the two studies that only take time."""

import numpy as np
from exercise_groups import Answer, num_rounds_of

from multilayer.experiments.studies.alignment import WORTH
from multilayer.experiments.studies.speed import NUM_STEPS, ratio_interval
from multilayer.metrics.intervals import MeanInterval

Told = tuple[list[str], list[list[str]], str]


def about_speed(answer: Answer) -> Told:
    """Headers and rows of the table, paragraph."""
    times = {
        width: {name: np.array(seconds) for name, seconds in by_name.items()}
        for width, by_name in answer.result.document["step_seconds"].items()
    }
    ratios = {
        width: [ratio_interval(one[name], one["engine"]) for name in ("scratch", "API")]
        for width, one in times.items()
    }
    rows = [
        [width, *(f"{1e3 * float(np.median(one[name])):.3f}" for name in one),
         *map(_ratio, ratios[width])]
        for width, one in times.items()
    ]  # fmt: skip
    (first, of_first), *_, (last, of_last) = ratios.items()
    trend = (
        "Чем больше сеть, тем меньше выигрыш: время уходит на произведения матриц."
        if of_last[1].high < of_first[1].low
        else "С ростом сети выигрыш растёт."
        if of_last[1].low > of_first[1].high
        else "Зависимости выигрыша от ширины не видно."
    )
    num_rounds = num_rounds_of(answer)
    headers = [
        "ширина", "вручную, мс", "PyTorch, мс", "движок, мс", "вручную / движок",
        "PyTorch / движок",
    ]  # fmt: skip
    paragraph = (
        f"При ширине {first} сеть, написанная вручную, работает в {_ratio(of_first[0])} раза "
        f"дольше движка (отношение и его 95-процентный интервал, кругов измерений: {num_rounds}), "
        f"а сеть из слоёв PyTorch — в {_ratio(of_first[1])} раза; при ширине {last} — в "
        f"{_ratio(of_last[0])} и в {_ratio(of_last[1])} раза. {trend} Мини-пакеты по 256 строк, "
        f"обычный градиентный спуск, float32, шагов в измерении: {NUM_STEPS}; первые две сети "
        "обучает `Trainer` книги."
    )
    return headers, rows, paragraph


def _ratio(ratio: MeanInterval) -> str:
    return f"{ratio.mean:.2f} (от {ratio.low:.2f} до {ratio.high:.2f})"


def about_alignment(answer: Answer) -> Told:
    """Headers and rows of the table, paragraph."""
    groups = answer.result.document["seconds"]
    num_ratios = sum(len(one) - 1 for one in groups.values())
    rows, slower, undecided = [], [], 0
    for title, by_size in groups.items():
        is_product = title.startswith("product")
        words = "произведение матриц" if is_product else "шаг"
        power = next(size for size in by_size if not int(size) & (int(size) - 1))
        work = {size: float(size) ** (3 if is_product else 1) for size in by_size}
        reference = np.array(by_size[power]) / work[power]
        for size, seconds in by_size.items():
            ratio = ratio_interval(np.array(seconds) / work[size], reference, 0.05 / num_ratios)
            verdict = (
                "степень двойки" if size == power
                else "медленнее" if ratio.low > 1 + WORTH
                else "быстрее" if ratio.high < 1 - WORTH
                else f"нет разницы больше {WORTH:.0%}"
                if ratio.high < 1 + WORTH and ratio.low > 1 - WORTH
                else "не решено"
            )  # fmt: skip
            slower += [f"{words} {size} — в {_ratio(ratio)} раза"] if verdict == "медленнее" else []
            undecided += verdict == "не решено"
            is_power = size == power
            rows.append(
                [f"{words}: {size}", f"{1e3 * float(np.median(seconds)):.3f}",
                 "1" if is_power else f"{ratio.mean:.3f}",
                 "" if is_power else f"от {ratio.low:.3f} до {ratio.high:.3f}", verdict]
            )  # fmt: skip
    verdict = (
        "местами выгодны. Медленнее степени двойки, если пересчитать на ту же работу: "
        f"{'; '.join(slower)}."
        if slower
        else "не оказались выгодны: ни один размер рядом с ними не медленнее, если пересчитать на "
        "ту же работу."
    )
    num_rounds = num_rounds_of(answer)
    work_words = "время той же работы относительно степени двойки"
    headers = ["", "миллисекунд", work_words, "интервал", "вывод"]
    paragraph = (
        f"На этой машине степени двойки {verdict} Не решено сравнений: {undecided} из "
        f"{num_ratios}; решённым считается и то, где показано, что разница меньше {WORTH:.0%}. "
        f"Кругов измерений по очереди: {num_rounds}; все интервалы вместе верны с вероятностью "
        "95%. Шаг — это шаг движка с мини-пакетом из 256 строк."
    )
    return headers, rows, paragraph


TIMES = {
    "speed": ("Время шага обучения: вручную, средствами PyTorch, на движке", about_speed),
    "alignment": ("Степени двойки: время той же работы рядом с ними", about_alignment),
}
