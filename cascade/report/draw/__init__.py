"""Renderers of figures: data for plotly.js, and SVG by matplotlib. Both draw the same description."""
