"""The replays of one subscriber: begun, commanded and ended under their topics."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import NamedTuple

from api_socket.errors import CannotLetIn, InvalidFormat, NoReplay, TooManyReplays
from api_socket.hub import SubscriberHub
from api_socket.price_replay import PriceReplay
from api_socket.prices import Prices
from api_socket.protocol import Control, Topic
from api_socket.subscriber import Subscriber
from bars.past.replay import MOST_PAIRS, BarReplay
from bars.past.request import PastBars
from runtime.addresses import Address
from runtime.supervision import supervisor
from streaming.admitting import replays
from streaming.protocol import StreamError
from streaming.relay.relays import relays

#: Replays of one connection at most that are under way: each has a piece of the past in memory. One that has ended has
#: nothing; the most subscriptions bound how many there are of these.
_MOST_REPLAYS = 4


class _Running(NamedTuple):
    replay: PriceReplay
    task: asyncio.Task[None]
    counted: ExitStack


class SubscriberReplays:
    """For the loop's thread."""

    def __init__(self, subscriber: Subscriber, hub: SubscriberHub, prices: Prices, address: Address) -> None:
        self._subscriber, self._hub, self._prices, self._address = subscriber, hub, prices, address
        self._running: dict[Topic, _Running] = {}

    def begin(self, topic: Topic, past: PastBars) -> None:
        """Replay a topic from now on, in place of a replay that it has. Raises SubscribeError; then nothing changes.

        The hub is not to serve it from here.
        """
        symbols = [relay.symbol for relay in relays.all()] if topic.symbol is None else [topic.symbol]
        if len(symbols) > MOST_PAIRS:
            raise InvalidFormat(f"params.replay 最多{MOST_PAIRS}个交易代码，收到{len(symbols)}个")
        bars = BarReplay([(symbol, "1s") for symbol in symbols], past)
        counted = self._place(topic)
        self.end(topic)
        replay = PriceReplay(topic, bars, self._subscriber, counted.close, lambda: self._go_live(topic))
        task = asyncio.get_running_loop().create_task(self._run(replay))
        self._running[topic] = _Running(replay, task, counted)

    def obey(self, control: Control) -> None:
        """Carry out a command. Raises SubscribeError, also where one that has ended has no place to go on."""
        running = self._running.get(control.topic)
        if running is None:
            raise NoReplay(control.topic.symbol)
        if control.type != "seek" or not running.replay.ended:
            return _obey(running.replay, control)
        with self._counted() as anew:
            _obey(running.replay, control)
            running.counted.push(anew.pop_all())

    def end(self, topic: Topic) -> None:
        """End the replay of a topic, if there is one."""
        running = self._running.pop(topic, None)
        if running is not None:
            running.task.cancel()
            running.counted.close()

    def close(self) -> None:
        for topic in [*self._running]:
            self.end(topic)

    async def _run(self, replay: PriceReplay) -> None:
        with supervisor.guarded("replay of prices", lambda: self._subscriber.end(CannotLetIn())):
            await replay.run()

    def _place(self, topic: Topic) -> ExitStack:
        """A place for a replay of this topic, from now on that of the one which it has. Raises TooManyReplays."""
        former = self._running.get(topic)
        return self._counted() if former is None or former.replay.ended else former.counted.pop_all()

    def _counted(self) -> ExitStack:
        """A place for one more. Raises TooManyReplays."""
        if sum(not running.replay.ended for running in self._running.values()) >= _MOST_REPLAYS:
            raise TooManyReplays(_MOST_REPLAYS)
        counted = ExitStack()
        try:
            counted.enter_context(replays().admit(self._address))
        except StreamError:
            raise TooManyReplays(replays().open) from None
        return counted

    def _go_live(self, topic: Topic) -> None:
        """It has come to the present."""
        self._running.pop(topic).counted.close()
        self._hub.subscribe(self._subscriber, topic)
        self._prices.greet(self._subscriber, topic)


def _obey(replay: PriceReplay, control: Control) -> None:
    """Raises InvalidFormat."""
    try:
        replay.obey(control)
    except ValueError as error:
        raise InvalidFormat(f"{control.type} 无效: {error}") from None
