"""The exchange's Data API: which tokens an account holds, as another of its services sees it."""

from __future__ import annotations

import json
import ssl
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from polybot.errors import ExchangeError, OutcomeUnknown

# Loaded with the first question: 6 ms of a tracker's start that most commands never need.
if TYPE_CHECKING:
    from http.client import HTTPConnection

OK = 200
MICRO = 1_000_000
PAGE = 500
# A page that names itself as the next one must not be asked for ever.
MOST_PAGES = 100


class DataApiPositions:
    """Reads GET /v2/positions of one account, on its own connection; waits, so not for a work loop.

    The service lags behind the exchange by up to a minute, and answers a wrong address with an
    empty list: it is asked by `funder`, which holds the money.
    """

    def __init__(self, base_url: str, funder: str, *, timeout_s: float, user_agent: str) -> None:
        self._parts = urlsplit(base_url)
        self._funder = funder
        self._timeout_s = timeout_s
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}

    def held(self) -> dict[str, int]:
        """Return micro-shares by token; raises ExchangeError."""
        from http.client import HTTPException  # noqa: PLC0415

        held: dict[str, int] = {}
        cursor: str | None = None
        connection = self._connect()
        try:
            for _ in range(MOST_PAGES):
                rows, cursor = self._page(connection, cursor)
                for row in rows:
                    size = int(Decimal(str(row["current_size"])) * MICRO)
                    held[row["token_id"]] = held.get(row["token_id"], 0) + size
                if cursor is None:
                    return held
        except (OSError, HTTPException) as error:
            raise OutcomeUnknown(f"positions: {type(error).__name__}: {error}") from error
        except (ValueError, KeyError, TypeError, InvalidOperation) as error:
            raise OutcomeUnknown(
                f"expected a page of positions, was unreadable: {type(error).__name__}: {error}"
            ) from error
        finally:
            connection.close()
        raise OutcomeUnknown(f"expected at most {MOST_PAGES} pages of positions, was more")

    def _page(
        self, connection: HTTPConnection, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        query = {"user": self._funder, "limit": str(PAGE)}
        if cursor is not None:
            query["cursor"] = cursor
        path = f"{self._parts.path}/v2/positions?{urlencode(query)}"
        connection.request("GET", path, headers=self._headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != OK:
            raise ExchangeError(
                f"positions: HTTP {response.status}: {body[:200].decode(errors='replace')}",
                status=response.status,
            )
        page = json.loads(body)
        pagination = page.get("pagination") or {}
        more = pagination.get("next_cursor") if pagination.get("has_more") else None
        return page["data"], more

    def _connect(self) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415

        host = self._parts.hostname or ""
        if self._parts.scheme == "https":
            return HTTPSConnection(
                host,
                self._parts.port,
                timeout=self._timeout_s,
                context=ssl.create_default_context(),
            )
        return HTTPConnection(host, self._parts.port, timeout=self._timeout_s)
