"""Numbers as people read them, the same on the page and in the terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from protocol.sim.summary import Ratio, Ratios

MINUS = "−"


def money(amount: float, *, sign: bool = False) -> str:
    """$1,234 · $12.3k is never used: the digits line up instead; cents below $100."""
    digits = 0 if abs(amount) >= 100 else 2
    size = f"{abs(amount):,.{digits}f}"
    return f"{_sign(amount, sign) if float(size.replace(',', '')) else ''}${size}"


def percent(share: float, *, sign: bool = False, digits: int = 2) -> str:
    """0.0123 as 1.23 %."""
    size = f"{abs(share) * 100:,.{digits}f}"
    return f"{_sign(share, sign) if float(size.replace(',', '')) else ''}{size}\u00a0%"


def count(number: int) -> str:
    return f"{number:,}"


def short(number: float) -> str:
    """A large count in few letters: 5,760,000,000 as 5.76 G."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def ratio(value: Ratio) -> str:
    """A variance ratio; over seeds its median and maximum."""
    if value is None:
        return "not compared"
    if isinstance(value, Ratios):
        return f"{value.median:.4f}, at most {value.maximum:.4f} over {value.seeds} seeds"
    return f"{value:.4f}"


def name(component: str) -> str:
    """A component of P&L, or a trader, as it is called on screens."""
    known = {"dvanna_dvol": "vanna by vol", "latency_arb": "latency arbitrageur"}
    return known.get(component, component.replace("_", " "))


def unbroken(text: str) -> str:
    """The same text, whose minus signs a browser keeps with their numbers."""
    return text.replace(MINUS, f"{MINUS}\u2060")


def day(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%-d %b %Y}"


def moment(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%-d %b %Y %H:%M}"


def plural(number: int, noun: str) -> str:
    """3 trades, 1 trade, 2 expiries."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def _sign(amount: float, always: bool) -> str:
    return MINUS if amount < 0 else "+" if always else ""
