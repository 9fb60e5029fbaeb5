"""Routes that give wallets their API credentials (L1), and list them (L2)."""

from aiohttp import web

from polybot.exchange import error_texts as texts
from polybot.exchange.l1_auth import l1_refusal
from polybot.exchange.wire_account import ApiKeysAnswer
from polybot.simulator.api.desk import BAD_REQUEST, UNAUTHORIZED, Desk, Refused, answer
from polybot.simulator.faults.plan import Fault


class AuthRoutes:
    """API keys: created once per wallet and nonce, derived again at any time, listed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/auth/api-key", self.create),
            web.get("/auth/derive-api-key", self.derive),
            web.get("/auth/api-keys", self.list_keys),
            web.delete("/auth/api-key", self.delete_key),
            web.get("/auth/ban-status/closed-only", self.closed_only),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Create credentials; an address seen for the first time gets play money."""
        address, nonce = self._wallet(request)
        credentials = self._desk.keys.create(address, nonce, self._desk.world.catch_up())
        if credentials is None:
            raise Refused(BAD_REQUEST, texts.COULD_NOT_CREATE_KEY)
        return answer(credentials)

    async def derive(self, request: web.Request) -> web.Response:
        """Tell a wallet the credentials it has."""
        address, nonce = self._wallet(request)
        credentials = self._desk.keys.derive(address, nonce)
        if credentials is None:
            raise Refused(BAD_REQUEST, texts.COULD_NOT_DERIVE_KEY)
        return answer(credentials)

    async def list_keys(self, request: web.Request) -> web.Response:
        """List the API keys of an account."""
        account = await self._desk.signed_by(request)
        return answer(ApiKeysAnswer(api_keys=self._desk.keys.keys_of(account)))

    async def delete_key(self, request: web.Request) -> web.Response:
        """Delete the API key that signs the request."""
        await self._desk.signed_by(request)
        now_ns = self._desk.world.catch_up()
        self._desk.keys.delete(request.headers["POLY_API_KEY"], now_ns)
        return answer("OK")

    async def closed_only(self, request: web.Request) -> web.Response:
        """Say whether an account may only sell and cancel."""
        await self._desk.signed_by(request)
        is_closed = self._desk.timed.active(Fault.CLOSED_ONLY, self._desk.world.catch_up())
        return answer({"closed_only": is_closed is not None})

    def _wallet(self, request: web.Request) -> tuple[str, int]:
        refusal = l1_refusal(request.headers, now_s=self._desk.wall_s())
        if refusal:
            raise Refused(UNAUTHORIZED, refusal)
        headers = request.headers
        return headers["POLY_ADDRESS"], int(headers.get("POLY_NONCE", "0"))
