"""What a person sees: curves in the terminal, plots and pictures."""
