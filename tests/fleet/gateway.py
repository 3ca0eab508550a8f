"""
The gateway of the fleet: a process of its own, the sandbox with a watch at its door.

It prints its port. Then it takes a command a line, in JSON, and answers each with a
line; it ends when there are no more.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from decimal import Decimal
from operator import attrgetter

from aiohttp import web
from fleet.app import KEY

from aiooctopush.sandbox import Gateway, GatewaySettings
from aiooctopush.sandbox.server import create_app


SEND = "/v1/public/sms-campaign/send"


class Door:
    """
    Watches who comes when, and lets them wait.

    Attributes:
        arrivals: Monotonic seconds of each request to send.
        latency: Seconds that each takes, half of them before it is executed.
        opened: Cleared, it lets nobody in.
    """

    def __init__(self, gateway):
        self.gateway = gateway
        self.arrivals = []
        self.latency = 0.0
        self.opened = asyncio.Event()
        self.opened.set()
        self.throttled = []

    @web.middleware
    async def watch(self, request, handler):
        """What aiohttp calls a middleware."""
        if request.path != SEND:
            return await handler(request)
        self.arrivals.append(time.monotonic())
        if self.throttled:
            seconds = self.throttled.pop()
            return web.json_response(
                {"code": 438, "message": "too many"},
                status=429,
                headers={"Retry-After": str(seconds)},
            )
        await self.opened.wait()
        await asyncio.sleep(self.latency / 2)
        response = await handler(request)
        await asyncio.sleep(self.latency / 2)
        return response

    def obey(self, *, do, **arguments):
        """Do what a command says; gives what it asked for."""
        return getattr(self, do)(**arguments)

    def seen(self):
        """When requests arrived."""
        return self.arrivals

    def count(self):
        """How many did."""
        return len(self.arrivals)

    def times(self):
        """How often each number has got a message."""
        entries = self.gateway.sent_log.entries
        found = Counter()
        for numbers in map(attrgetter("recipients"), entries):
            found.update(numbers)
        return found

    def take(self, seconds):
        """Take that long for each request."""
        self.latency = seconds

    def throttle(self, seconds, requests=1):
        """Refuse the next requests, and let them come back after some seconds."""
        self.throttled += [seconds] * requests

    def close(self):
        """Let requests in, and execute none."""
        self.opened.clear()

    def open(self):
        """Go on with them, and throttle nobody any more."""
        self.opened.set()
        self.throttled.clear()

    def pay_in(self, euros):
        """Have that much credit."""
        self.gateway.credit = Decimal(euros)


def say(words):
    """Write a line."""
    sys.stdout.write(f"{json.dumps(words)}\n")
    sys.stdout.flush()


async def serve():
    """Serve until there are no more commands."""
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    door = Door(Gateway(GatewaySettings(credit=Decimal(1_000_000), api_key=KEY)))
    app = create_app(door.gateway)
    app.middlewares.append(door.watch)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    say(runner.addresses[0][1])
    while line := await commands.readline():
        say(door.obey(**json.loads(line)))
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve())
