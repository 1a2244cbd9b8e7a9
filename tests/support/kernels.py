"""Kernels as Python calls them."""

from cascade.compiler.jit import entry
from cascade.core import margin

excess_of = entry(margin.excess_of.py_func)
