"""Names of the book's edition of 2021 (package version 0.17), and what stands in their place.

Readers of that edition's printed code, and of translations of it, meet these names in the chapters
on linear networks and multilayer perceptrons.
"""

# Name: what replaced it, and the section that defines that.
REPLACED = {
    "Accumulator": ("d2l.ProgressBoard", "3.2"),
    "Animator": ("d2l.ProgressBoard", "3.2"),
    "accuracy": ("d2l.Classifier.accuracy", "4.3"),
    "download_all": ("d2l.download", "5.7"),
    "download_extract": ("d2l.extract", "5.7"),
    "evaluate_accuracy": ("d2l.Classifier.validation_step", "4.3"),
    "evaluate_loss": ("d2l.Module.validation_step", "3.2"),
    "get_dataloader_workers": ("d2l.DataModule", "3.2"),
    "get_fashion_mnist_labels": ("d2l.FashionMNIST.text_labels", "4.2"),
    "linreg": ("d2l.LinearRegressionScratch.forward", "3.4"),
    "load_array": ("d2l.DataModule.get_tensorloader", "3.3"),
    "load_data_fashion_mnist": ("d2l.FashionMNIST", "4.2"),
    "predict_ch3": ("d2l.FashionMNIST.visualize", "4.2"),
    "sgd": ("d2l.SGD", "3.4"),
    "squared_loss": ("d2l.LinearRegressionScratch.loss", "3.4"),
    "synthetic_data": ("d2l.SyntheticRegressionData", "3.3"),
    "train_ch3": ("d2l.Trainer.fit", "3.2"),
    "train_epoch_ch3": ("d2l.Trainer.fit_epoch", "3.4"),
}

PAGES = {
    "3.2": "https://d2l.ai/chapter_linear-regression/oo-design.html",
    "3.3": "https://d2l.ai/chapter_linear-regression/synthetic-regression-data.html",
    "3.4": "https://d2l.ai/chapter_linear-regression/linear-regression-scratch.html",
    "4.2": "https://d2l.ai/chapter_linear-classification/image-classification-dataset.html",
    "4.3": "https://d2l.ai/chapter_linear-classification/classification.html",
    "5.7": "https://d2l.ai/chapter_multilayer-perceptrons/kaggle-house-price.html",
}
"""The book's page of each section."""
