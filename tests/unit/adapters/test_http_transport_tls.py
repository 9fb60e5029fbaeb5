"""Orders travel over TLS; a certificate nobody vouches for gets nothing, not even the request."""

import shutil

import pytest

from polybot.adapters.http_transport import TransportTuning
from polybot.errors import Unavailable
from tests.throw_away_ca import ThrowAwayCa, make_ca
from tests.unit.adapters.test_http_transport import DELETE, GET, POST, Case, error_of


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowAwayCa:
    if shutil.which("openssl") is None:
        pytest.skip("expected openssl to make certificates with, was not found")
    return make_ca(tmp_path_factory.mktemp("ca"))


def test_tls_is_spoken_and_the_connection_kept(authority: ThrowAwayCa) -> None:
    tuning = TransportTuning(tls=authority.client_context())
    case = Case(tuning=tuning, tls=authority.server_context())
    assert case.url.startswith("https://")
    assert [case.ask(call).status for call in (POST, GET, DELETE)] == [200] * 3
    assert case.server.connections == 1
    case.server.hang_up()
    assert case.ask(POST).status == 200
    assert case.server.requests().count(("POST", "/order")) == 2
    case.close()


def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_sent(
    authority: ThrowAwayCa,
) -> None:
    # None: the system's authorities, as in production.
    case = Case(tls=authority.server_context())
    given = case.ask(POST)
    assert error_of(given) is Unavailable
    assert "CERTIFICATE_VERIFY_FAILED" in str(given.error)
    assert case.server.heard == []
    case.close()


def test_a_certificate_of_another_host_is_refused(authority: ThrowAwayCa) -> None:
    tuning = TransportTuning(tls=authority.client_context())
    case = Case(tuning=tuning, tls=authority.server_context())
    case.url = case.url.replace("127.0.0.1", "127.0.0.2")
    given = case.ask(POST)
    assert error_of(given) is Unavailable
    assert case.server.heard == []
    case.close()
