"""Streams of slices from gateways to owners, and the network between them (rules 42 and 43).

A stream is (gateway, shard). It numbers its slices from 0 in each generation.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from cluster_messages import Link, SentEvent, Slice, SliceMessage, SliceReply, Submission
from cluster_rules import SHARD_COUNT
from cluster_tenure import Phase

if TYPE_CHECKING:
    from cluster_node import Node
    from cluster_tenure import Tenure
    from cluster_world import World


@dataclasses.dataclass
class StreamOut:
    """The gateway's end of a stream."""

    generation: int = 0
    next_number: int = 0
    slices: list[Slice] = dataclasses.field(default_factory=list)  # unanswered, then unsent
    sent: int = 0  # how many of `slices` were sent in this generation
    destination: int | None = None  # an incarnation; None: the next slice begins a generation
    epoch: int = 0  # that the generation is meant for
    link: Link | None = None  # None: the gateway is the owner


class StreamIn(NamedTuple):
    """The owner's end of a stream: the slice that it accepts next."""

    generation: int = 0
    number: int = 0


class Streams:
    """Both ends of all streams, and the network between them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.links: list[Link] = []

    # --- the gateway's end

    def add(self, node: Node, shard: int, events: list[SentEvent]) -> None:
        """Takes new events from a connection (rule 42: behind everything unanswered)."""
        stream = node.streams[shard]
        has_unsent = stream.sent < len(stream.slices)
        if not self.world.rules.unanswered_go_first and has_unsent:
            stream.slices.insert(stream.sent, Slice(events))
        else:
            stream.slices.append(Slice(events))

    def send(self, node: Node) -> None:
        """Sends the next slice of a stream, in a new generation if the old one has ended."""
        shard = self.world.chance.randrange(SHARD_COUNT)
        stream = node.streams[shard]
        if not stream.slices or shard not in node.places:
            return
        if stream.destination is None and not self._begin_generation(node, shard):
            return
        if stream.sent >= len(stream.slices):
            return
        part = stream.slices[stream.sent]
        part.number = stream.next_number
        stream.sent += 1
        stream.next_number += 1
        address = (node.incarnation, shard, stream.epoch)
        mark = (stream.generation, part.number)
        message = SliceMessage(*address, *mark, part.events, stream.link)
        if stream.link is None:
            self._accept(node, message)
        else:
            stream.link.forward.append(message)

    def _begin_generation(self, node: Node, shard: int) -> bool:
        """Begins a generation to the owner that the node knows. False: that owner is dead."""
        stream = node.streams[shard]
        owner, epoch = node.places[shard]
        link = None
        if owner != node.incarnation:
            peer = self.world.nodes.get(owner)
            if peer is None or not peer.is_up:
                return False
            link = self._link(node.incarnation, owner)
        stream.generation += 1
        stream.next_number = 0
        if self.world.rules.generations_begin_with_unanswered:
            stream.sent = 0
        stream.destination, stream.epoch, stream.link = owner, epoch, link
        self.world.say(
            f"stream of node {node.incarnation} and shard {shard} begins generation",
            f"{stream.generation} to node {owner} with {len(stream.slices)} slices",
        )
        return True

    def _link(self, gateway: int, owner: int) -> Link:
        """The link of two nodes that is alive, or a new one."""
        for link in self.links:
            if link.is_alive and (link.gateway, link.owner) == (gateway, owner):
                return link
        link = Link(gateway, owner)
        self.links.append(link)
        return link

    def notice_cut_links(self, node: Node) -> None:
        """Ends the generations whose link is cut."""
        for stream in node.streams:
            is_remote = stream.destination not in (None, node.incarnation)
            if is_remote and stream.link is not None and not stream.link.is_alive:
                stream.destination = None
        self.links = [link for link in self.links if link.is_alive or link.forward or link.backward]

    def learn_epoch(self, node: Node, shard: int, epoch: int) -> None:
        """Ends a generation to an owner whose epoch is over."""
        stream = node.streams[shard]
        if stream.destination not in (None, node.incarnation) and stream.epoch < epoch:
            stream.destination = None

    def give_up(self, node: Node) -> None:
        """Drops what waits for one shard, and closes the connections that it came from."""
        stream = self.world.chance.choice(node.streams)
        if not stream.slices or stream.destination == node.incarnation:
            return
        for part in stream.slices:
            self.world.producers.close_connections_of(part.events)
        stream.slices, stream.destination, stream.sent = [], None, 0
        self.world.coverage["gateway gives up"] += 1

    def _take_reply(self, node: Node, reply: SliceReply) -> None:
        """Settles a slice, or ends the generation in which it was refused (rule 43)."""
        message = reply.message
        stream = node.streams[message.shard]
        if reply.answers is None:
            if message.generation == stream.generation:
                stream.destination = None
            return
        if self.world.rules.verdicts_match_generation and message.generation != stream.generation:
            return
        for position, part in enumerate(stream.slices[: stream.sent]):
            if part.number == message.number:
                break
        else:
            return
        del stream.slices[position]
        stream.sent -= 1
        self.world.producers.take_answers(part.events, reply.answers)

    # --- the owner's end

    def _accept(self, node: Node, message: SliceMessage) -> None:
        """Accepts a slice if it is the next of its stream and the tenure is live (rule 42)."""
        tenure = node.tenures.get(message.shard)
        if tenure is None or not self._is_ready(tenure, message):
            self.refuse(node, message)
            self.world.coverage["refused: not the owner"] += 1
            return
        next_slice = tenure.streams.get(message.gateway, StreamIn())
        if not self._is_next(next_slice, message):
            self.world.coverage["refused: gap or old generation"] += 1
            if message.generation >= next_slice.generation:
                self.refuse(node, message)
            return
        tenure.streams[message.gateway] = StreamIn(message.generation, message.number + 1)
        tenure.waiting.append(Submission(message))

    def _is_ready(self, tenure: Tenure, message: SliceMessage) -> bool:
        """Whether the tenure is live, and the one that the slice is meant for."""
        rules = self.world.rules
        is_early = not rules.writes_wait_for_replay and tenure.phase is Phase.REPLAYING
        is_addressed = not rules.slices_name_epoch or message.epoch == tenure.epoch
        return (tenure.phase is Phase.LIVE or is_early) and is_addressed

    def _is_next(self, next_slice: StreamIn, message: SliceMessage) -> bool:
        """Whether a slice is the next of its generation, or the first of a newer one."""
        rules = self.world.rules
        is_same_or_newer = message.generation >= next_slice.generation
        if not rules.streams_refuse_gaps and is_same_or_newer:
            return True
        if not rules.streams_refuse_old_generations and message.generation != next_slice.generation:
            return True
        begins_generation = message.generation > next_slice.generation and message.number == 0
        return (message.generation, message.number) == next_slice or begins_generation

    def refuse(self, node: Node, message: SliceMessage) -> None:
        """Tells the gateway that a slice was not accepted, or that its tenure has ended."""
        self._reply(node, SliceReply(message, None))

    def settle(self, node: Node, submission: Submission) -> None:
        """Sends the verdicts of a slice once each of its events has one."""
        answers = submission.settled_answers()
        if answers is not None:
            self._reply(node, SliceReply(submission.message, answers))

    def _reply(self, node: Node, reply: SliceReply) -> None:
        """Gives a reply to the own gateway, or to the link. A cut link may still carry it."""
        link = reply.message.link
        if link is None:
            self._take_reply(node, reply)
        elif link.is_alive or self.world.chance.random() < 0.3:
            link.backward.append(reply)

    # --- the network

    def deliver(self) -> None:
        """Delivers one message of one link, chosen at random."""
        choices = [(link, queue) for link in self.links for queue in link.queues if queue]
        if not choices:
            return
        link, queue = self.world.chance.choice(choices)
        is_forward = queue is link.forward
        node = self.world.nodes[link.owner if is_forward else link.gateway]
        if not node.is_up:
            queue.clear()
            return
        if node.is_paused:
            return
        message = queue.popleft()
        if not link.is_alive:
            self.world.coverage["late from a cut link"] += 1
        if is_forward:
            self._accept(node, message)
        else:
            self._take_reply(node, message)

    def cut_some_link(self) -> None:
        alive = [link for link in self.links if link.is_alive]
        if alive:
            self._cut(self.world.chance.choice(alive))

    def cut_links_of(self, node: Node) -> None:
        for link in self.links:
            if node.incarnation in (link.gateway, link.owner):
                self._cut(link)

    def _cut(self, link: Link) -> None:
        """Cuts a connection. What it carried may still come, all or a part, or not at all."""
        if not link.is_alive:
            return
        link.is_alive = False
        self.world.coverage["link cut"] += 1
        for queue in link.queues:
            if self.world.chance.random() < 0.5:
                queue.clear()
            else:
                for _ in range(self.world.chance.randint(0, len(queue))):
                    queue.pop()
