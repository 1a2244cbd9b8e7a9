"""Every code that a problem can carry, in a sentence."""

from __future__ import annotations

FORMAT_CODES: dict[str, str] = {
    "CAS001": "the file is not valid YAML",
    "CAS002": "a key is written twice",
    "CAS003": "a file does not exist or cannot be read",
    "CAS004": "the file is empty",
    "CAS005": "the file is not a mapping of keys, or `extends` is not a name",
    "CAS006": "files extend each other in a circle",
    "CAS007": "an override names nothing, or is not path=value",
    "CAS008": "a file, or a value in it, is larger than is read",
    "CAS009": "a file lies outside of the folder of the scenario that names it",
    "CAS010": "a key is not known here",
    "CAS011": "a key is missing",
    "CAS012": "a value is of the wrong kind",
    "CAS013": "a quantity has the wrong unit, or none",
    "CAS014": "a number is out of range",
    "CAS015": "a `type:` is not known here",
    "CAS016": "a distribution is not known, or its parameters are wrong",
    "CAS017": "a value is not possible here",
    "CAS018": "the scenario format is of another version",
    "CAS019": "a scenario names code of its author, and running it was not allowed",
    "CAS020": "a data file lacks a column",
    "CAS021": "a row of a data file is wrong",
    "CAS022": "a data file cannot be read as a table",
    "CAS023": "a file of worked examples is not valid",
    "CAS201": "a figure of a rulebook has no source",
    "CAS202": "a rulebook lacks a section, or has one that its kind cannot have",
    "CAS203": "the tiers of a rulebook do not fit together",
    "CAS204": "the figures of a pool do not fit together",
}

OTHER_CODES: dict[str, str] = {
    "CAS400": "a run could not go on",
    "CAS401": "a conservation law was broken: a defect of Cascade, please report it",
    "CAS402": "hardly any account of a layer outlives the prices before the start",
    "CAS403": "an agent written in Python failed",
    "CAS404": "a command has nobody to act for the agents written in Python",
    "CAS500": "some replicates failed; the others are kept",
    "CAS501": "a worker process died; what had finished is kept",
    "CAS502": "the cluster cannot be reached",
    "CAS600": "there is no such folder of results",
    "CAS601": "the folder does not hold results of Cascade",
    "CAS602": "the run has not finished",
    "CAS603": "the manifest of the results cannot be read",
    "CAS604": "the results are of an incompatible version",
    "CAS605": "the folder already holds this run, finished or not",
    "CAS606": "another process is writing this run",
    "CAS607": "the run did not record this",
    "CAS608": "results cannot be written: the disk is full, or the folder is read-only",
    "CAS609": "a file of the results is missing or damaged",
    "CAS610": "a worker of the cluster has another version of Cascade or of what its numbers rest on",
    "CAS611": "a replay does not give the stored rows",
    "CAS612": "a worker of the cluster sent what no replicate leaves",
    "CAS620": "the runs have results of different versions and cannot be compared",
    "CAS621": "the scenarios of the runs have nothing in common that can be compared",
    "CAS700": "the run was interrupted; finished parts are kept",
    "CAS800": "the command was called in a way that means nothing",
    "CAS801": "no shipped scenario has this name",
    "CAS802": "the file exists, and nothing is overwritten without --force",
    "CAS803": "no page of the documentation has this name",
    "CAS804": "a library that this option needs is not installed",
    "CAS805": "more runs than a page can show",
    "CAS806": "the system refuses a file that the command names",
    "CAS900": "a result breached a threshold that you set",
}


def codes() -> dict[str, str]:
    """Return the sentence of each code: of the format, of every named check, of runs and commands."""
    from cascade.scenario.checks import all_checks

    checks = {check.code: f"checked: {check.title}" for check in all_checks()}
    return dict(sorted({**FORMAT_CODES, **checks, **OTHER_CODES}.items()))
