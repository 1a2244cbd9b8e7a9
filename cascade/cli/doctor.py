"""`cascade doctor`: whether this installation is sound, and how fast it is."""

from __future__ import annotations

from cascade.cli import options as opt
from cascade.cli.terminal import leave, say, show, show_json
from cascade.errors import ExitCode


def doctor(json: opt.AsJson = False) -> None:
    """Check this installation: versions, cores, kernel cache, permissions, speed."""
    from cascade.diagnosis import examine

    symptoms = examine()
    if json:
        show_json(symptoms)
    for symptom in symptoms:
        if not json:
            show(f"{'ok  ' if symptom.is_well else 'FAIL'}  {symptom.what:<18} {symptom.value}")
        if symptom.remedy:
            say(f"      {symptom.what}: {symptom.remedy}")
    if not all(symptom.is_well for symptom in symptoms):
        leave(ExitCode.SIMULATION)
