"""A local page on which a run is looked at: through time, beside others, and with one value changed."""
