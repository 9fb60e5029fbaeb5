"""Routes around an account's orders: heartbeats, scoring, notifications, and its region."""

from aiohttp import web

from polybot.exchange import error_texts as texts
from polybot.exchange.wire_account import HeartbeatAnswer, HeartbeatBody
from polybot.simulator.api.desk import BAD_REQUEST, Desk, answer, body_of
from polybot.simulator.faults.plan import Fault

ALLOWED_COUNTRY = "IE"
BLOCKED_COUNTRY = "GB"


class AccountRoutes:
    """What is asked about an account and is not an order."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/v1/heartbeats", self.heartbeat),
            web.post("/heartbeats", self.old_heartbeat),
            web.get("/is-order-scoring", self.scoring),
            web.post("/orders-scoring", self.scorings),
            web.get("/notifications", self.notifications),
            web.delete("/notifications", self.drop_notifications),
            web.get("/api/geoblock", self.geoblock),
        ]

    async def heartbeat(self, request: web.Request) -> web.Response:
        """Take a heartbeat of the dead-man switch."""
        account = await self._desk.signed_by(request)
        sent = body_of(await request.read(), HeartbeatBody)
        is_expected, following = self._desk.heartbeats.beat(
            account,
            sent.heartbeat_id or "",
            mono_ns=self._desk.clock.monotonic_ns(),
            now_ns=self._desk.world.catch_up(),
        )
        if is_expected:
            return answer(HeartbeatAnswer(heartbeat_id=following))
        refusal = HeartbeatAnswer(error_msg=texts.INVALID_HEARTBEAT, heartbeat_id=following)
        return answer(refusal, BAD_REQUEST)

    async def old_heartbeat(self, request: web.Request) -> web.Response:
        """Answer the form that a part of the documentation still shows; it arms nothing."""
        await self._desk.signed_by(request)
        return answer({"status": "ok"})

    async def scoring(self, request: web.Request) -> web.Response:
        """Say that an order earns no rewards."""
        await self._desk.signed_by(request)
        return answer({"scoring": False})

    async def scorings(self, request: web.Request) -> web.Response:
        """Say of several orders that they earn no rewards."""
        await self._desk.signed_by(request)
        order_ids = body_of(await request.read(), list[str])
        return answer(dict.fromkeys(order_ids, False))

    async def notifications(self, request: web.Request) -> web.Response:
        """List no notifications: there is nothing to tell."""
        await self._desk.signed_by(request)
        return answer([])

    async def drop_notifications(self, request: web.Request) -> web.Response:
        """Take note that notifications were read."""
        await self._desk.signed_by(request)
        return answer("OK")

    async def geoblock(self, request: web.Request) -> web.Response:
        """Say whether this machine may trade."""
        is_blocked = self._desk.timed.active(Fault.GEOBLOCKED, self._desk.world.catch_up())
        return answer(
            {
                "blocked": is_blocked is not None,
                "ip": request.remote or "",
                "country": BLOCKED_COUNTRY if is_blocked else ALLOWED_COUNTRY,
                "region": "",
            }
        )
