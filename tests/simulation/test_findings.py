"""
What the simulation found missing in the package once, each as small as it gets.

What no clock of the machine shows is out of reach: a clock that is set back *and* a
machine that sleeps a day between two looks at it, or another process in between.
"""

import pytest
from fakes import MESSAGE, ScriptedTransport, answer, refusal, session_over
from simulation.virtual import ClientClock, TrueClock, run

from aiooctopush import SmsRequest, UnknownOutcomeError
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxTransport


HOUR = 3_600.0
NUMBER = MESSAGE["recipients"][0]


class Scene:
    """A gateway, the truth about time, and a session on clocks that may be wrong."""

    def __init__(self, *faults):
        self.truth = TrueClock()
        self.clock = ClientClock(self.truth)
        self.gateway = Gateway(clock=self.truth)
        self.session = session_over(
            SandboxTransport(
                self.gateway, FaultPlan.schedule(faults), clock=self.clock
            ),
            clock=self.clock,
        )
        self.request = SmsRequest(**MESSAGE)

    async def send_in_vain(self):
        """Send, and give back the error of unknown outcome."""
        with pytest.raises(UnknownOutcomeError) as caught:
            await self.session.sms.send_request(self.request, timeout=0.5)
        return caught.value

    async def settle(self, error):
        """Ask again, as the documentation says."""
        try:
            await self.session.sms.settle(
                self.request, safe_to_retry_until=error.safe_to_retry_until
            )
        except UnknownOutcomeError as still:
            assert still.attempts == 0  # noqa: PT017 - either end is right


def test_a_step_back_does_not_stop_the_age_of_an_id():
    """A clock set back by ten hours; a day later the id is a day old, not 14 h."""

    async def scene():
        told = Scene("rst_after_commit")
        error = await told.send_in_vain()
        told.clock.offset -= 10 * HOUR
        await told.clock.sleep(25 * HOUR)
        await told.settle(error)
        return told.gateway.sent_log.times(NUMBER)

    assert run(scene()) == 1


def test_a_clock_that_was_ahead_does_not_stop_the_age_of_an_id():
    """Ten hours ahead at the first try, set right afterwards, asked a day later."""

    async def scene():
        told = Scene("rst_after_commit")
        told.clock.offset += 10 * HOUR
        error = await told.send_in_vain()
        told.clock.offset -= 10 * HOUR
        await told.clock.sleep(25 * HOUR)
        await told.settle(error)
        return told.gateway.sent_log.times(NUMBER)

    assert run(scene()) == 1


def test_no_date_of_an_answer_can_break_the_errors():
    """A hostile ``Date`` must not turn our errors into an OverflowError."""

    async def scene():
        far = "Fri, 31 Dec 9999 23:00:00 GMT"
        transport = ScriptedTransport(answer(date=far), refusal(121))
        octopush = session_over(transport)
        await octopush.sms.send(**MESSAGE)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which, is the point
            await octopush.sms.send(**MESSAGE)
        return type(caught.value).__name__

    assert run(scene()) == "InvalidRequestError"


def test_settling_at_once_keeps_the_floor():
    """The silent try may still be executing, so asking again waits a second."""

    async def scene():
        told = Scene("rst_after_commit")
        began = told.clock.monotonic()
        error = await told.send_in_vain()
        await told.settle(error)
        return told.clock.monotonic() - began

    assert run(scene()) >= 1.0
