"""Events of a module: a bounded queue for each who listens."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from tokay.host.response import Event

MAX_EVENTS = 1000
"""Events that wait for a listener; older ones are dropped, and counted."""

EventHandler = Callable[[Event], None]


class EventQueue:
    """Events for one listener, from now on. An asynchronous iterator that ends with the module."""

    def __init__(self) -> None:
        self.dropped = 0
        """Events that were lost because nobody took them."""
        self._held: deque[Event] = deque()
        self._more = asyncio.Event()
        self._closed = False

    def put(self, event: Event) -> None:
        """Add an event."""
        if len(self._held) >= MAX_EVENTS:
            self._held.popleft()
            self.dropped += 1
        self._held.append(event)
        self._more.set()

    def close(self) -> None:
        """End the iteration after the events that wait."""
        self._closed = True
        self._more.set()

    async def get(self) -> Event | None:
        """Return the next event, None at the end."""
        while not self._held:
            if self._closed:
                return None
            self._more.clear()
            await self._more.wait()
        return self._held.popleft()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        event = await self.get()
        if event is None:
            raise StopAsyncIteration
        return event


class EventHub:
    """Distribute each event to all listeners."""

    def __init__(self) -> None:
        self._queues: list[EventQueue] = []
        self._handlers: list[tuple[str, EventHandler]] = []
        self._closed = False

    def tell(self, event: Event) -> None:
        """Pass an event to every listener."""
        for queue in self._queues:
            queue.put(event)
        for name, handler in list(self._handlers):
            if name in ("", event.name):
                handler(event)

    def subscribe(self) -> EventQueue:
        """Return a queue that gets each event from now on."""
        queue = EventQueue()
        self._queues.append(queue)
        if self._closed:
            queue.close()
        return queue

    def unsubscribe(self, queue: EventQueue) -> None:
        """Remove a queue."""
        if queue in self._queues:
            self._queues.remove(queue)

    def on(self, name: str, handler: EventHandler) -> Callable[[], None]:
        """Call a handler with each event of that name (any if empty); return what ends that."""
        entry = (name, handler)
        self._handlers.append(entry)
        return lambda: self._handlers.remove(entry) if entry in self._handlers else None

    def close(self) -> None:
        """End all queues, and those to come."""
        self._closed = True
        self.end_queues()

    def end_queues(self) -> None:
        """End the queues that there are."""
        for queue in self._queues:
            queue.close()
