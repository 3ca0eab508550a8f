"""
One seed, one world: a gateway with faults, a client whose clocks jump, and callers
who do what the documentation tells them to do.

Nothing in a world waits, and nothing in it is left to chance but by the seed, so a
seed replays exactly.
"""

import asyncio
import json
from contextvars import ContextVar
from decimal import Decimal
from functools import partial
from random import Random
from typing import NamedTuple

from attrs import evolve, frozen
from simulation.virtual import ClientClock, TrueClock, run

from aiooctopush import (
    NotSentError,
    OctopushError,
    OctopushSession,
    Outcome,
    RetryPolicy,
    SendResult,
    SmsRequest,
    Timeouts,
    TransportSecurityError,
    UnknownOutcomeError,
)

# Loaded here, for no thread may do it where time is virtual.
from aiooctopush.bulk import start  # noqa: F401
from aiooctopush.sandbox import FaultPlan, Gateway, GatewaySettings
from aiooctopush.sandbox.faults import DEFAULT_KINDS
from aiooctopush.sandbox.gateway import LATE_SECONDS


READ = "a read"
MESSAGE = {"text": "Your code is 1234", "sender": "Acme", "purpose": "alert"}
HOUR = 3_600.0

SUSPENDS = "suspends"
"""The machine sleeps, people wait for hours, the wall clock is only set forward."""

STEPS = "steps"
"""
The wall clock is set forward and back by up to 30 h, and people wait for hours. The
machine does not sleep, and the session stays the same: nothing else could tell a clock
that was set back from one that was not.
"""


# --- what is written down -------------------------------------------------------------


class Try(NamedTuple):
    """One request as the wire saw it; times in monotonic seconds of the client."""

    who: str
    call: int
    session: int
    id: str | None
    began: float
    ended: float
    fault: str
    answer: str
    silent: bool
    retry_after: float | None

    @property
    def told(self):
        """For a person."""
        met = f"meets {self.fault}" if self.fault else "no fault"
        return f"{self.who}: call {self.call} tries {self.id}, {met} → {self.answer}"


class Word(NamedTuple):
    """What a caller was told: by a result, an error, or a batch of a bulk run."""

    who: str
    call: int
    outcome: str
    maybe_sent: bool
    attempts: int
    ticket: str | None
    at: float

    @property
    def told(self):
        """For a person."""
        sure = ", maybe sent" if self.maybe_sent else ""
        return f"{self.who}: call {self.call} is told {self.outcome}{sure}"


class Jump(NamedTuple):
    """The client's wall clock leaves its monotonic one."""

    at: float
    kind: str
    seconds: float

    @property
    def told(self):
        """For a person."""
        return f"clock: {self.kind} of {self.seconds:+,.0f} s"


# --- what a seed stands for -----------------------------------------------------------


@frozen(kw_only=True)
class Plan:
    """Everything about a world that is drawn before it begins."""

    seed: int
    clocks: str
    burns_ids: bool
    probability: float
    slowest: float
    credit: Decimal
    policy: RetryPolicy
    timeout: float
    max_in_flight: int
    jumps: tuple[Jump, ...]
    errands: tuple[str, ...]

    @classmethod
    def of(cls, seed, clocks=None):
        """Draw it."""
        random = Random(seed)
        clocks = clocks or random.choice((SUSPENDS, STEPS))
        return cls(
            seed=seed,
            clocks=clocks,
            burns_ids=random.random() < 0.5,
            probability=random.uniform(0.3, 0.6),
            slowest=random.choice((0.0, 0.2, 8.0, 120.0)),
            credit=Decimal(random.choice(("1000", "1000", "1000", "0.3"))),
            policy=RetryPolicy(
                attempts=random.choice((2, 4, 4, 6)),
                timeout=random.choice((20.0, 60.0, 300.0)),
                budget=random.choice((40, 500)),
            ),
            timeout=random.choice((5.0, 45.0)),
            max_in_flight=random.choice((1, 2, 100)),
            jumps=tuple(_jumps(random, clocks)),
            errands=tuple(random.choices(_ERRANDS, _OFTEN, k=random.randint(2, 4))),
        )

    @property
    def told(self):
        """For a person."""
        law = "noted on receipt" if self.burns_ids else "noted when accepted"
        return (
            f"seed {self.seed}: ids are {law}, {self.probability:.0%} faults, up to "
            f"{self.slowest:g} s on the way, {self.credit} euros of credit, "
            f"{self.policy.attempts} tries in {self.policy.timeout:g} s, "
            f"{self.policy.budget} tokens, {self.timeout:g} s a try, "
            f"{self.max_in_flight} in flight; errands: {', '.join(self.errands)}"
        )


def _jumps(random, clocks):
    at = 0.0
    for _ in range(random.choice((0, 1, 2, 3))):
        at += random.choice((0.1, 3.0, 30.0)) * random.random()
        seconds = random.choice((random.uniform(1, 60), random.uniform(60, 30 * HOUR)))
        kind = "step" if clocks == STEPS else random.choice(("suspend", "step"))
        back = kind == "step" and clocks != SUSPENDS and random.random() < 0.5
        yield Jump(at, kind, -seconds if back else seconds)


_ERRANDS = ("send", "send with id", "submit", "reuse", "cancel", "bulk", "campaign")
_OFTEN = (4, 2, 3, 1, 0.5, 2, 1)
# Being too fast is the commonest of refusals, and the one that renews an id.
_KINDS = dict.fromkeys(DEFAULT_KINDS, 1) | {"bad_certificate": 1, "throttled_429": 4}
_WAITS = ("hang", "slow")


# --- the wire -------------------------------------------------------------------------

_CALL = ContextVar("call")


class Wire:
    """A `Transport` with faults and with delays both ways, and a protocol of it all."""

    def __init__(self, plan, gateway, session, log):
        self._plan = FaultPlan(
            kinds=_KINDS, probability=plan.probability, seed=plan.seed
        )
        self._slowest = plan.slowest
        self._random = Random(plan.seed)
        self._gateway = gateway
        self._session = session
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._names = {}
        self.flying = 0
        self.whose = {}

    def seen_from(self, session):
        """The same wire, used by another session."""
        other = Wire.__new__(Wire)
        other.__dict__ = self.__dict__ | {"_session": session, "_first": self}
        return other

    async def send(self, request):
        """See `Transport.send`."""
        began = self._loop.time()
        body = json.loads(request.body or b"{}") | dict(request.query)
        fault = self._plan.next(request)
        ended = partial(
            Try,
            who=self._who(body) if request.method == "POST" else READ,
            call=_CALL.get(),
            session=self._session,
            id=self._name(body),
            began=began,
            fault=fault.kind if fault else "",
        )
        try:
            answer = await self._carry(request, fault, began)
        except NotSentError:
            self._note(ended, "not sent", silent=False)
            raise
        except BaseException as error:
            self._note(ended, f"silence ({type(error).__name__})", silent=True)
            raise
        self._note(
            ended,
            f"HTTP {answer.status} {answer.body[:60].decode()}",
            silent=_is_silent(answer),
            retry_after=answer.headers.get("retry-after"),
        )
        return answer

    async def close(self):
        """See `Transport.close`; a session does not close what it did not open."""

    def _who(self, body):
        key = body.get("list_name") or body.get("ticket_number")
        return self.whose[key or body["recipients"][0]["phone_number"]]

    def _name(self, body):
        key = body.get("request_id")
        return key and self._names.setdefault(key, f"id {len(self._names) + 1}")

    def name_of(self, request_id):
        """How an id is called in the protocol: ids differ from run to run."""
        return self._names.get(request_id)

    def _note(self, ended, answer, *, silent, retry_after=None):
        self._log.append(
            ended(
                ended=self._loop.time(),
                answer=answer,
                silent=silent,
                retry_after=float(retry_after) if retry_after else None,
            )
        )

    def _delay(self):
        # Most are short, a few are as long as they get.
        return self._slowest * self._random.random() ** 4

    async def _carry(self, request, fault, began):
        there, back = self._delay(), self._delay()
        if fault is not None and fault.in_process_only:
            await asyncio.sleep(min(there, request.timeout))
            kind = TransportSecurityError if "bad" in fault.kind else NotSentError
            raise kind(fault.meets)
        self._flight(+1)
        if there >= request.timeout:
            # The client has given up, and still it arrives.
            self._loop.call_later(there, self._arrive, request, fault)
            await asyncio.sleep(request.timeout)
            raise UnknownOutcomeError("too late to arrive in time")
        try:
            await asyncio.sleep(there)
        except BaseException:
            self._flight(-1)
            raise
        answer = self._arrive(request, fault)
        left = request.timeout - (self._loop.time() - began)
        waits = fault is not None and fault.kind.startswith(_WAITS)
        await asyncio.sleep(left if waits or back > left else back)
        if answer is None or back > left:
            raise UnknownOutcomeError("no answer")
        return answer

    def _arrive(self, request, fault):
        self._flight(-1)
        if fault is None:
            return self._gateway.handle(request)
        # What is committed late is committed then, also if nobody looks.
        self._loop.call_later(LATE_SECONDS, lambda: self._gateway.sent_log)
        return fault.play(self._gateway, request)

    def _flight(self, change):
        first = self.__dict__.get("_first", self)
        first.flying += change


def _is_silent(answer):
    """
    Whether an answer proves nothing, by the gateway's documents and not by the SDK.
    """
    try:
        body = json.loads(answer.body or b"{}")
    except ValueError:
        body = None
    if answer.status in {425, 429}:
        return False
    if answer.status < 300:
        # What is taken has a ticket or a date; what is asked has a state.
        return not body or not {"sms_ticket", "ticket_number", "sending_date"} & {*body}
    return answer.status != 400 or not body or "code" not in body


# --- the callers ----------------------------------------------------------------------


class World:
    """
    What happens under one plan.

    Args:
        plan: What was drawn.
        trusts_presumed: Whether callers take ``presumed`` for what it is. One who
            does not sends again under a new id, and sends twice.

    Attributes:
        log: Tries, words and jumps, in order.
        gateway: With the sent log.
    """

    def __init__(self, plan, *, trusts_presumed=True):
        self.plan = plan
        self.log = []
        self.numbers = {}
        self._trusts_presumed = trusts_presumed
        self._loop = asyncio.get_running_loop()
        self._truth = TrueClock()
        self.gateway = Gateway(
            GatewaySettings(
                duplicate_check="on_receipt" if plan.burns_ids else "on_accept",
                credit=plan.credit,
            ),
            clock=self._truth,
        )
        self._clock = ClientClock(self._truth)
        self.wire = Wire(plan, self.gateway, 0, self.log)
        self._sessions = 0
        self._session = self._open()

    @property
    def words(self):
        """What callers were told."""
        return [one for one in self.log if isinstance(one, Word)]

    @property
    def tries(self):
        """What the wire saw."""
        return [one for one in self.log if isinstance(one, Try)]

    async def live(self):
        """Let everything happen."""
        weather = asyncio.create_task(self._weather())
        async with asyncio.TaskGroup() as group:
            for number, errand in enumerate(self.plan.errands):
                group.create_task(self._run(number, errand))
        weather.cancel()
        await self._land()
        self.gateway.settle()

    def _open(self):
        wire = self.wire.seen_from(self._sessions)
        self._sessions += 1
        return OctopushSession(
            "me@example.org",
            "key-of-the-tests",
            transport=wire,
            clock=self._clock,
            random=Random(f"{self.plan.seed}/{self._sessions}"),
            retry=self.plan.policy,
            timeouts=Timeouts(attempt=self.plan.timeout),
            max_in_flight=self.plan.max_in_flight,
        )

    async def _weather(self):
        for jump in self.plan.jumps:
            await asyncio.sleep(max(jump.at - self._loop.time(), 0))
            await self._jump(jump.kind, jump.seconds)

    async def _jump(self, kind, seconds):
        # What is on its way arrives although the sender sleeps.
        await self._land()
        self.gateway.settle()
        if kind == "suspend":
            self._truth.suspended += seconds
        else:
            self._clock.offset += seconds
        self.log.append(Jump(self._loop.time(), kind, seconds))

    async def _land(self):
        while self.wire.flying:
            await asyncio.sleep(0.5)

    # --- errands ----------------------------------------------------------------------

    async def _run(self, number, errand):
        random = Random(f"{self.plan.seed}/{number}/caller")
        await asyncio.sleep(random.choice((0, 0, random.uniform(0, 20))))
        _CALL.set(0)
        mine = [f"+336{number:04d}{one:04d}" for one in range(random.randint(1, 5))]
        if errand == "bulk":
            await self._bulk(f"m{number}", mine, random)
        elif errand == "campaign":
            await self._campaign(f"m{number}", mine)
        else:
            await self._single(f"m{number}", mine[:2], errand, random)

    async def _single(self, who, numbers, errand, random):
        self._register(who, numbers)
        # The caller's mistake: an id that the first errand uses as well.
        chosen = f"id-of-{'m0' if errand == 'reuse' else who}"
        message = MESSAGE | {"recipients": numbers}
        if errand == "send":
            call = self._session.sms.send(**message)
        elif errand == "submit":
            call = self._session.sms.send_request(SmsRequest(**message))
        else:
            call = self._session.sms.send(**message, request_id=chosen)
        try:
            async with asyncio.timeout(
                random.uniform(0, 9) if errand == "cancel" else None
            ):
                said = await self._ask(call)
        except TimeoutError:
            self._tell(Word(who, 0, "cancelled", True, 0, None, self._loop.time()))  # noqa: FBT003
            return
        self._say(who, said)
        await self._follow(who, numbers, said, random)

    async def _bulk(self, who, numbers, random):
        size = random.randint(1, 3)
        for first in range(0, len(numbers), size):
            self._register(f"{who}/{first // size + 1}", numbers[first : first + size])
        # The ids of a run are those of its key: nobody else may have had it.
        bulk = self._session.bulk(
            who, **MESSAGE, batch_size=size, concurrency=2, retry=self.plan.policy
        )
        told = {}
        async for batch in bulk.stream(numbers):
            told.setdefault(batch.number, []).append(batch)
        for number, results in told.items():
            # A batch may be tried again at the end, and then the later word counts.
            words = [one.result or one.error for one in results]
            said, tries = words[-1], sum(one.attempts for one in words)
            if isinstance(said, OctopushError):
                said.attempts = tries
            else:
                said = evolve(said, attempts=tries)
            _CALL.set(0)
            self._say(f"{who}/{number}", said)
            mine = [one.phone_number for one in results[-1].recipients]
            await self._follow(f"{who}/{number}", mine, said, random)

    async def _campaign(self, who, numbers):
        self.gateway.lists[who] = numbers
        self.wire.whose[who] = f"{who} create"
        name = f"{who} confirm"
        created = await self._ask(
            self._session.sms.create_on_list(list_name=who, **MESSAGE)
        )
        if not getattr(created, "ticket", None):
            return
        self._register(name, numbers)
        self.wire.whose[created.ticket] = name
        ready = await self._ask(
            self._session.sms.wait_until_ready(created.ticket, timeout=30)
        )
        if not isinstance(ready, OctopushError):
            _CALL.set(1)
            confirm = self._session.sms.confirm(created.ticket, audience="list")
            self._say(name, await self._ask(confirm))

    async def _follow(self, who, numbers, said, random):
        """
        What the documentation tells a caller to do: settle what is unknown, with its
        id; send anew, under a new id, what was refused or never left; or give up.
        """
        for call in range(1, 4):
            refused = isinstance(said, OctopushError) or not self._trusts(said)
            too_late = call > 1 and said.attempts == 0
            if not refused or too_late or random.random() < 0.2:
                return
            _CALL.set(call)
            again = MESSAGE | {"recipients": numbers}
            if getattr(said, "maybe_sent", False):
                # The gateway may have said when to come back.
                await asyncio.sleep(said.retry_after or 0.0)
                await self._let_time_pass(random)
                said = await self._ask(
                    self._any_session(random).sms.settle(
                        SmsRequest(**again, request_id=said.request_id),
                        safe_to_retry_until=said.safe_to_retry_until,
                    )
                )
            else:
                await asyncio.sleep(random.uniform(5, 60))
                said = await self._ask(
                    self._session.sms.send_request(SmsRequest(**again))
                )
            self._say(who, said)

    def _any_session(self, random):
        # A new session knows only what its clock says now, as a new process does.
        if self.plan.clocks == STEPS or random.random() < 0.5:
            return self._session
        return self._open()

    def _trusts(self, result):
        return self._trusts_presumed or result.outcome is Outcome.ACCEPTED

    async def _let_time_pass(self, random):
        choice = random.random()
        if choice < 0.4:
            return
        steps = self.plan.clocks == STEPS
        if steps and choice < 0.7:
            await self._jump("step", random.uniform(-30, 30) * HOUR)
        seconds = random.choice((random.uniform(22, 26), random.uniform(0, 30))) * HOUR
        if not steps and choice < 0.7:
            await self._jump("suspend", seconds)
        else:
            await asyncio.sleep(seconds)

    # --- the protocol -----------------------------------------------------------------

    def _register(self, who, numbers):
        self.numbers[who] = tuple(numbers)
        self.wire.whose[numbers[0]] = who

    async def _ask(self, call):
        try:
            return await call
        except OctopushError as error:
            return error

    def _say(self, who, said):
        self._tell(
            Word(
                who,
                _CALL.get(),
                str(said.outcome),
                getattr(said, "maybe_sent", False),
                said.attempts,
                said.ticket if isinstance(said, SendResult) else None,
                self._loop.time(),
            )
        )

    def _tell(self, word):
        self.log.append(word)


def simulate(seed, *, clocks=None, trusts_presumed=True):
    """Live through one seed; give back the world as it ended."""

    async def live():
        world = World(Plan.of(seed, clocks), trusts_presumed=trusts_presumed)
        await world.live()
        return world

    return run(live())
