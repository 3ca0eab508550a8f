"""Calls as a client puts them on the wire, written by hand."""

import json
from datetime import UTC, datetime

from aiooctopush._wire import HttpRequest
from aiooctopush.sandbox import Gateway, GatewaySettings, VirtualClock


ROOT = "/v1/public/"
LOGIN = "me@example.org"
HEADERS = {"api-login": LOGIN, "api-key": "key"}
ONE = "+33600000001"
TWO = "+33600000002"
THREE = "+33600000003"
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def call(method, operation, body=None, *, query=(), headers=None, timeout=45.0):
    """Build a request from plain data."""
    return HttpRequest(
        method=method,
        path=ROOT + operation,
        query=tuple(query),
        headers=HEADERS if headers is None else headers,
        body=None if body is None else json.dumps(body).encode(),
        timeout=timeout,
    )


def send_body(*numbers, **changes):
    """Body of a send; a field set to None is left out."""
    recipients = [{"phone_number": number} for number in numbers or (ONE,)]
    body = {
        "recipients": recipients,
        "text": "Hello",
        "sender": "Acme",
        "type": "sms_premium",
        "purpose": "alert",
    }
    return {
        name: value for name, value in (body | changes).items() if value is not None
    }


def send_call(*numbers, **changes):
    """Build the request of a send."""
    return call("POST", "sms-campaign/send", send_body(*numbers, **changes))


def read(response):
    """Status and JSON of an answer; None for an empty one."""
    return response.status, json.loads(response.body) if response.body else None


def ask(gateway, method, operation, body=None, **more):
    """Ask a gateway; status and JSON of its answer."""
    return read(gateway.handle(call(method, operation, body, **more)))


def send(gateway, *numbers, **changes):
    """Send; status and JSON of the answer."""
    return read(gateway.handle(send_call(*numbers, **changes)))


def fresh_gateway(**settings):
    """Make a gateway in virtual time."""
    return Gateway(GatewaySettings(**settings), clock=VirtualClock())
