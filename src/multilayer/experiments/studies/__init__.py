"""The chapter's questions, one a file; see `multilayer.experiments.study`."""
