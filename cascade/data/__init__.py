"""Public archives as they are published: read verbatim, checked, every fault located, converted to parquet."""
