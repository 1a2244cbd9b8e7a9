"""Calibration: events and their figures, fitting of what cannot be seen, scorecards."""
