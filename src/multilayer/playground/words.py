"""Words of the playground in English and Russian: presets, and the values of a traced step."""

from typing import Literal

Language = Literal["en", "ru"]
LANGUAGES: tuple[Language, ...] = ("en", "ru")

_DIFFERENCE = (
    "{metric}, second against first: better by {mean}, 95% interval {low} to {high}; {seeds} "
    "seeds, {rows} rows held out for each."
)
_DIFFERENCE_RU = (
    "{metric}, вторая против первой: лучше на {mean}, 95% интервал от {low} до {high}; "
    "начальных значений {seeds}, для каждого отложено строк: {rows}."
)

# In Russian: ruff takes some of its letters for Latin ones.
# ruff: noqa: RUF001

_PRESETS = {
    "linear": (
        "A line is not enough", "Прямой недостаточно",
        "Without a hidden layer the network is linear, and no line divides the classes of xor.",
        "Без скрытого слоя сеть линейна, а классы задачи XOR никакой прямой не разделить.",
    ),
    "hidden-layer": (
        "A hidden layer", "Скрытый слой",
        "Eight hidden neurons with ReLU learn xor.",
        "Восемь скрытых нейронов с ReLU справляются с XOR.",
    ),
    "without-activation": (
        "Layers without an activation", "Слои без функции активации",
        "Two hidden layers without an activation function are no more than a linear model.",
        "Два скрытых слоя без функции активации — это всё та же линейная модель.",
    ),
    "relu": (
        "ReLU", "ReLU",
        "Regions with straight edges: ReLU is linear on either side of zero.",
        "Области с прямыми краями: ReLU линейна по обе стороны от нуля.",
    ),
    "sigmoid": (
        "Sigmoid", "Сигмоида",
        "The slope of sigmoid is at most 1/4, and learning begins slowly.",
        "Производная сигмоиды не больше 1/4, и обучение начинается медленно.",
    ),
    "tanh": (
        "Tanh", "Гиперболический тангенс",
        "Like sigmoid, but around zero, with a slope of up to 1: it learns faster.",
        "Похож на сигмоиду, но симметричен относительно нуля, производная до 1: учится быстрее.",
    ),
    "activation-by-layer": (
        "Each layer its own", "У каждого слоя своя",
        "ReLU, tanh and GELU one after the other.",
        "ReLU, гиперболический тангенс и GELU друг за другом.",
    ),
    "from-scratch": (
        "The chapter's network from scratch", "Сеть главы с нуля",
        "784-256-10 with ReLU on Fashion-MNIST, weights from N(0, 0.01²), as the book trains it.",
        "784-256-10 с ReLU на Fashion-MNIST, веса из N(0, 0,01²): так её обучает книга.",
    ),
    "concise": (
        "The chapter's network, concise", "Сеть главы кратко",
        "The same network with the first weights of PyTorch's layers.",
        "Та же сеть с начальными весами слоёв PyTorch.",
    ),
    "one-neuron": (
        "A hidden layer of one neuron", "Скрытый слой из одного нейрона",
        "All that is known of an image has to pass through a single number.",
        "Всё, что известно об изображении, должно пройти через одно число.",
    ),
    "many-neurons": (
        "More hidden neurons", "Больше скрытых нейронов",
        "The same digits with 512 hidden neurons: how much does the width gain?",
        "Те же цифры с 512 скрытыми нейронами: сколько даёт ширина?",
    ),
    "more-layers": (
        "More hidden layers", "Больше скрытых слоёв",
        "Three hidden layers of 8 on the spirals.",
        "Три скрытых слоя по 8 нейронов на спиралях.",
    ),
    "large-rate": (
        "A learning rate that is too large", "Слишком большая скорость обучения",
        "Steps jump over the minimum: the loss swings.",
        "Шаги перепрыгивают минимум: функция потерь скачет.",
    ),
    "small-rate": (
        "A learning rate that is too small", "Слишком малая скорость обучения",
        "The loss falls, but hardly.",
        "Потери убывают, но еле заметно.",
    ),
    "backpropagation": (
        "Backpropagation, step by step", "Обратное распространение по шагам",
        "Three hidden neurons, four rows in a batch and weight decay: small enough to follow.",
        "Три скрытых нейрона, мини-пакет из четырёх строк и регуляризация: всё можно проследить.",
    ),
    "vanishing": (
        "Vanishing gradients", "Исчезающие градиенты",
        "Six layers of sigmoid with small weights: hardly any gradient reaches the first.",
        "Шесть слоёв с сигмоидой и малыми весами: до первого градиент почти не доходит.",
    ),
    "exploding": (
        "Steps that explode", "Взрывающиеся шаги",
        "Six layers without an activation and a large rate: the loss grows beyond all bounds.",
        "Шесть слоёв без активации и большая скорость обучения: потери растут без границ.",
    ),
    "xavier": (
        "Xavier initialisation", "Инициализация Ксавье",
        "The same depth with tanh and weights whose variance keeps from layer to layer.",
        "Та же глубина с тангенсом и весами, при которых дисперсия сохраняется от слоя к слою.",
    ),
    "overfitting": (
        "Overfitting", "Переобучение",
        "A wide network learns 80 noisy points by heart: the held-out loss rises.",
        "Широкая сеть заучивает 80 зашумлённых точек: потери на отложенных растут.",
    ),
    "weight-decay": (
        "Weight decay", "Сокращение весов",
        "The same points with weights that shrink in each step.",
        "Те же точки с весами, которые уменьшаются на каждом шаге.",
    ),
    "dropout": (
        "Dropout", "Дропаут",
        "The chapter's two layers of 256, half of their neurons left out of each step.",
        "Два слоя главы по 256: на каждом шаге половина нейронов исключается.",
    ),
    "regression": (
        "A number to predict", "Предсказание числа",
        "A surface with two hills and two hollows, learned by the squared error.",
        "Поверхность с двумя холмами и двумя впадинами и квадратичная функция потерь.",
    ),
    "seeds": (
        "Ten seeds at once", "Десять начальных значений сразу",
        "The same setting begins ten times: what of the result is chance?",
        "Одна и та же сеть начинает десять раз: что в результате случайно?",
    ),
}  # fmt: skip

_TRACE = {
    "inputs": (
        "inputs", "входы",
        "The batch: a row for each example, a column for each input.",
        "Мини-пакет: строка на пример, столбец на вход.",
    ),
    "targets": (
        "targets", "метки",
        "What the network should say of each row.",
        "Что сеть должна ответить для каждой строки.",
    ),
    "pre_activation": (
        "before the activation", "до функции активации",
        "The weighted sum of what comes in, and the bias.",
        "Взвешенная сумма входов слоя плюс смещение.",
    ),
    "activated": (
        "after the activation", "после функции активации",
        "The activation function of each element, before dropout.",
        "Функция активации от каждого элемента, до дропаута.",
    ),
    "mask": (
        "dropout mask", "маска дропаута",
        "0 for a neuron that is left out; the others make up for it. Drawn for this look alone.",
        "0 у исключённого нейрона, остальные это возмещают. Выбрана только для этого просмотра.",
    ),
    "hidden": (
        "hidden layer", "скрытый слой",
        "What the layer hands on to the next one.",
        "Что слой передаёт следующему.",
    ),
    "outputs": (
        "outputs", "выходы",
        "A number for each class, the logit, or the predicted number.",
        "Число для каждого класса (логит) или предсказанное число.",
    ),
    "loss": (
        "loss", "функция потерь",
        "How wrong the outputs are, the mean of the batch.",
        "Насколько ошибочны выходы, среднее по мини-пакету.",
    ),
    "error": (
        "error of the layer", "ошибка слоя",
        "How the loss changes with each weighted sum of this layer: the chain rule.",
        "Как потери меняются со взвешенными суммами этого слоя: цепное правило.",
    ),
    "hidden_gradient": (
        "gradient of the hidden layer", "градиент скрытого слоя",
        "The error of the layer behind, sent back through its weights.",
        "Ошибка следующего слоя, переданная назад через его веса.",
    ),
    "weight_gradient": (
        "gradient of the weights", "градиент весов",
        "What came in times the error, summed over the batch.",
        "Входы слоя, умноженные на ошибку, сумма по мини-пакету.",
    ),
    "bias_gradient": (
        "gradient of the biases", "градиент смещений",
        "The error, summed over the batch.",
        "Ошибка, сумма по мини-пакету.",
    ),
    "decayed": (
        "weights after decay", "веса после сокращения",
        "Weight decay takes the same share from each weight.",
        "Регуляризация отнимает у каждого веса одну и ту же долю.",
    ),
    "first_moment": (
        "mean of the gradients", "среднее градиентов",
        "Adam's running mean of the gradients.",
        "Скользящее среднее градиентов в Adam.",
    ),
    "second_moment": (
        "mean of their squares", "среднее их квадратов",
        "Adam's running mean of the squared gradients.",
        "Скользящее среднее квадратов градиентов в Adam.",
    ),
    "weight_update": (
        "new weights", "новые веса",
        "A step against the gradient, as long as the learning rate says.",
        "Шаг против градиента, длину задаёт скорость обучения.",
    ),
    "bias_update": (
        "new biases", "новые смещения",
        "The same step for the biases, which do not decay.",
        "Тот же шаг для смещений; их регуляризация не трогает.",
    ),
}  # fmt: skip

# {key: (English, Russian)}
WORDS: dict[str, tuple[str, str]] = {
    "trace.forward": ("Forward propagation", "Прямое распространение"),
    "trace.backward": ("Backpropagation", "Обратное распространение"),
    "trace.update": ("Update", "Обновление"),
    "note.last_column": (
        "The last column, {target}, is what is predicted.",
        "Предсказывается последний столбец: {target}.",
    ),
    "note.none_held_out": (
        "None of the {rows} rows are held out: they are too few to divide.",
        "Ничего не отложено: строк всего {rows}, делить их нельзя.",
    ),
    "note.constant": (
        "Always the same, and therefore not used: {columns}.",
        "Значение всегда одно и то же, поэтому не используется: {columns}.",
    ),
    "verdict.first": ("The first setting is better.", "Первая настройка лучше."),
    "verdict.second": ("The second setting is better.", "Вторая настройка лучше."),
    "verdict.same": (
        "There is no difference larger than {matters}.",
        "Разницы больше {matters} нет.",
    ),
    "verdict.undecided": (
        "Undecided after {seeds} seeds.",
        "Не решено: начальных значений было {seeds}.",
    ),
    "verdict.stopped": (
        "Stopped before 5 seeds had been trained.",
        "Остановлено раньше, чем обучены сети с 5 начальными значениями.",
    ),
    "verdict.difference": (_DIFFERENCE, _DIFFERENCE_RU),
    "verdict.diverged_first": (
        "The first setting diverged at {diverged} of {seeds} seeds.",
        "Обучение с первой настройкой разошлось: {diverged} из {seeds}.",
    ),
    "verdict.diverged_second": (
        "The second setting diverged at {diverged} of {seeds} seeds.",
        "Обучение со второй настройкой разошлось: {diverged} из {seeds}.",
    ),
}
for _room, _entries, _title in (("preset", _PRESETS, ".title"), ("trace", _TRACE, "")):
    for _name, (_english, _russian, _english_text, _russian_text) in _entries.items():
        WORDS[f"{_room}.{_name}{_title}"] = (_english, _russian)
        WORDS[f"{_room}.{_name}.text"] = (_english_text, _russian_text)


def in_both(key: str, **values: str) -> tuple[str, str]:
    """A sentence in English and Russian, {name} in it being filled in."""
    english, russian = WORDS[key]
    return english.format(**values), russian.format(**values)


def word(key: str, language: Language = "en") -> str:
    """The word for a key.

    Raises:
        KeyError: there is none.
    """
    return WORDS[key][LANGUAGES.index(language)]
