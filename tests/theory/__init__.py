"""Closed forms that the market must meet on a reduced configuration."""
