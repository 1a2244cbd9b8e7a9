"""What a reader of a run sees: the summary, the page and the memo, from tables of which every number comes."""
