"""SVI fits: what is known comes back, what has arbitrage does not, real chains fit."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from protocol.errors import InputError
from protocol.pricing.black76 import Floats
from protocol.surface.arbitrage import CHECK_GRID, static_violations
from protocol.surface.calibrate import ExpiryQuotes, _Problem, fit_chain, fit_slice
from protocol.surface.svi import butterfly, total_variance
from protocol.types import ExpirySurface, Surface, SviParams

SMILE = SviParams(a=0.004, b=0.06, rho=-0.3, m=0.01, sigma=0.12)
VOGT = SviParams(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)


def quotes_of(svi: SviParams, *, years: float, k: Floats) -> ExpiryQuotes:
    vol = np.sqrt(total_variance(k=k, svi=svi) / years)
    return ExpiryQuotes(years=years, k=k, vol=vol, weight=np.ones(len(k)))


def deribit_chain(path: Path) -> list[ExpiryQuotes]:
    """Out-of-the-money quotes with a delta of 1 % and more, weighted by vega."""
    by_expiry: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            snap = dt.datetime.fromisoformat(row["snap"])
            if row["mark_iv"] and 0.01 <= abs(float(row["delta"])) <= 0.5:
                k = np.log(float(row["strike"]) / float(row["underlying"]))
                vol, vega = float(row["mark_iv"]) / 100.0, float(row["vega"])
                by_expiry[row["expiry"]].append((k, vol, vega + 1e-6))
    chain = []
    for expiry, rows in sorted(by_expiry.items()):
        life = (dt.datetime.fromisoformat(expiry) - snap).total_seconds() / (365 * 86_400)
        k, vol, weight = np.array(sorted(rows)).T
        if len(k) >= 5:
            chain.append(ExpiryQuotes(life, k, vol, weight))
    return chain


def test_fit_slice__exact_quotes__give_the_slice_back() -> None:
    fit = fit_slice(quotes_of(SMILE, years=0.05, k=np.linspace(-0.4, 0.4, 17)))
    assert fit.converged and fit.is_free
    assert fit.rmse < 1e-6
    for name in SviParams.__slots__:
        assert getattr(fit.svi, name) == pytest.approx(getattr(SMILE, name), abs=1e-3)


def test_fit_slice__quotes_with_a_butterfly__fits_without_it() -> None:
    quotes = quotes_of(VOGT, years=1.0, k=np.linspace(-1.0, 1.0, 41))
    fit = fit_slice(quotes)
    assert butterfly(k=CHECK_GRID, svi=VOGT).min() < -0.03
    assert fit.is_free
    assert butterfly(k=CHECK_GRID, svi=fit.svi).min() >= 0.0
    assert fit.rmse < 0.01  # and stays within a vol point of them


def test_fit_chain__far_quotes_below_the_near__are_fitted_above() -> None:
    k = np.linspace(-0.4, 0.4, 17)
    near = quotes_of(SMILE, years=0.05, k=k)
    low = SviParams(SMILE.a * 0.8, SMILE.b, SMILE.rho, SMILE.m, SMILE.sigma)
    fits = fit_chain([near, quotes_of(low, years=0.06, k=k)])
    alone = fit_slice(quotes_of(low, years=0.06, k=k))
    floor = total_variance(k=CHECK_GRID, svi=fits[0].svi)
    assert (total_variance(k=CHECK_GRID, svi=alone.svi) < floor).any()
    assert (total_variance(k=CHECK_GRID, svi=fits[1].svi) >= floor).all()
    assert all(fit.is_free for fit in fits)


def test_fit_slice__weights__decide_between_quotes() -> None:
    k = np.linspace(-0.3, 0.3, 13)
    quotes = quotes_of(SMILE, years=0.05, k=k)
    off = quotes.vol.copy()
    off[0] += 0.2
    weight = np.where(np.arange(13) == 0, 0.0, 1.0)
    fit = fit_slice(ExpiryQuotes(0.05, k, off, weight))
    assert fit.rmse < 1e-4
    assert fit.worst == pytest.approx(0.2, abs=1e-2)


def test_problem__jacobian__matches_differences() -> None:
    quotes = quotes_of(VOGT, years=1.0, k=np.linspace(-1.0, 1.0, 21))
    floor = total_variance(k=CHECK_GRID, svi=VOGT) + 0.02 * CHECK_GRID
    problem = _Problem(quotes, floor, 10.0)
    box = np.array([0.008, 0.09, 0.17, 0.34, 0.4])
    slopes = approx_fprime(box, problem.residuals, 1e-7)
    exact = problem.jacobian(box)
    assert (problem.residuals(box)[21:102] < 0.0).any()  # a butterfly is seen
    assert (problem.residuals(box)[102:] < 0.0).any()  # and a fall in time
    np.testing.assert_allclose(exact, slopes, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize(
    ("name", "median_rmse", "worst_rmse"),
    [
        ("ETH_2026-01-10T2118Z", 0.002, 0.008),
        ("BTC_2026-01-10T2118Z", 0.002, 0.008),
        # The spot fell 10 % that day, and a chain takes minutes to read.
        ("ETH_2026-02-05T2129Z", 0.011, 0.019),
        ("ETH_2026-02-06T0430Z", 0.004, 0.014),
    ],
)
def test_fit_chain__deribit__is_close_and_free_of_arbitrage(
    market_data: Path, name: str, median_rmse: float, worst_rmse: float
) -> None:
    chain = deribit_chain(market_data / "deribit_chains" / f"{name}.csv.gz")
    fits = fit_chain(chain)
    assert len(fits) >= 11
    assert all(fit.converged and fit.is_free for fit in fits)
    assert np.median([fit.rmse for fit in fits]) < median_rmse
    assert max(fit.rmse for fit in fits) < worst_rmse
    smiles = tuple(ExpirySurface(i, fit.svi, 0.0, 0.0, 0) for i, fit in enumerate(fits))
    assert static_violations(Surface(1, 1.0, 0, smiles)) == ()


@pytest.mark.parametrize(
    ("years", "vol", "weight", "message"),
    [
        (0.0, 0.5, 1.0, "years is 0.0"),
        (0.1, -0.5, 1.0, "vol > 0"),
        (0.1, float("nan"), 1.0, "finite"),
        (0.1, 0.5, -1.0, "weights >= 0"),
        (0.1, 0.5, 0.0, "weights >= 0"),
    ],
)
def test_expiry_quotes__bad__are_named(
    years: float, vol: float, weight: float, message: str
) -> None:
    k = np.linspace(-0.2, 0.2, 5)
    with pytest.raises(InputError, match=message):
        ExpiryQuotes(years, k, np.full(5, vol), np.full(5, weight))


def test_expiry_quotes__too_few__says_how_many() -> None:
    with pytest.raises(InputError, match="at least 5"):
        ExpiryQuotes(0.1, np.zeros(4), np.ones(4), np.ones(4))
