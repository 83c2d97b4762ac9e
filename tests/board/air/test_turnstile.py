import asyncio

from tokay.board.air.turnstile import WIDTH, Turnstile


async def test_a_few_begin_in_each_turn_in_their_order() -> None:
    turnstile, began = Turnstile(), list[int]()

    async def begin(number: int) -> None:
        await turnstile.enter()
        began.append(number)

    tasks = [asyncio.create_task(begin(number)) for number in range(5 * WIDTH)]
    tasks[WIDTH + 1].cancel()  # one that waits, and one that has not begun to
    counts = []
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        counts.append(len(began))
    steps = [later - sooner for sooner, later in zip([0, *counts], counts, strict=False)]
    assert max(steps) == WIDTH
    assert began == [number for number in range(5 * WIDTH) if number != WIDTH + 1]


async def test_one_who_is_alone_does_not_wait() -> None:
    turnstile = Turnstile()
    for _ in range(3):
        entering = turnstile.enter()
        try:
            entering.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("it waited")


def test_a_loop_that_ended_leaves_nothing_behind() -> None:
    turnstile = Turnstile()

    async def crowd() -> None:
        for _ in range(2 * WIDTH):
            asyncio.get_running_loop().create_task(turnstile.enter())
        await asyncio.sleep(0)

    asyncio.run(crowd())
    asyncio.run(asyncio.wait_for(turnstile.enter(), 10))
