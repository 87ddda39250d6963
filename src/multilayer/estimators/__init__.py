"""`MLPClassifier` and `MLPRegressor`, in scikit-learn's own way."""
