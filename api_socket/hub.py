"""The hub: the subscriptions of this process's clients, and the delivery of messages to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

from api_socket.errors import TooManyConnections, TooManySubscriptions
from api_socket.protocol import Topic
from api_socket.subscriber import Subscriber
from runtime.standstill import Standstill


class SubscriberHub:
    """Subscribers by topic; all recipients share the bytes of a message. For the loop's thread."""

    def __init__(self, most_subscribers: int, most_topics: int) -> None:
        self._most_subscribers, self._most_topics = most_subscribers, most_topics
        self._by_topic: dict[Topic, set[Subscriber]] = {}
        #: In the order in which they came.
        self.subscribers: dict[Subscriber, None] = {}
        self._standstill = Standstill()

    def join(self, subscriber: Subscriber) -> None:
        """Admit a client. Raises TooManyConnections."""
        if len(self.subscribers) >= self._most_subscribers and not self._make_room(subscriber.token):
            raise TooManyConnections(self._most_subscribers)
        self.subscribers[subscriber] = None

    def _make_room(self, token: int) -> bool:
        """Where all places are taken, one that has none takes the last of the token that has most, if that has more."""
        held = Counter(one.token for one in self.subscribers)
        greedy, places = held.most_common(1)[0]
        if token in held or places < 2:
            return False
        last = next(one for one in reversed(self.subscribers) if one.token == greedy)
        last.end(TooManyConnections(self._most_subscribers))
        self.leave(last)
        return True

    def leave(self, subscriber: Subscriber) -> None:
        self.subscribers.pop(subscriber, None)
        for topic in [*subscriber.topics]:
            self.unsubscribe(subscriber, topic)

    def subscribe(self, subscriber: Subscriber, topic: Topic, *, live: bool = True) -> None:
        """Subscribe a client to a topic; repeating it is harmless. Raises TooManySubscriptions.

        Unless `live`, it gets no messages of the topic from here: its past is sent to it.
        """
        self.check_room(subscriber, topic)
        subscriber.topics.add(topic)
        if live:
            self._by_topic.setdefault(topic, set()).add(subscriber)

    def check_room(self, subscriber: Subscriber, topic: Topic) -> None:
        """Raises TooManySubscriptions if a client has as many topics as it may, and this would be one more."""
        if topic not in subscriber.topics and len(subscriber.topics) >= self._most_topics:
            raise TooManySubscriptions(self._most_topics)

    def unsubscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        subscriber.topics.discard(topic)
        found = self._by_topic.get(topic, set())
        found.discard(subscriber)
        if not found:
            self._by_topic.pop(topic, None)

    def idle(self, idle_seconds: float, now: float) -> list[Subscriber]:
        """Those without a topic that said nothing for so long.

        To be called each second. Time in which this process stood still does not count.
        """
        self._standstill.excuse(self.subscribers, now)
        return [one for one in self.subscribers if not one.topics and now - one.heard_at >= idle_seconds]

    def waiting(self) -> int:
        """The number of messages that wait for clients."""
        return sum(subscriber.waiting for subscriber in self.subscribers)

    def audience(self, channel: str, symbol: str | None) -> set[Subscriber]:
        """The recipients of a message of this channel and symbol, each once; without a symbol it concerns all."""
        if symbol is None:
            found = (subscribers for topic, subscribers in self._by_topic.items() if topic.channel == channel)
            return set().union(*found)
        return self._by_topic.get(Topic(channel), set()) | self._by_topic.get(Topic(channel, symbol), set())

    def tell(self, channel: str, symbol: str | None, wire: bytes) -> None:
        """Send a message that must arrive."""
        for subscriber in self.audience(channel, symbol):
            subscriber.tell(wire)

    def offer(self, channel: str, symbol: str | None, key: Hashable, wire: bytes) -> None:
        """Send a message that a newer one of the same channel and key may replace."""
        offer_to(self.audience(channel, symbol), channel, key, wire)


def offer_to(subscribers: Iterable[Subscriber], channel: str, key: Hashable, wire: bytes) -> None:
    for subscriber in subscribers:
        subscriber.offer((channel, key), wire)
