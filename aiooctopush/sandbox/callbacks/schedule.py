"""
Schedule of the gateway's callbacks: receipts, replies and opt-outs.

Nothing is posted here, see `posting`. Payloads are derived from a plan and the sent
log, on the gateway's own clock. Refused requests, simulations and cancelled messages
get no receipt. Delays, order and duplicates are undocumented; a receiver must handle
all of them.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, Final, NamedTuple

from ..._clock import Clock
from ..sent_log import Entry, SentLog
from ..state import State
from .payloads import (
    Callback,
    CallbackFormat,
    CallbackKind,
    CallbackPlan,
    email_report,
    encode,
    life,
    on_demand,
    receipt,
)


_URLS: Final = {
    CallbackKind.RECEIPT: "callback_url_for_deliveries",
    CallbackKind.EMAIL_REPORT: "callback_url_for_deliveries",
    CallbackKind.REPLY: "callback_url_for_inbounds",
    CallbackKind.OPT_OUT: "callback_url_for_blacklisted_numbers",
}
_LONGEST_CALL = 60
_MOST_EVENTS = 100


def _leaves_at(entry: Entry) -> datetime:
    return entry.send_at or entry.accepted_at


class _Pending(NamedTuple):
    """A callback to come, in the order of the heap; its event is made at the end."""

    at: datetime
    order: int
    kind: CallbackKind
    account: str
    make: Callable[[], Mapping[str, Any]]


class Callbacks:
    """
    Every callback about a gateway's sent log; created by `Gateway.callbacks`.

    Messages sent as ``sms_low_cost`` get no receipt. Source: gateway documentation,
    the user manual.

    Args:
        state: State of the gateway.
        look: Returns the sent log, including deferred requests.
        plan: Plan of the deliveries.
    """

    def __init__(
        self, *, state: State, look: Callable[[], SentLog], plan: CallbackPlan
    ) -> None:
        self._state = state
        self._look = look
        self._plan = plan
        self._order = count()
        self._pending: list[_Pending] = []
        self._leaving: list[tuple[datetime, int, str]] = []
        self._read = 0
        self._resets = state.resets

    def __repr__(self) -> str:
        return f"<Callbacks: {len(self._pending)} to come>"

    @property
    def clock(self) -> Clock:
        """The gateway's own time."""
        return self._state.clock

    @property
    def next_at(self) -> datetime | None:
        """When the next callback may be due; None if there are none."""
        self._follow()
        heads = [one[0][0] for one in (self._pending, self._leaving) if one]
        return min(heads, default=None)

    def take(self) -> tuple[Callback, ...]:
        """
        Return the callbacks that are due on the gateway's clock, in order; each only
        once.
        """
        self._follow()
        return self._take(self.clock.now())

    def take_all(self) -> tuple[Callback, ...]:
        """
        Return also later callbacks of messages that were sent, without advancing time.
        """
        self._follow()
        return self._take(None)

    def reply(self, number: str, text: str, *, after: float = 0.0) -> None:
        """
        Simulate a reply to the last message of a number.

        Args:
            number: The number of the person. If nothing was sent to it, the reply names
                no ticket.
            text: Text of the reply.
            after: Seconds until the callback comes.

        Raises:
            InvalidFieldError: It is no international number.
            TypeError: ``text`` is no string.
            ValueError: ``after`` is negative.
        """
        self._on_demand(CallbackKind.REPLY, number, text, after)

    def opt_out(self, number: str, text: str = "STOP", *, after: float = 0.0) -> None:
        """
        Simulate a STOP reply; the number is then on the gateway's blacklist.

        Arguments and errors are those of `reply`.
        """
        written = self._on_demand(CallbackKind.OPT_OUT, number, text, after)
        # The stop list is account-wide, according to a third-party client.
        self._state.blacklist.add(written)

    # --- what is to come ----------------------------------------------------------

    def _follow(self) -> None:
        """Read new entries of the sent log, and plan the callbacks of sent messages."""
        sent_log = self._look()
        if self._resets != self._state.resets:
            self._resets = self._state.resets
            self._pending.clear()
            self._leaving.clear()
            self._read = 0
        for entry in sent_log.since(self._read):
            self._read += 1
            heappush(
                self._leaving, (_leaves_at(entry), next(self._order), entry.ticket)
            )
        now = self.clock.now()
        while self._leaving and self._leaving[0][0] <= now:
            leaves_at, _, ticket = heappop(self._leaving)
            # Looked up late: it may have been cancelled before it left.
            left = sent_log.find(ticket)
            if left and left.counts and left.type != "sms_low_cost":
                self._plan_entry(left, leaves_at)

    def _plan_entry(self, entry: Entry, leaves_at: datetime) -> None:
        if entry.channel == "email":
            self._plan_email(entry, leaves_at)
            return
        price = self._price(entry)
        for position, number in enumerate(entry.recipients):
            random = self._random(entry.ticket, position)
            statuses = self._life(entry.channel, number, random)
            times = self._times(leaves_at, len(statuses), random)
            made = partial(
                receipt,
                self._plan,
                entry,
                number=self._written(number, random),
                price=price,
                talked=random.randint(1, _LONGEST_CALL),
            )
            stages = [
                partial(made, status=status, at=at)
                for status, at in zip(statuses, times, strict=True)
            ]
            self._plan_posts(CallbackKind.RECEIPT, entry.account, stages, times, random)

    def _plan_email(self, entry: Entry, leaves_at: datetime) -> None:
        """One report for each stage, about all recipients that reach it."""
        lives = [
            self._life("email", address, self._random(entry.ticket, position))
            for position, address in enumerate(entry.recipients)
        ]
        random = self._random(entry.ticket, "report")
        times = self._times(leaves_at, max(map(len, lives)), random)
        made = partial(
            email_report, self._plan, entry, lives=lives, price=self._price(entry)
        )
        stages = [
            partial(made, times=times[: stage + 1]) for stage in range(len(times))
        ]
        kind = CallbackKind.EMAIL_REPORT
        self._plan_posts(kind, entry.account, stages, times, random)

    def _life(self, channel: str, number: str, random: Random) -> Sequence[str]:
        stopped = number in self._state.blacklist
        return life(self._plan, channel, number, random, stopped=stopped)

    def _times(
        self, leaves_at: datetime, stages: int, random: Random
    ) -> Sequence[datetime]:
        at, times = leaves_at, []
        for _ in range(stages):
            at += self._delay(random)
            times.append(at)
        return times

    def _plan_posts(
        self,
        kind: CallbackKind,
        account: str,
        made: Sequence[Callable[[], Mapping[str, Any]]],
        times: Sequence[datetime],
        random: Random,
    ) -> None:
        """Decide when each callback goes out, how often, and whether at all."""
        turned = random.random() < self._plan.disorder
        for make, at in zip(made, reversed(times) if turned else times, strict=True):
            lost = random.random() < self._plan.loss
            twice = random.random() < self._plan.duplicates
            again_at = at + self._delay(random)
            if lost:
                continue
            for posted_at in (at, again_at) if twice else (at,):
                self._push(posted_at, kind, account, make)

    def _on_demand(
        self, kind: CallbackKind, number: str, text: str, after: float
    ) -> str:
        if not isinstance(text, str):
            raise TypeError(f"text: must be a string, not {type(text).__name__}")
        if not 0 <= after < math.inf:
            raise ValueError(f"after: must be 0 or more, not {after!r}")
        self._follow()
        sent_log, now = self._look(), self.clock.now()
        written = sent_log.as_written(number)
        sent = [one for one in sent_log.entries_to(written) if _leaves_at(one) <= now]
        account = sent[-1].account if sent else ""
        at = now + timedelta(seconds=after)
        option = self._preferences(account).get("use_metadata_node_for_inbound")
        event = on_demand(
            self._plan,
            kind,
            ticket=sent[-1].ticket if sent else None,
            number=self._written(written, self._random(kind, next(self._order))),
            text=text,
            at=at,
            with_metadata=option is True,
        )
        self._push(at, kind, account, lambda: event)
        return written

    def _push(
        self,
        at: datetime,
        kind: CallbackKind,
        account: str,
        make: Callable[[], Mapping[str, Any]],
    ) -> None:
        heappush(self._pending, _Pending(at, next(self._order), kind, account, make))

    # --- what is due --------------------------------------------------------------

    def _take(self, until: datetime | None) -> tuple[Callback, ...]:
        due = []
        while self._pending and (until is None or self._pending[0].at <= until):
            due.append(heappop(self._pending))
        return tuple(map(self._callback, self._grouped(due)))

    def _grouped(self, due: Sequence[_Pending]) -> Iterator[Sequence[_Pending]]:
        """Put up to 100 neighbors of one kind and account in an array: our choice."""
        group: list[_Pending] = []
        for one in due:
            fits = (
                self._plan.format is CallbackFormat.ARRAY
                and len(group) < _MOST_EVENTS
                and group[:1]
                and (group[0].kind, group[0].account) == (one.kind, one.account)
            )
            if group and not fits:
                yield group
                group = []
            group.append(one)
        if group:
            yield group

    def _callback(self, group: Sequence[_Pending]) -> Callback:
        last = group[-1]
        events = tuple(one.make() for one in group)
        content_type, body = encode(self._plan.format, last.kind, events)
        return Callback(
            kind=last.kind,
            posted_at=last.at,
            account=last.account,
            url=self._url(last.kind, last.account),
            events=events,
            content_type=content_type,
            body=body,
        )

    # --- small questions ----------------------------------------------------------

    def _random(self, *what: object) -> Random:
        # One per message, so that the time of a look changes nothing.
        return Random(f"{self._plan.seed} {what!r}")

    def _delay(self, random: Random) -> timedelta:
        return timedelta(seconds=random.uniform(*self._plan.delay_bounds))

    def _written(self, number: str, random: Random) -> str:
        bare = random.random() < self._plan.without_plus
        return number.removeprefix("+") if bare else number

    def _price(self, entry: Entry) -> float | int | str:
        # "unit_price" has no documented unit; euros per part are our choice.
        return self._state.figure(self._state.prices[entry.type])

    def _preferences(self, account: str) -> Mapping[str, Any]:
        own = self._state.subaccounts.get(account)
        kept = self._state.preferences.get(account, {})
        # The URL of its owner, and its own URL: our choice of priority.
        return {**(own.callbacks if own else {}), **kept}

    def _url(self, kind: CallbackKind, account: str) -> str | None:
        url = self._preferences(account).get(_URLS[kind])
        return url if isinstance(url, str) else None
