"""Venues: dated, sourced rulebooks as data, and their loader."""
