"""What docs/ru/exercises.md says: the same figures as the English page's, in Russian."""

from collections.abc import Sequence

from exercise_groups import Answer, Group, groups_of, num_rounds_of
from exercises_russian_answers import ABOUT, SUBJECTS, TITLES, name_of, rounds_of, whole
from exercises_russian_times import TIMES

from multilayer.drawing.panels import markdown_table

QUESTIONS = {
    "width": "1. Как число скрытых нейронов влияет на точность и какое лучше?",
    "depth": "2. Что меняет ещё один скрытый слой?",
    "bottleneck": "3. Чем плох скрытый слой из одного нейрона?",
    "learning-rate": "4. Какая скорость обучения лучше и как она связана с числом эпох?",
    "joint": "5. Как выбрать всё сразу?",
    "speed": "6. Насколько быстры сеть, написанная вручную, и сеть из PyTorch, когда сеть растёт?",
    "alignment": "7. Выгодны ли размеры, равные степеням двойки?",
    "activation": "8. Какая функция активации работает лучше?",
    "initialisation": "9. Важны ли начальные веса?",
    "batch-size": "И ещё: сколько строк должно быть в мини-пакете?",
    "baseline": "И ещё: есть ли польза от скрытого слоя?",
}
_HEAD = """# Ответы на упражнения главы

Каждый ответ ниже получен командой `multilayer study`. Она обучает по нескольку сетей каждого вида
с одними и теми же начальными числами генератора (seed), измеряет их точность на пятой части
обучающих данных, которой сети не видели (тестовые данные не используются), и сообщает, насколько
ответ надёжен. Команда стоит над ответом. Начальное число определяет, какие строки отложены,
начальные веса и порядок мини-пакетов. Кроме того, что меняет исследование, настройки сетей взяты
из главы: один скрытый слой из 256 нейронов, ReLU, градиентный спуск со скоростью 0.1, мини-пакеты
по 256 строк, 10 эпох. Считается, что разницы точности нет, если показано, что она меньше
{matters:g}.

Измерения каждой сети хранятся в репозитории, и эта страница создана по ним:

```sh
python benchmarks/exercises.py
```

На чём основаны ответы и сколько сравнений эти запуски не решили:

{overview}
Секунды на эпоху — это время работы процессора в одном потоке на машине, занятой и другой работой;
в двух исследованиях времени измерения чередуются и сравниваются внутри каждого круга. На вашей
машине последние цифры и все времена будут другими. Надписи на рисунках — английские.
"""


def page(answers: Sequence[Answer]) -> str:
    """The whole page."""
    matters = next(one.plan.matters for one in answers if one.plan.problem is not None)
    head = _HEAD.format(matters=matters, overview=_overview(answers))
    return "\n".join([head, *map(_section, answers)])


def _overview(answers: Sequence[Answer]) -> str:
    rows = []
    for one in answers:
        groups = groups_of(one)
        pairs = sum(len(group.pairs) for group in groups)
        undecided = sum(group.num_undecided for group in groups)
        rows.append(
            [f"`{one.name}`", whole(len(one.plan.rows)), str(one.plan.num_seeds),
             str(one.num_networks), f"{undecided} из {pairs}"]
            if groups
            else [f"`{one.name}`", "", f"кругов: {num_rounds_of(one)}", "", ""]
        )  # fmt: skip
    return markdown_table(["исследование", "строк", "запусков", "сетей", "не решено"], rows)


def _section(answer: Answer) -> str:
    groups = groups_of(answer)
    if groups:
        plan = answer.plan
        paragraph, headers = ABOUT[answer.name](answer), _headers(answer, groups)
        rows = [row for group in groups for row in _rows(group, answer)] + _search_rows(answer)
        title = (
            f"{TITLES[answer.name]}: fashion-mnist, строк: {whole(len(plan.rows))}, эпох: "
            f"{plan.settings.max_epochs}, запусков: {plan.num_seeds}"
        )
    else:
        title, about = TIMES[answer.name]
        headers, rows, paragraph = about(answer)
    origins = "; ".join(
        f"{one.date}, {one.processor}, ядер: {one.num_processors}, потоков: {one.num_threads}"
        for one in answer.origins
    )
    return (
        f"## {QUESTIONS[answer.name]}\n\n```sh\n{answer.command}\n```\n\n{paragraph}\n\n"
        f"![{title}](../images/study-{answer.name}.svg)\n\n"
        f"{markdown_table(headers, rows)}\n{title}. {origins}.\n"
    )


def _headers(answer: Answer, groups: Sequence[Group]) -> list[str]:
    group = groups[0]
    reference = name_of(group.variants[group.reference].name).partition(",")[0]
    return [
        SUBJECTS[answer.name], "точность", "95-процентный интервал", f"разность с «{reference}»",
        "95-процентный интервал", "вывод", "параметров", "секунд на эпоху",
    ]  # fmt: skip


def _rows(group: Group, answer: Answer) -> list[list[str]]:
    verdicts = {
        "first is better": "хуже",
        "second is better": "лучше",
        "no difference that matters": f"нет разницы больше {answer.plan.matters:g}",
        "undecided": "не решено",
    }
    rows = []
    for place, one in enumerate(group.variants):
        pair = group.pairs.get(place)
        between = "от {:+.4f} до {:+.4f}"
        rows.append(
            [
                name_of(one.name),
                f"{one.interval.mean:.4f}",
                f"от {one.interval.low:.4f} до {one.interval.high:.4f}",
                f"{pair.difference.mean:+.4f}" if pair else "",
                between.format(pair.difference.low, pair.difference.high) if pair else "",
                verdicts[pair.verdict] if pair else "точка отсчёта",
                whole(one.num_parameters),
                f"{one.seconds:.3f}",
            ]
        )
    return rows


def _search_rows(answer: Answer) -> list[list[str]]:
    """The rounds of the search, below its last word."""
    if answer.name != "joint":
        return []
    return [
        [
            f"круг {number}: {name_of(one.name)}", f"{one.scores.mean():.4f}", "", "", "", "",
            whole(one.num_parameters), f"{one.seconds:.3f}",
        ]
        for number, measured in enumerate(rounds_of(answer), 1)
        for one in measured
    ]  # fmt: skip
