"""What a population is exposed to: where margins fail, against what the book takes. Numbers only."""
