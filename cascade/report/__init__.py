"""What a reader of a run sees."""
