"""The Russian answer to each exercise, from the figures."""

import re
from collections.abc import Callable, Sequence

import numpy as np
from exercise_groups import Answer, Group, Known, groups_of, known, resolution_of

from multilayer.experiments.studies.step_size import FACTORS
from multilayer.metrics.intervals import MeanInterval, mean_interval

TITLES = {
    "width": "Ширина одного скрытого слоя",
    "depth": "Скрытые слои по 256 нейронов",
    "bottleneck": "Узкое место из одного нейрона",
    "learning-rate": "Скорость обучения",
    "joint": "Все настройки сразу",
    "activation": "Функции активации",
    "initialisation": "Начальные веса",
    "batch-size": "Размер мини-пакета",
    "baseline": "Softmax-регрессия и многослойный перцептрон",
}
SUBJECTS = {
    "width": "ширина",
    "depth": "скрытых слоёв",
    "bottleneck": "скрытые слои",
    "learning-rate": "скорость обучения",
    "joint": "настройки",
    "activation": "активация",
    "initialisation": "начальные веса",
    "batch-size": "размер мини-пакета",
    "baseline": "модель",
}
_NAMES = {
    "softmax regression": "softmax-регрессия",
    "starting point": "исходные настройки",
    "winner": "победитель",
}
_PATTERNS = {
    r"MLP with (\d+)": r"перцептрон с \1",
    r"(\w+), (\d) hidden layers?": r"\1, скрытых слоёв: \2",
    r"(\d+) \(learning rate ([\d.]+)\)": r"\1, скорость \2",
    r"hidden ([\d-]+), (\w+), rate ([\d.]+), batch (\d+), dropout ([\d.]+)": (
        r"скрытые слои \1, \2, скорость \3, мини-пакет \4, dropout \5"
    ),
}


def name_of(name: str) -> str:
    """A variant's name in Russian; names of numbers and functions stay."""
    for pattern, words in _PATTERNS.items():
        if re.fullmatch(pattern, name):
            return re.sub(pattern, words, name)
    return _NAMES.get(name, name)


def whole(number: int) -> str:
    """A whole number with spaces between thousands."""
    return f"{number:,}".replace(",", "\u00a0")


def compared(group: Group, answer: Answer) -> str:
    """What the variants' scores say, and how sure it is."""
    plan, reference = answer.plan, name_of(group.variants[group.reference].name)
    best = max(group.variants, key=lambda one: one.interval.mean)
    named = f"«{name_of(best.name)}»: {best.interval.mean:.4f}"
    sentences = [
        f"Наибольшая средняя точность у варианта {named} ({_interval(best.interval, '.4f')})."
    ]
    for verdict, words in (
        ("second is better", f"Лучше, чем «{reference}»"),
        ("first is better", f"Хуже, чем «{reference}»"),
        (
            "no difference that matters",
            f"Отличаются от «{reference}» не больше чем на {plan.matters:g}",
        ),
        ("undecided", f"Не удалось отличить от «{reference}» за {plan.num_seeds} запусков"),
    ):
        found = [
            f"{name_of(group.variants[place].name)} ({pair.difference.mean:+.4f})"
            for place, pair in group.pairs.items()
            if pair.verdict == verdict
        ]
        if found:
            sentences.append(f"{words}: {'; '.join(found)}.")
    diverged = [f"{name_of(one.name)}: {one.num_diverged}" for one in group.variants
                if one.num_diverged]  # fmt: skip
    if diverged:
        sentences.append(f"Обучение разошлось (из {plan.num_seeds} запусков): "
                         f"{'; '.join(diverged)}.")  # fmt: skip
    num_pairs = len(group.pairs)
    corrected = f" с поправкой Холма на число сравнений, {num_pairs}" if num_pairs > 1 else ""
    sentences.append(
        f"У всех вариантов одни и те же {plan.num_seeds} начальных чисел; выводы верны с "
        f"вероятностью 95%{corrected}."
    )
    return " ".join(sentences)


def _interval(interval: MeanInterval, form: str) -> str:
    return f"95-процентный интервал от {interval.low:{form}} до {interval.high:{form}}"


def _list(things: Sequence[object]) -> str:
    *first, last = map(str, things)
    return f"{', '.join(first)} и {last}" if first else last


def _width(answer: Answer) -> str:
    [group] = groups_of(answer)
    first, last = group.variants[0], group.variants[-1]
    return (
        f"{compared(group, answer)} Эпоха одной сети заняла {first.seconds:.3f} с при ширине "
        f"{first.name} и {last.seconds:.3f} с при ширине {last.name}."
    )


def _depth(answer: Answer) -> str:
    [group] = groups_of(answer)
    settings = answer.plan.settings
    better, worse = (
        [int(group.variants[place].name) for place, pair in group.pairs.items()
         if pair.verdict == verdict]
        for verdict in ("second is better", "first is better")
    )  # fmt: skip
    words = []
    if 0 in worse:
        words.append("Скрытый слой оправдан: без него сеть работает хуже.")
    if 0 in better:
        words.append("Без скрытого слоя сеть здесь работает лучше.")
    if deep := [depth for depth in better if depth > 1]:
        words.append(f"Больше одного слоя окупается: лучше одного работают {_list(deep)}.")
    if deep := [depth for depth in worse if depth > 1]:
        words.append(
            f"При этой скорости обучения и этих начальных весах хуже одного слоя работают "
            f"{_list(deep)}; помогли бы им другие, не проверялось."
        )
    if not any(depth > 1 for depth in better + worse):
        words.append("Ни для одной сети больше чем с одним слоем не показано, что она лучше или "
                     "хуже.")  # fmt: skip
    return (
        f"{compared(group, answer)} {' '.join(words)} У всех сетей скорость обучения "
        f"{settings.learning_rate:g} и начальные веса '{settings.initialization}'."
    )


def _bottleneck(answer: Answer) -> str:
    [group] = groups_of(answer)
    document, plan = answer.result.document, answer.plan
    said, num_silent = document["num_classes_said"], sum(document["silent_neurons"])
    num_classes = len(plan.rows.class_names)
    begin = {
        "first is better": "Почему одного нейрона мало",
        "second is better": "Одного нейрона здесь достаточно; вот что ему приходится делать",
        "no difference that matters": "Одного нейрона здесь достаточно; вот что ему приходится "
        "делать",
        "undecided": "Что одного нейрона мало, здесь не показано; вот что ему приходится делать",
    }[group.pairs[len(group.variants) - 1].verdict]
    silent = (
        f"; в {num_silent} из {plan.num_seeds} нейрон мёртв: его значение одинаково для всех "
        "строк, градиент через него не проходит, и предыдущие слои не обучаются"
        if num_silent
        else "; ни в одной из них нейрон не мёртв"
    )
    wide, narrow = document["gradient_norms"].values()
    first, last = (narrow[place] / wide[place] for place in (0, -1))
    return (
        f"{compared(group, answer)} {begin}: последний слой получает для каждой строки одно число, "
        f"и {num_classes} классов должны уместиться на прямой в {num_classes} отрезках, причём "
        f"ReLU заменяет отрицательные значения нулём. После обучения {plan.num_seeds} сетей "
        f"предсказывают {_list(said)} классов из {num_classes}{silent}. При начальных весах "
        "градиент последней матрицы, которая видит одно число вместо многих, составляет "
        f"{last:.2f} её градиента в сети {group.variants[0].name}, а градиент первой — {first:.2f}."
    )


def _learning_rate(answer: Answer) -> str:
    [group] = groups_of(answer)
    means = np.stack([one.curves.mean(1) for one in group.variants])  # (rates, epochs)
    num_epochs = means.shape[1]
    epochs = [epoch for epoch in (1, 2, 3, 5, 10, 20, 30, 50) if epoch <= num_epochs]
    best = [int(means[:, epoch - 1].argmax()) for epoch in epochs]
    shown = ", ".join(
        f"{group.variants[one].name} после {epoch} ({means[one, epoch - 1]:.4f})"
        for one, epoch in zip(best, epochs, strict=True)
    )
    begin = (
        "Лучшая скорость зависит от числа эпох"
        if len(set(best)) > 1
        else "После любого числа эпох лучшей по средней точности была одна и та же скорость"
    )
    slow = group.variants[FACTORS.index(0.1)]
    gain = mean_interval(slow.curves[-1] - slow.curves[(num_epochs - 1) // 2])
    did = (
        "во второй половине эпох всё ещё росла" if gain.low > 0
        else "во второй половине эпох падала" if gain.high < 0
        else "во второй половине эпох заметно не росла"
    )  # fmt: skip
    return (
        f"{compared(group, answer)} {begin}: {shown}. При скорости вдесятеро меньше, {slow.name}, "
        f"точность {did} ({gain.mean:+.4f}, {_interval(gain, '+.4f')})."
    )


def rounds_of(answer: Answer) -> list[list[Known]]:
    """The rounds of the search, each from its best to its worst settings."""
    resolution = resolution_of(answer)
    return [known(one, resolution) for one in answer.result.document["rounds"]]


def _joint(answer: Answer) -> str:
    [group] = groups_of(answer)
    document = answer.result.document
    rounds = rounds_of(answer)
    winner = group.variants[1]
    return (
        f"Случайно выбраны {len(rounds[0])} наборов настроек (скорость обучения в логарифмическом "
        "масштабе, ширина, глубина, активация, размер мини-пакета и dropout вместе), каждый обучен "
        "по 2 раза; лучшая треть переходила в следующий круг с удвоенным числом новых начальных "
        f"чисел, пока не остался один: {name_of(document['winner'])}. В последнем круге у него "
        f"{rounds[-1][0].scores.mean():.4f}; у лучшего в первом круге там было "
        f"{rounds[0][0].scores.mean():.4f}, и это число льстит, потому что по нему и выбирали. С "
        f"{answer.plan.num_seeds} начальными числами, которых поиск не видел, победитель показал "
        f"{winner.interval.mean:.4f} ({_interval(winner.interval, '.4f')}). "
        f"{compared(group, answer)} Случайный поиск лучше сетки: каждая попытка пробует новое "
        "значение каждой настройки, а важны немногие (Bergstra, Bengio, 2012)."
    )


def _activation(answer: Answer) -> str:
    [group] = groups_of(answer)
    plan = answer.plan
    names = [one.name for one in group.variants]
    identity = names.index("identity")
    did = {
        "first is better": ", меньше, чем с ReLU",
        "second is better": ", больше, чем с ReLU",
        "no difference that matters": ", и это не отличается от ReLU",
        "undecided": "",
    }[group.pairs[identity].verdict]
    last = len(group.variants[0].curves) - 1
    gains = {
        one.name: mean_interval(one.curves[last] - one.curves[last // 2], 0.05 / len(names))
        for one in group.variants
    }
    late = [f"{name} ({gain.mean:+.4f})" for name, gain in gains.items() if gain.low > plan.matters]
    growing = (
        f"Во второй половине эпох больше чем на {plan.matters:g} ещё выросла точность у "
        f"{', '.join(late)}; больше эпох или большая скорость обучения могут изменить их место."
        if late
        else f"Ни у одной во второй половине эпох не показан рост больше чем на {plan.matters:g}."
    )
    return (
        f"{compared(group, answer)} Без активации (identity) сеть — линейная модель, сколько бы "
        f"слоёв в ней ни было; её точность {group.variants[identity].interval.mean:.4f}{did}. "
        f"{growing} У всех скорость обучения {plan.settings.learning_rate:g}."
    )


def _initialisation(answer: Answer) -> str:
    shallow, deep = groups_of(answer)
    width = answer.plan.settings.hidden_widths[0]
    place = [one.name.partition(",")[0] for one in deep.variants].index("normal")
    pair = deep.pairs[place]
    did = {
        "first is better": "и с 4 слоями сеть работает хуже, чем с linear",
        "second is better": "но с 4 слоями сеть всё же работает лучше, чем с linear",
        "no difference that matters": "но с 4 слоями сеть не отличается от сети с linear",
        "undecided": "вредит ли это сети с 4 слоями, запуски не показывают",
    }[pair.verdict]
    return (
        f"Один скрытый слой. {compared(shallow, answer)} Четыре скрытых слоя. "
        f"{compared(deep, answer)} Начальные веса N(0, 0.01²) умножают величину сигнала примерно "
        f"на 0.01 · √{width} = {0.01 * width**0.5:.2f} в каждой матрице между скрытыми слоями, а "
        f"остальные способы учитывают число входов; {did} ({pair.difference.mean:+.4f}, "
        f"{_interval(pair.difference, '+.4f')})."
    )


def _batch_size(answer: Answer) -> str:
    constant, scaled = groups_of(answer)
    first, last = constant.variants[0], constant.variants[-1]
    return (
        f"При скорости обучения {answer.plan.settings.learning_rate:g}. "
        f"{compared(constant, answer)} При скорости, пропорциональной размеру мини-пакета. "
        f"{compared(scaled, answer)} Эпоха одной сети заняла {first.seconds:.3f} с с мини-пакетами "
        f"по {first.name} и {last.seconds:.3f} с с мини-пакетами по {last.name}."
    )


def _baseline(answer: Answer) -> str:
    [group] = groups_of(answer)
    [pair] = group.pairs.values()
    linear, deep = group.variants
    return (
        f"{compared(group, answer)} Скрытый слой изменил точность на {pair.difference.mean:+.4f} "
        f"({_interval(pair.difference, '+.4f')}), а параметров стало {whole(deep.num_parameters)} "
        f"вместо {whole(linear.num_parameters)}."
    )


ABOUT: dict[str, Callable[[Answer], str]] = {
    "width": _width,
    "depth": _depth,
    "bottleneck": _bottleneck,
    "learning-rate": _learning_rate,
    "joint": _joint,
    "activation": _activation,
    "initialisation": _initialisation,
    "batch-size": _batch_size,
    "baseline": _baseline,
}
