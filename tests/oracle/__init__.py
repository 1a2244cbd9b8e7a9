"""The oracle: the market's rules once more, naively, in plain Python numbers, lists and dictionaries."""
