"""What stands around every route: faults, refusals in the exchange's words, durable answers."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from polybot.errors import PolybotError
from polybot.exchange import error_texts as texts
from polybot.exchange.wire_account import ErrorAnswer
from polybot.exchange.wire_orders import PostOrderAnswer
from polybot.simulator.api.desk import (
    EARLY_STATUS,
    NOT_FOUND,
    OK,
    RESPONSE_HEADERS,
    SERVER_ERROR,
    TOO_MANY,
    Desk,
    Refused,
    answer,
)
from polybot.simulator.api.request_log import Answered, Asked, shown_text
from polybot.simulator.api.restrictions import TOO_EARLY
from polybot.simulator.faults.plan import Fault, FaultRule
from polybot.simulator.faults.wire_quirks import empty_fields, long_statuses

Proceed = Callable[[], Awaitable[web.StreamResponse]]

FORBIDDEN: Final = 403
BAD_GATEWAY: Final = 502
ADDRESS_HEADER: Final = "POLY_ADDRESS"
OWN_ROUTES: Final = "/simulator/"
SOCKETS: Final = "/ws/"
# An abort that comes with the bytes before it could overtake them.
BEFORE_RESET_S: Final = 0.01

_HTML: Final = {
    FORBIDDEN: "<html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>error code: 1010</h1></body></html>",
    BAD_GATEWAY: "<html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>",
}


def make_middleware(desk: Desk) -> Middleware:
    """Return what stands around every route."""

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        async def proceed() -> web.StreamResponse:
            return await _answered(desk, request, handler)

        if request.path.startswith(OWN_ROUTES):
            return await proceed()
        rule = None if request.path.startswith(SOCKETS) else _struck(desk, request)

        async def shown() -> web.StreamResponse:
            if rule is None:
                return await proceed()
            return await _with_fault(desk, request, proceed, rule)

        return await _noted(desk, request, shown, rule)

    return around


def _struck(desk: Desk, request: web.Request) -> FaultRule | None:
    """Count a request, and return the rule of the fault it meets."""
    if not desk.faults.states:
        return None
    now_ns = desk.world.catch_up()
    desk.timed.run(now_ns)
    strike = desk.faults.answer(_endpoint(request), now_ns)
    return strike.rule if strike else None


async def _noted(
    desk: Desk, request: web.Request, shown: Proceed, rule: FaultRule | None
) -> web.StreamResponse:
    """Answer a request that is written down as it comes, and again with how it ended."""
    requests = desk.requests
    if requests is None:
        return await shown()
    asked = Asked(
        number=requests.next_number(),
        wall_ns=desk.clock.now_ns(),
        market_ns=desk.exchange.now_ns,
        request=f"{request.method} {request.path}",
        query=request.query_string,
        address=request.headers.get(ADDRESS_HEADER, ""),
        body=shown_text(await request.read()) if request.can_read_body else "",
    )
    requests.write(asked)
    response: web.StreamResponse | None = None
    try:
        response = await shown()
    finally:
        told = response if response is not None and _reaches(request, response) else None
        ended = Answered(
            number=asked.number,
            wall_ns=desk.clock.now_ns(),
            status=told.status if told else None,
            error=shown_text(_body(told)) if told and told.status != OK else "",
            fault=rule.fault.value if rule else "",
        )
        requests.write(ended)
    return response


def _reaches(request: web.Request, response: web.StreamResponse) -> bool:
    """Say whether an answer still gets to a client; a websocket's was the first it got."""
    transport = request.transport
    return response.prepared or (transport is not None and not transport.is_closing())


async def _answered(desk: Desk, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return a route's answer once whatever it shows would survive a kill."""
    try:
        response = await handler(request)
    except ConnectionResetError:
        # The client went away, most often in the middle of opening a websocket; what is returned
        # reaches nobody.
        return web.Response(status=SERVER_ERROR)
    except Refused as refusal:
        response = answer(
            ErrorAnswer(
                error=refusal.text,
                code=refusal.code,
                retry_after_seconds=refusal.retry_after_s,
            ),
            refusal.status,
        )
        response.headers.update(refusal.headers)
    told = request.get(RESPONSE_HEADERS)
    if told:
        response.headers.update(told)
    try:
        await desk.world.durable()
    except PolybotError:
        return answer(ErrorAnswer(error=texts.INTERNAL_ERROR), SERVER_ERROR)
    return response


def _endpoint(request: web.Request) -> str:
    """Name a route as rules do: its verb, and its path with {names} for what varies."""
    resource = request.match_info.route.resource
    path = request.path if resource is None else resource.canonical
    return f"{request.method} {path}"


async def _with_fault(
    desk: Desk, request: web.Request, proceed: Proceed, rule: FaultRule
) -> web.StreamResponse:
    """Answer with a fault: instead of handling the request, or after it was carried out."""
    instead = _INSTEAD.get(rule.fault)
    if instead is not None:
        return await instead(request, rule)
    if rule.fault is Fault.EARLY_ANSWER:
        request[EARLY_STATUS] = rule.says
        return await proceed()
    if rule.fault is Fault.DELIVERED_LATE:
        # On its way all the while: it arrives even when nobody waits for its answer any more.
        await request.read()
        await asyncio.sleep(rule.lasts_s)
        return await proceed()
    response = await proceed()
    if rule.fault is Fault.DELIVERED_TWICE:
        # The same bytes once more: their sender gets the answer to the second delivery.
        return await proceed()
    hidden = _HIDDEN.get(rule.fault)
    if hidden is not None:
        return await hidden(request, rule)
    if rule.fault is Fault.EVENTS_FIRST:
        await desk.hub.user_flushed()
    return await _CHANGED[rule.fault](request, rule, response)


async def _withhold(request: web.Request, rule: FaultRule) -> web.StreamResponse:
    await asyncio.sleep(rule.lasts_s)
    return reset(request)


async def _reset(request: web.Request, rule: FaultRule) -> web.StreamResponse:
    del rule
    return reset(request)


async def _error(request: web.Request, rule: FaultRule) -> web.StreamResponse:
    del request, rule
    return answer(ErrorAnswer(error=texts.INTERNAL_ERROR), SERVER_ERROR)


async def _forbid(request: web.Request, rule: FaultRule) -> web.StreamResponse:
    del request, rule
    return _html(FORBIDDEN)


async def _bad_gateway(request: web.Request, rule: FaultRule) -> web.StreamResponse:
    del request, rule
    return _html(BAD_GATEWAY)


async def _no_success(request: web.Request, rule: FaultRule) -> web.StreamResponse:
    del request, rule
    return answer(PostOrderAnswer(success=False, error_msg=texts.MARKET_NOT_READY), OK)


async def _too_many(request: web.Request, rule: FaultRule) -> web.StreamResponse:
    del request
    response = answer(ErrorAnswer(error=texts.TOO_MANY_REQUESTS), TOO_MANY)
    response.headers["Retry-After"] = str(max(1, round(rule.lasts_s)))
    return response


async def _too_early(request: web.Request, rule: FaultRule) -> web.StreamResponse:
    del request, rule
    return answer(ErrorAnswer(error=texts.ENGINE_RESTARTING), TOO_EARLY)


async def _no_book(request: web.Request, rule: FaultRule) -> web.StreamResponse:
    del request, rule
    return answer(ErrorAnswer(error=texts.NO_ORDERBOOK), NOT_FOUND)


async def _reset_during(
    request: web.Request, rule: FaultRule, response: web.StreamResponse
) -> web.StreamResponse:
    del rule
    body = _body(response)
    head = (
        f"HTTP/1.1 {response.status} {response.reason}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    if isinstance(request.transport, asyncio.Transport):
        request.transport.write(head.encode() + body[: len(body) // 2])
        await asyncio.sleep(BEFORE_RESET_S)
    return reset(request)


async def _wait(
    request: web.Request, rule: FaultRule, response: web.StreamResponse
) -> web.StreamResponse:
    del request
    await asyncio.sleep(rule.lasts_s)
    return response


async def _long_statuses(
    request: web.Request, rule: FaultRule, response: web.StreamResponse
) -> web.StreamResponse:
    del rule
    prefix = b"TRADE" if request.path.startswith("/data/trades") else b"ORDER"
    return _rewritten(response, long_statuses(_body(response), prefix))


async def _empty_fields(
    request: web.Request, rule: FaultRule, response: web.StreamResponse
) -> web.StreamResponse:
    del request, rule
    return _rewritten(response, empty_fields(_body(response)))


_INSTEAD: Final = {
    Fault.WITHHELD_BEFORE: _withhold,
    Fault.RESET_BEFORE: _reset,
    Fault.ERROR_500_BEFORE: _error,
    Fault.HTML_403_BEFORE: _forbid,
    Fault.HTML_502_BEFORE: _bad_gateway,
    Fault.SUCCESS_FALSE: _no_success,
    Fault.TOO_MANY_REQUESTS: _too_many,
    Fault.TOO_EARLY: _too_early,
    Fault.BOOK_MISSING: _no_book,
}
# The request is carried out, and its answer seen by nobody.
_HIDDEN: Final = {
    Fault.WITHHELD_AFTER: _withhold,
    Fault.ERROR_500_AFTER: _error,
    Fault.HTML_403_AFTER: _forbid,
    Fault.HTML_502_AFTER: _bad_gateway,
}
_CHANGED: Final = {
    Fault.RESET_DURING: _reset_during,
    Fault.SLOW_ANSWER: _wait,
    Fault.EVENTS_FIRST: _wait,
    Fault.LONG_STATUSES: _long_statuses,
    Fault.EMPTY_FIELDS: _empty_fields,
}


def reset(request: web.Request) -> web.Response:
    """End a connection with a reset; the returned answer reaches nobody."""
    transport = request.transport
    if transport is not None:
        raw: socket.socket | None = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=SERVER_ERROR)


def _html(status: int) -> web.Response:
    return web.Response(status=status, text=_HTML[status], content_type="text/html")


def _body(response: web.StreamResponse) -> bytes:
    body = response.body if isinstance(response, web.Response) else b""
    return body if isinstance(body, bytes) else b""


def _rewritten(response: web.StreamResponse, body: bytes) -> web.Response:
    return web.Response(body=body, status=response.status, content_type="application/json")
