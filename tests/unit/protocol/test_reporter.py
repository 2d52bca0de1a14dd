"""The reporter: whose keys vouch, where prices come from, and what it says before it posts."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from protocol import cli
from protocol.chain.accounts import Keyring
from protocol.clients.reporter import Reporter, vouching
from protocol.commands import market as market_commands
from protocol.commands import network
from protocol.commands.reporter import PASSWORD
from protocol.commands.reporting import MAX_MISSES, Desk, Source
from protocol.config import ConfidencePolicy
from protocol.errors import ChainUnavailable, ConfigError, DataError, InputError
from protocol.parameters import PullFeedParameters
from protocol.strategy.confidence import Confidence
from protocol.units import WAD, from_wad
from tests.system_fixtures import ADMIN, STRANGER, Exchange

FEED = PullFeedParameters(min_price=100.0, max_price=10_000.0, max_confidence=0.01)
KEYS = Keyring.dev(3)


@pytest.fixture
def pulled(exchange: Exchange) -> Exchange:
    """ETH on prices signed by two of three."""
    exchange.system.oracle.set_pull_feed(1, FEED, sender=ADMIN)
    exchange.system.oracle.set_signers(KEYS.addresses, 2, sender=ADMIN)
    return exchange


@pytest.fixture
def reporter(pulled: Exchange) -> Reporter:
    return Reporter(pulled.system.oracle, KEYS, underlying=1, sender=STRANGER)


def desk(reporter: Reporter, **changes: object) -> Desk:
    slept: list[float] = []
    settings = {"live": True, "sleep": slept.append} | changes
    confidence = Confidence(ConfidencePolicy(), seconds=5)
    source = settings.pop("source", Source(price=2_500.0))
    return Desk(reporter, source, every=5, confidence=confidence, **settings)


def vomma(*words: object) -> Result:
    return CliRunner().invoke(cli.app, ["reporter", "run", *map(str, words)])


@pytest.fixture
def on_it(pulled: Exchange, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """The command line, at the exchange."""
    monkeypatch.setattr(network, "open_system", lambda *_, **__: (pulled.system, STRANGER))
    return pulled


# -- who vouches --


def test_vouching__more_keys_than_needed__takes_as_many_as_needed():
    assert len(vouching(KEYS, KEYS.addresses, 2).addresses) == 2


def test_vouching__too_few_keys__names_how_many():
    with pytest.raises(ConfigError, match="1 of the keys .* the oracle asks for 2"):
        vouching(Keyring.dev(1), KEYS.addresses, 2)


def test_vouching__no_signers_set__says_so():
    with pytest.raises(ConfigError, match="knows no signers yet"):
        vouching(KEYS, (), 0)


def test_reporter__push_feed__says_what_to_do(exchange):
    with pytest.raises(ConfigError, match="push feed .*vomma reporter enable"):
        Reporter(exchange.system.oracle, KEYS, underlying=1, sender=STRANGER)


@pytest.mark.parametrize("price", [0.0, 99.99, 10_000.01, -1.0])
def test_sign__price_out_of_bounds__names_them(price, reporter):
    with pytest.raises(InputError, match="price is .*from 100 to 10000"):
        reporter.sign(price=price, confidence=0.0, timestamp=1)


@pytest.mark.parametrize("confidence", [-0.001, 0.0101])
def test_sign__confidence_out_of_bounds__names_them(confidence, reporter):
    with pytest.raises(InputError, match="confidence is .*from 0 to 0.01"):
        reporter.sign(price=2_500.0, confidence=confidence, timestamp=1)


# -- rounds --


def test_rounds__live__posts_and_moves_the_clock(reporter, pulled):
    start = pulled.now
    done = list(islice(desk(reporter).rounds(once=False), 3))
    assert [row.report.timestamp - start for row in done] == [5, 10, 15]
    assert all(row.sent and row.taken and row.gas > 21_000 for row in done)
    spot = pulled.system.oracle.spot(1)
    assert (spot.price, spot.updated_at) == (2_500 * WAD, start + 15)


def test_rounds__dry__leaves_the_chain_alone(reporter, pulled):
    before = pulled.chain.block_number, pulled.now
    (done,) = desk(reporter, live=False).rounds(once=True)
    assert (pulled.chain.block_number, pulled.now) == before
    assert not done.sent and len(done.report.signatures) == 2


def test_rounds__jump__is_signed_wider_up_to_the_feeds_bound(reporter, tmp_path: Path):
    closes = [2_500.0, 2_500.0, 2_505.0, 2_505.0, 3_500.0]
    path = tmp_path / "klines.csv"
    rows = [f"{60 * i},1,1,1,{close}" for i, close in enumerate(closes, start=1)]
    path.write_text("\n".join(["ts,open,high,low,close", *rows]))
    dry = desk(reporter, live=False, source=Source(klines=path))
    calm, still, jumped, after, widest = (
        from_wad(done.report.confidence) for done in dry.rounds(once=False)
    )
    assert still < calm < 0.003
    assert jumped > 1.5 * calm and still < after < jumped
    assert widest == 0.01


def test_post__another_was_faster__says_passed_over(reporter, pulled):
    report = reporter.sign(price=2_500.0, confidence=0.0, timestamp=pulled.now)
    assert reporter.post(report)[1]
    assert not reporter.post(report)[1]


def test_rounds__node_gone__gives_up_after_some(reporter, monkeypatch):
    def gone(*_: object, **__: object) -> None:
        raise ChainUnavailable("no answer")

    monkeypatch.setattr(reporter, "post", gone)
    slept: list[float] = []
    with pytest.raises(ChainUnavailable):
        list(desk(reporter, sleep=slept.append).rounds(once=False))
    assert len(slept) == MAX_MISSES - 1
    with pytest.raises(ChainUnavailable):
        list(desk(reporter).rounds(once=True))


def test_rounds__network_whose_clock_lags__never_signs_the_future(reporter, pulled, monkeypatch):
    # a network is no TestChain: its clock is read, not moved
    monkeypatch.setattr("protocol.commands.reporting.TestChain", type(None))
    for clock in (pulled.now + 100.9, pulled.now - 7.1):
        (done,) = desk(reporter, live=False, now=lambda clock=clock: clock).rounds(once=True)
        assert done.report.timestamp == min(int(clock), pulled.now)


# -- where prices come from --


def test_source__klines__are_their_closes(tmp_path: Path):
    rows = ["ts,open,high,low,close", "60,1,1,1,2000", "120,1,1,1,2001", "180,1,1,1,2002"]
    path = tmp_path / "klines.csv"
    path.write_text("\n".join(rows))
    assert list(Source(klines=path).prices(every=5)) == [2_000.0, 2_001.0, 2_002.0]
    with pytest.raises(DataError, match="missing.csv"):
        Source(klines=tmp_path / "missing.csv").prices(every=5)


def test_source__random_path__is_seeded_and_scaled():
    def path(**changes: object) -> list[float]:
        source = replace(Source(price=2_000.0, vol=0.7, seed=3), **changes)
        return list(islice(source.prices(every=60), 2_000))

    first = path()
    assert first[0] == 2_000.0 and first == path() != path(seed=4)
    steps = [b / a - 1.0 for a, b in zip(first, first[1:], strict=False)]
    spread = (sum(s * s for s in steps) / len(steps)) ** 0.5
    assert spread == pytest.approx(0.7 * (60 / (365 * 86_400)) ** 0.5, rel=0.1)


@pytest.mark.parametrize("source", [Source(), Source(price=1.0, klines=Path("x.csv"))])
def test_source__none_or_two__says_so(source):
    with pytest.raises(ConfigError, match="either --price or --klines"):
        source.prices(every=1)


# -- the command --


def test_run__without_live__says_what_it_would_post(on_it):
    done = vomma("--price", 2_500, "--once")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("would post ETH 2,500.0000 +- 0.323 %")
    assert "2 signatures; add --live" in done.stdout


def test_run__live_json__is_one_object_a_line(on_it):
    done = vomma("--price", 2_500, "--once", "--live", "--json")
    row = json.loads(done.stdout)
    assert (row["price"], row["sent"], row["taken"], row["signatures"]) == (2_500.0, True, True, 2)
    assert on_it.system.oracle.spot(1).price == 2_500 * WAD


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        ((), "either --price or --klines"),
        (("--price", "inf"), "inf"),
        (("--price", 5), "from 100 to 10000"),
        (("--price", 0), "price is 0.0, must be > 0"),
        (("--price", 2_500, "--symbol", "DOGE"), "no market 'DOGE'"),
        (("--price", 2_500, "--symbol", "BTC"), "push feed"),
        (("--klines", "nowhere.csv"), "nowhere.csv"),
        (("--price", 2_500, "--signer", "nowhere.json"), "nowhere.json"),
    ],
)
def test_run__bad_input__is_one_line(words, phrase, on_it, monkeypatch):
    monkeypatch.setenv(PASSWORD, "any")
    done = vomma("--once", *words)
    assert done.exit_code in (1, 2) and done.stderr.startswith("vomma: ")
    assert phrase in done.stderr and "Traceback" not in done.output


def test_run__other_network_without_keys__asks_for_them(on_it, monkeypatch):
    monkeypatch.setattr("protocol.chain.base.DEVNET_CHAIN_ID", 1)
    done = vomma("--price", 2_500, "--once")
    assert done.exit_code == 2 and "--signer" in done.stderr


def test_pass_time__on_a_pull_feed__posts_the_last_price(pulled, reporter):
    reporter.post(reporter.sign(price=2_000.0, confidence=0.0, timestamp=pulled.now))
    market_commands.pass_time(pulled.system, pulled.chain, 3_600)
    spot = pulled.system.oracle.spot(1)
    assert (spot.price, spot.updated_at) == (2_000 * WAD, pulled.now)
