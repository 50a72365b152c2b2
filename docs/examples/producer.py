"""Sends the lines of stdin (x,y,timestamp,robot_name) to telemetryd; prints each with its answer.

    /usr/bin/python3 producer.py URL [--key-file FILE] [--ca FILE] < events.csv

The key may also be in TELEMETRY_KEY. Exit code 2: the server refuses the key.
"""
import argparse, asyncio, collections, os, ssl, sys, websockets

class Connection(websockets.connect):
    """Tells why a connection fails, and ends the program if trying again would change nothing."""
    async def __aenter__(self):
        try:
            return await super().__aenter__()
        except (OSError, websockets.InvalidHandshake) as error:
            print(error, file=sys.stderr)
            if getattr(error, "status_code", None) in (401, 403):
                sys.exit(2)                            # SystemExit also ends `async for`
            raise

async def produce(lines, window=100, **address):
    unanswered = collections.deque()                   # oldest first; survives the connection
    async for connection in Connection(**address):     # connects again, with growing pauses
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

parser = argparse.ArgumentParser()
parser.add_argument("url", help="such as wss://telemetry.example:8443/upstream")
parser.add_argument("--key-file", type=argparse.FileType(), metavar="FILE")
parser.add_argument("--ca", metavar="FILE", help="of a private certificate authority, in PEM")
given = parser.parse_args()
key = (given.key_file.read() if given.key_file else os.environ.get("TELEMETRY_KEY", "")).strip()
address = {"uri": given.url, "extra_headers": {"Authorization": f"Bearer {key}"} if key else {}}
if given.url.startswith("wss:"):
    address["ssl"] = ssl.create_default_context(cafile=given.ca)
asyncio.run(produce(sys.stdin, **address))
