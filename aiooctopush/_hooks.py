"""Hooks of users, which never affect a call."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ._log import logger


T = TypeVar("T")


def is_cancellation(error: BaseException) -> bool:
    """
    Whether this error cancels the present task.

    A `CancelledError` may also come from a cancelled task or future that a hook or a
    transport awaited. Then it is a failure like any other.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and (
        task is None or task.cancelling() > 0
    )


def tell(hook: Callable[[T], object], what: T, name: str) -> None:
    """
    Call a user's hook; log its exceptions without affecting the call.

    That includes a `CancelledError` of its own. A cancellation of the task passes.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        hook(what)
    except asyncio.CancelledError:
        # A plain function meets a cancellation only if it waits by other means, as
        # with greenlets; otherwise the next wait of the task does.
        if task is not None and task.cancelling() > before:
            raise
        logger.exception("%s failed", name)
    # A broken metric must not decide about a message.
    except Exception:
        logger.exception("%s failed", name)
