from collections.abc import Iterator
from typing import Any

import pytest

from polybot.adapters.data_api import DataApiPositions
from polybot.errors import ExchangeError, OutcomeUnknown
from tests.http_stub import Answer, StubRequest, StubServer


class Service:
    """Answers with pages, or as a test says."""

    def __init__(self) -> None:
        self.pages: list[list[dict[str, Any]]] = [[]]
        self.failure: Answer | None = None

    def answer(self, request: StubRequest) -> Answer:
        if self.failure is not None:
            return self.failure
        index = int(request.query.get("cursor", "0"))
        more = index + 1 < len(self.pages)
        pagination = {"has_more": more, "next_cursor": str(index + 1) if more else None}
        return 200, {"data": self.pages[index], "pagination": pagination}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def stub(service: Service) -> Iterator[StubServer]:
    server = StubServer(service.answer)
    yield server
    server.close()


def positions(stub: StubServer, path: str = "") -> DataApiPositions:
    return DataApiPositions(stub.url + path, "0xFunder", timeout_s=2.0, user_agent="polybot/test")


def test_positions_of_all_pages_are_micro_shares_by_token(
    service: Service, stub: StubServer
) -> None:
    service.pages = [
        [{"token_id": "1", "current_size": "25.5"}, {"token_id": "2", "current_size": 10}],
        [{"token_id": "3", "current_size": "0.000001"}],
    ]

    assert positions(stub).held() == {"1": 25_500_000, "2": 10_000_000, "3": 1}
    assert [request.query["user"] for request in stub.requests] == ["0xFunder", "0xFunder"]
    assert stub.requests[0].headers["user-agent"] == "polybot/test"


def test_a_base_url_with_a_path_is_kept(stub: StubServer) -> None:
    assert positions(stub, "/data").held() == {}
    assert stub.requests[0].path == "/data/v2/positions"


def test_a_refusal_is_told(service: Service, stub: StubServer) -> None:
    service.failure = (429, {"error": "slow down"})

    with pytest.raises(ExchangeError, match="HTTP 429"):
        positions(stub).held()


@pytest.mark.parametrize("body", [b"<html>", {"rows": []}, {"data": [{"token_id": "1"}]}])
def test_an_unreadable_page_is_told(service: Service, stub: StubServer, body: Any) -> None:
    service.failure = (200, body)

    with pytest.raises(OutcomeUnknown, match="unreadable"):
        positions(stub).held()


def test_pages_without_end_are_given_up(service: Service, stub: StubServer) -> None:
    endless = {"data": [], "pagination": {"has_more": True, "next_cursor": "0"}}
    service.failure = (200, endless)

    with pytest.raises(OutcomeUnknown, match="at most 100 pages"):
        positions(stub).held()


def test_a_service_that_is_not_there_is_unknown() -> None:
    nobody = DataApiPositions("http://127.0.0.1:9", "0x", timeout_s=1.0, user_agent="t")

    with pytest.raises(OutcomeUnknown, match="positions"):
        nobody.held()
