"""A gateway that has sent, and what it calls back about."""

from sandbox.calls import ONE, ask, fresh_gateway, send

from aiooctopush.sandbox import CallbackPlan


EDIT = ("PATCH", "user/campaign-parameters/edit")
VOICE = {"voice_gender": "female", "voice_language": "fr-FR"}
JSON = "application/json"
RECEIVER = "http://receiver.example:8000/octopush/secret"


def plan(**changes):
    """One second between two statuses, so that times can be written by hand."""
    return CallbackPlan(**{"delay": 1.0, **changes})


def sent(*numbers, plan=None, **changes):
    """Send in a fresh gateway; the gateway, and its callbacks."""
    gateway = fresh_gateway()
    assert send(gateway, *numbers, **changes)[0] == 201
    return gateway, gateway.callbacks(plan or CallbackPlan(delay=1.0))


def events(callbacks):
    """What stands in all of them, one after the other."""
    return [event for one in callbacks for event in one.events]


def statuses(callbacks, number=ONE):
    """The statuses about a number, in the order in which they come."""
    return [one["status"] for one in events(callbacks) if one["number"] == number]


def multichannel(gateway, channel, *recipients):
    """Send by a channel of the newer reference."""
    body = {"channel": channel, "text": "Hello", "recipients": list(recipients)}
    status, _ = ask(gateway, "POST", "multi-channel/send", body)
    assert status == 201


def edit(gateway, **callbacks):
    """Set callback URLs of the account."""
    assert ask(gateway, *EDIT, {"callbacks": callbacks})[0] == 200


def voice(**changes):
    """Callbacks about a voice SMS."""
    gateway = fresh_gateway()
    body = {"recipients": [{"phone_number": ONE}], "text": "Hello", **VOICE}
    assert ask(gateway, "POST", "voice-campaign/send", body)[0] == 201
    return gateway.callbacks(plan(**changes)).take_all()
