"""
The judge of a world. What was sent is said by the gateway's sent log alone; when it was
tried, by the wire.
"""

from collections import defaultdict
from itertools import pairwise

from simulation.world import READ


_FLOOR = 1.0
# Floats that were added in another order.
_ALMOST = 1e-6


def violations(world):
    """Every broken promise of a world, in words; none if all is well."""
    return [*_twice(world), *_words(world), *_waits(world), *_pauses(world)]


def report(world, problems):
    """A world for a person: what was drawn, what happened, what is wrong with it."""
    happened = sorted(world.log, key=_when)
    lines = [world.plan.told]
    lines += [f"{_when(one):12.3f} s  {one.told}" for one in happened]
    for entry in world.gateway.sent_log.entries:
        name = world.wire.name_of(entry.request_id)
        lines.append(f"        sent log  {' '.join(entry.recipients)} under {name}")
    lines += [f"   VIOLATION  {problem}" for problem in problems]
    return "\n".join(lines)


def _when(one):
    return one.ended if hasattr(one, "ended") else one.at


def _twice(world):
    for number, times in world.gateway.sent_log.numbers().items():
        if times > 1:
            yield f"{number} gets it {times} times"


def _words(world):
    """What callers were told, against the sent log."""
    booked = defaultdict(set)  # who is in the sent log, and under which ids
    whose = {numbers: who for who, numbers in world.numbers.items()}
    for entry in world.gateway.sent_log.entries:
        booked[whose[entry.recipients]].add(world.wire.name_of(entry.request_id))
    for word in world.words:
        tries = [
            one
            for one in world.tries
            if one.who == word.who and one.ended <= word.at and one.call <= word.call
        ]
        calls = [one for one in tries if one.call == word.call]
        names = booked[word.who]
        if word.outcome == "accepted" and not names:
            yield f"{word.told}, and is not in the sent log"
        if word.ticket and world.gateway.sent_log.find(word.ticket) is None:
            yield f"{word.told}, with a ticket that nobody knows"
        if word.outcome in {"refused", "not_sent"} and word.maybe_sent:
            yield f"{word.told}, which contradicts itself"
        clean = word.outcome in {"refused", "not_sent"}
        if clean and names & {one.id for one in tries}:
            yield f"{word.told}, and is in the sent log"
        if word.outcome == "presumed":
            yield from _presumed(world, word, tries, booked=bool(names))
        if word.outcome != "cancelled" and word.attempts != len(calls):
            yield (
                f"{word.told} after {word.attempts} tries, but there were {len(calls)}"
            )


def _presumed(world, word, tries, *, booked):
    silent = any(one.silent for one in tries[:-1])
    if not silent:
        yield f"{word.told}, and no try of it was silent"
    # If somebody else has used the id, a silent try of ours cannot be told from it.
    others = {one.id for one in world.tries if one.who != word.who}
    shared = silent and tries[-1].id in others
    if not (booked or shared or world.plan.burns_ids):
        yield f"{word.told}, and is not in the sent log"


def _waits(world):
    """What is between two tries of one message, settling included."""
    messages = defaultdict(list)
    for one in sorted(world.tries, key=lambda one: one.began):
        messages[one.who].append(one)
    # Reads change nothing, and the caller asks again as soon as it likes.
    messages.pop(READ, None)
    for tries in messages.values():
        for one, other in pairwise(tries):
            gap = other.began - one.ended + _ALMOST
            if gap < 0 and one.id == other.id:
                yield f"{other.who}: two tries of {one.id} overlap"
            if one.silent and one.who.endswith("confirm"):
                yield f"{one.who}: repeated after silence without an id"
            if one.silent and gap < _FLOOR:
                yield f"{other.who}: a try {gap:.3f} s after silence"
            if one.retry_after and gap < one.retry_after:
                yield f"{other.who}: a try {gap:.3f} s after Retry-After"


def _pauses(world):
    """Who is too fast makes the whole session wait."""
    throttled = [one for one in world.tries if one.retry_after and not one.silent]
    for one in throttled:
        for other in world.tries:
            early = one.ended + _ALMOST < other.began < one.ended + one.retry_after
            if early and other.session == one.session:
                yield f"{other.who}: a try within the pause that {one.who} met"
