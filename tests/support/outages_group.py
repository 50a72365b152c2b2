"""Scenarios on a MySQL 9 Group Replication of three members, with journal and store in it."""

import threading
import time

from group_replication import GroupReplication, Partition, own_network
from mariadb import wait_until
from outage_kit import hold, recover, scenario


def use_group(world, may_see_group=True, can_be_cut=False, **settings):
    """A group with the database of telemetryd; `settings` are those of its servers."""
    template = world.template.with_name("template-group")
    group = GroupReplication(world.directory / "group", settings=settings, template=template)
    world.servers += group.members
    if can_be_cut:
        group.partition = Partition(group)
    begin = time.monotonic()
    group.start()
    print(f"         #       the group started within {time.monotonic() - begin:.1f} s", flush=True)
    group.create_database(may_see_group=may_see_group)
    world.settings |= {
        "storage.store": "mysql",
        "storage.journal": "mysql",
        "mysql.hosts": group.hosts,
    }
    return group


class Reads:
    """A thread that reads all events of the producer's robot again and again. It counts the answers
    that lack an event which had been answered OK before the read began."""

    def __init__(self, world):
        self._world = world
        self._answers = 0
        self._incomplete = 0
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def end(self):
        self._is_ending.set()
        self._thread.join(5)
        self._world.note(
            f"reads that lacked an event answered OK: {self._incomplete} of {self._answers}"
        )

    def _read(self):
        while not self._is_ending.wait(0.02):
            acknowledged = list(self._world.watch.acknowledged)
            try:
                events = self._world.server.rest(40).events("rover")
            except (AssertionError, OSError, TypeError, ValueError):  # an answer other than 200
                continue
            self._answers += 1
            if not {event["timestamp"] for event in events}.issuperset(acknowledged):
                self._incomplete += 1
                if self._incomplete == 1:
                    self._world.note("A READ LACKED AN EVENT ANSWERED OK")


def start(world):
    """Starts telemetryd, and reads until the scenario ends them."""
    world.start()
    return Reads(world)


def tell_pause(world, seconds=180):
    """Waits until an event is answered OK after the outage that begins now."""
    begin = time.monotonic()
    hold(1)  # an answer may be under way
    before = len(world.watch.acknowledged)
    try:
        wait_until(lambda: len(world.watch.acknowledged) > before, "answered", seconds)
        world.note(f"OK again after {time.monotonic() - begin:.1f} s")
    except AssertionError:
        world.watch.tell("#", f"NO OK within {seconds} s")


def later(world, seconds, what, do):
    """Ends an outage after some time, while the scenario waits for what follows from it."""

    def end():
        world.note(what)
        do()

    timer = threading.Timer(seconds, end)
    timer.start()
    return timer


def back_to_three(world, group, member, reads):
    """Takes a member back, and checks that work goes on."""
    group.rejoin(member)
    group.wait_online(len(group.members))
    world.note(f"member {member.number} is back; the primary is member {group.primary().number}")
    reads.end()
    recover(world)


@scenario
def group_primary_killed(world):
    """The primary of a group of three is killed; it comes back as a secondary."""
    group = use_group(world)
    reads = start(world)
    killed = group.primary()
    world.note(f"member {killed.number}, the primary, killed (kill -9)")
    killed.kill9()
    tell_pause(world)
    world.note(f"the primary is member {group.wait_primary(killed).number}")
    back_to_three(world, group, killed, reads)


def freeze_primary(world, group):
    """Freezes the primary, and returns it."""
    frozen = group.primary()
    world.note(f"member {frozen.number}, the primary, frozen (SIGSTOP)")
    frozen.freeze()
    return frozen


def primary_frozen(world, seconds):
    group = use_group(world)
    reads = start(world)
    frozen = freeze_primary(world, group)
    waking = later(world, seconds, "it goes on (SIGCONT)", frozen.thaw)
    tell_pause(world)
    waking.join()
    back_to_three(world, group, frozen, reads)


@scenario
def group_primary_frozen(world):
    """The primary freezes for 20 s, less than mysql.read_timeout, and is replaced meanwhile."""
    primary_frozen(world, 20)


@scenario
def group_primary_frozen_long(world):
    """The primary freezes for 30 s, more than mysql.read_timeout (here 5 s)."""
    world.settings["mysql.read_timeout"] = "5s"
    primary_frozen(world, 30)


@scenario
def group_woken_primary_behind(world):
    """Only a primary answers that was frozen and replaced, so it lacks commits."""
    world.settings |= {"mysql.read_timeout": "5s", "mysql.connect_timeout": "1s"}
    group = use_group(world)
    reads = start(world)
    frozen = freeze_primary(world, group)
    tell_pause(world)
    replacement = group.wait_primary(frozen)
    hold(20)
    world.note(f"member {replacement.number}, the primary: offline_mode = 1; the other one goes on")
    replacement.sql("SET GLOBAL offline_mode = 1")
    frozen.thaw()
    later(world, 10, "offline_mode = 0", lambda: replacement.sql("SET GLOBAL offline_mode = 0"))
    tell_pause(world)
    back_to_three(world, group, frozen, reads)
    noted = replacement.sql("SELECT COUNT(*) FROM telemetryd.meta WHERE name = 'lost'")[0][0]
    world.note(f"losses noted in the database: {noted}")


@scenario
def group_start_at_woken_primary(world):
    """telemetryd starts while a primary wakes that was frozen, and replaced 15 s ago."""
    world.settings |= {"mysql.read_timeout": "5s"}
    group = use_group(world)
    reads = start(world)
    frozen = freeze_primary(world, group)
    tell_pause(world)
    hold(15)
    world.server.kill()
    world.note("telemetryd killed and started; the frozen member goes on")
    frozen.thaw()
    world.launch(world.server)
    world.wait_ready()
    back_to_three(world, group, frozen, reads)


def primary_cut_off(world, clients_reach):
    with own_network():
        group = use_group(world, can_be_cut=True)
        reads = start(world)
        cut = group.primary()
        world.note(f"member {cut.number}, the primary, is cut off; clients reach: {clients_reach}")
        group.partition.cut_off(cut, clients_reach)
        healing = later(world, 30, "the network is whole again", lambda: group.partition.heal(cut))
        tell_pause(world)
        healing.join()
        back_to_three(world, group, cut, reads)


@scenario
def group_primary_cut_off(world):
    """The primary is cut off from all for 30 s; mysql.read_timeout is 5 s. Needs root."""
    world.settings["mysql.read_timeout"] = "5s"
    primary_cut_off(world, clients_reach="others")


@scenario
def group_cut_off_with_telemetryd(world):
    """The primary is cut off for 30 s, and telemetryd is on its side. Needs root."""
    primary_cut_off(world, clients_reach="member")


@scenario
def group_cut_off_from_members(world):
    """The primary is cut off from the members for 30 s; telemetryd reaches all. Needs root."""
    primary_cut_off(world, clients_reach="all")


@scenario
def group_two_members_gone(world):
    """Both secondaries freeze for 20 s: the primary is left without a majority."""
    group = use_group(world)
    reads = start(world)
    primary, gone = group.primary(), group.secondaries()
    world.note("both secondaries frozen (SIGSTOP)")
    for member in gone:
        member.freeze()

    def wake():
        for member in gone:
            member.thaw()

    waking = later(world, 20, "they go on (SIGCONT)", wake)
    tell_pause(world)
    waking.join()
    back_to_three(world, group, primary, reads)


@scenario
def group_secondary_as_only_host(world):
    """mysql.hosts names a secondary only, which becomes the primary after some seconds."""
    group = use_group(world)
    only = group.secondaries()[0]
    world.settings["mysql.hosts"] = f"127.0.0.1:{only.port}"
    world.launch()
    hold(5)
    world.note("it becomes the primary")
    group.make_primary(only)
    recover(world)


@scenario
def group_without_grant(world):
    """The user may not read the state of the group."""
    use_group(world, may_see_group=False)
    world.refuse()


@scenario
def group_consistency_eventual(world):
    """The group has group_replication_consistency = EVENTUAL."""
    use_group(world, **{"group-replication-consistency": "EVENTUAL"})
    world.refuse()
