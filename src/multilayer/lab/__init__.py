"""Programs made of the rings below: training runs and proofs that the rings agree."""
