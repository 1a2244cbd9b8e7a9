"""What the tables of a run say: the public feed, metrics with unit and definition, causes."""
