"""Running scenarios: replicates on threads, counterfactuals, and the folder of results."""
