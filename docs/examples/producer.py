"""Sends the lines of stdin (x,y,timestamp,robot_name) to telemetryd; prints each with its answer."""
import asyncio, collections, sys, websockets

async def produce(url, lines, window=100):
    unanswered = collections.deque()                   # oldest first; survives the connection
    async for connection in websockets.connect(url):   # connects again, with growing pauses
        try:
            for line in unanswered:                    # again, before anything new
                await connection.send(line)
            while True:
                while len(unanswered) < window and (line := next(lines, None)) is not None:
                    unanswered.append(line.rstrip("\n"))
                    await connection.send(unanswered[-1])
                if not unanswered:
                    return
                answer = await connection.recv()       # only an answer takes a line off the list
                print(unanswered.popleft(), answer)
        except websockets.ConnectionClosed:
            await asyncio.sleep(0.5)

asyncio.run(produce(sys.argv[1], sys.stdin))
