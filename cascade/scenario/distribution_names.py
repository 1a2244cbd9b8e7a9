"""Names and shape parameters of the scipy.stats distributions, so that a scenario is checked without scipy.

Importing ``scipy.stats`` takes longer than validating a scenario. A test compares this table with the
installed scipy. Each entry reads ``shape:domain`` per shape parameter; ``loc`` and ``scale`` are common.
"""

from __future__ import annotations

import math
import re

SHAPES: dict[str, str] = {
    "alpha": "a:>0",
    "anglit": "",
    "arcsine": "",
    "argus": "chi:>0",
    "beta": "a:>0 b:>0",
    "betaprime": "a:>0 b:>0",
    "bradford": "c:>0",
    "burr": "c:>0 d:>0",
    "burr12": "c:>0 d:>0",
    "cauchy": "",
    "chi": "df:>0",
    "chi2": "df:>0",
    "cosine": "",
    "crystalball": "beta:>0 m:>1",
    "dgamma": "a:>0",
    "dpareto_lognorm": "u:real s:>0 a:>0 b:>0",
    "dweibull": "c:>0",
    "erlang": "a:>=1",
    "expon": "",
    "exponnorm": "K:>0",
    "exponpow": "b:>0",
    "exponweib": "a:>0 c:>0",
    "f": "dfn:>0 dfd:>0",
    "fatiguelife": "c:>0",
    "fisk": "c:>0",
    "foldcauchy": "c:>=0",
    "foldnorm": "c:>=0",
    "gamma": "a:>0",
    "gausshyper": "a:>0 b:>0 c:real z:>-1",
    "genexpon": "a:>0 b:>0 c:>0",
    "genextreme": "c:real",
    "gengamma": "a:>0 c:real",
    "genhalflogistic": "c:>0",
    "genhyperbolic": "p:real a:>=0 b:real",
    "geninvgauss": "p:real b:>0",
    "genlogistic": "c:>0",
    "gennorm": "beta:>0",
    "genpareto": "c:real",
    "gibrat": "",
    "gompertz": "c:>0",
    "gumbel_l": "",
    "gumbel_r": "",
    "halfcauchy": "",
    "halfgennorm": "beta:>0",
    "halflogistic": "",
    "halfnorm": "",
    "hypsecant": "",
    "invgamma": "a:>0",
    "invgauss": "mu:>0",
    "invweibull": "c:>0",
    "irwinhall": "n:>=1",
    "jf_skew_t": "a:>0 b:>0",
    "johnsonsb": "a:real b:>0",
    "johnsonsu": "a:real b:>0",
    "kappa3": "a:>0",
    "kappa4": "h:real k:real",
    "landau": "",
    "laplace": "",
    "laplace_asymmetric": "kappa:>0",
    "levy": "",
    "levy_l": "",
    "loggamma": "c:>0",
    "logistic": "",
    "loglaplace": "c:>0",
    "lognorm": "s:>0",
    "loguniform": "a:>0 b:>0",
    "lomax": "c:>0",
    "maxwell": "",
    "mielke": "k:>0 s:>0",
    "moyal": "",
    "nakagami": "nu:>0",
    "ncf": "dfn:>0 dfd:>0 nc:>=0",
    "nct": "df:>0 nc:real",
    "ncx2": "df:>0 nc:>=0",
    "norm": "",
    "norminvgauss": "a:>0 b:real",
    "pareto": "b:>0",
    "pearson3": "skew:real",
    "powerlaw": "a:>0",
    "powerlognorm": "c:>0 s:>0",
    "powernorm": "c:>0",
    "rayleigh": "",
    "rdist": "c:>0",
    "recipinvgauss": "mu:>0",
    "reciprocal": "a:>0 b:>0",
    "rel_breitwigner": "rho:>0",
    "rice": "b:>=0",
    "semicircular": "",
    "skewcauchy": "a:(-1,1)",
    "skewnorm": "a:real",
    "t": "df:>0",
    "trapezoid": "c:[0,1] d:[0,1]",
    "triang": "c:[0,1]",
    "truncexpon": "b:>0",
    "truncnorm": "a:real b:real",
    "truncpareto": "b:real c:>1",
    "truncweibull_min": "c:>0 a:>=0 b:>0",
    "tukeylambda": "lam:real",
    "vonmises": "kappa:>=0",
    "vonmises_line": "kappa:>=0",
    "wald": "",
    "weibull_max": "c:>0",
    "weibull_min": "c:>0",
    "wrapcauchy": "c:(0,1)",
}

NEEDS_SCIPY = frozenset({
    "erlang",
    "gausshyper",
    "genhyperbolic",
    "loguniform",
    "norminvgauss",
    "reciprocal",
    "trapezoid",
    "truncnorm",
    "truncpareto",
    "truncweibull_min",
})  # fmt: skip
"""Distributions whose shape parameters constrain each other: scipy has the last word."""

_INTERVAL = re.compile(r"([\[(])(.+),(.+)([\])])")


def shapes_of(name: str) -> dict[str, str]:
    """Return the domain of each shape parameter of a distribution."""
    return dict(part.split(":", 1) for part in SHAPES[name].split())


def is_within(value: float, domain: str) -> bool:
    """Tell whether a value lies in a domain such as ``>0``, ``[0,1]`` or ``real``."""
    if domain == "real":
        return math.isfinite(value)
    if domain.startswith(">="):
        return value >= float(domain[2:])
    if domain.startswith(">"):
        return value > float(domain[1:])
    match = _INTERVAL.fullmatch(domain)
    assert match is not None
    low, high = float(match[2]), float(match[3])
    above = value >= low if match[1] == "[" else value > low
    return above and (value <= high if match[4] == "]" else value < high)


def describe(domain: str) -> str:
    """Return a domain in words."""
    words = {"real": "any number", ">0": "above 0", ">=0": "at least 0", ">=1": "at least 1", ">1": "above 1"}
    return words.get(domain, f"in {domain}" if domain[0] in "[(" else domain)
