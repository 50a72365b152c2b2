"""A MySQL Group Replication for tests: real MySQL 9 servers on loopback that form one group with a
single primary. They come from a directory that install_mysql9 has made: $TELEMETRY_TEST_MYSQLD, or
build/mysql9.

As a command it starts a group of three with the database of telemetryd, and serves until it is
killed. The first line of its output is the value of the setting mysql.hosts:

    /usr/bin/python3 tests/support/group_replication.py DIR
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from mariadb import MariaDb, free_port, wait_until
from mysql9 import MySql9Program
from outage_world import MYSQL_RIGHTS, PASSWORD

ROOT = Path(__file__).resolve().parents[2]
GROUP_NAME = "7e1e3e72-0000-4000-8000-000000000001"
MEMBERS_TABLE = "performance_schema.replication_group_members"
RECOVERY = "recovery"  # name and password of the user of the recovery channel
CLONE_NEWNET = 0x40000000  # from linux/sched.h
FIRST_UNIX_GROUP = 64101  # nft recognises the packets of a member by the group id of its process


def mysql9_directory():
    return os.environ.get("TELEMETRY_TEST_MYSQLD") or ROOT / "build" / "mysql9"


class Member(MariaDb):
    """One server of a group. After start() it answers, but has not joined its group yet."""

    brand = "mysql"

    def __init__(self, directory, number, settings=None):
        self.program = MySql9Program(mysql9_directory())
        self.number = number  # 1, 2, …
        self.group_port = free_port()
        self.is_frozen = False
        super().__init__(directory, settings)
        del self.settings["skip-log-bin"]
        del self.settings["performance-schema"]
        self.settings = {
            "server-id": number,
            "report-host": self.host,
            "report-port": self.port,
            "log-bin": "binlog",
            "relay-log": "relay",
            "sync-binlog": 1,
            "gtid-mode": "ON",
            "enforce-gtid-consistency": "ON",
            "plugin-load-add": "group_replication.so",
            "group-replication-group-name": GROUP_NAME,
            "group-replication-local-address": self.group_address,
            "group-replication-start-on-boot": "OFF",
            "group-replication-recovery-get-public-key": "ON",
            "group-replication-member-weight": 100 - number,  # the next one becomes the primary
            "group-replication-member-expel-timeout": 0,
            "group-replication-unreachable-majority-timeout": 10,
            "group-replication-message-cache-size": "128M",
            **self.settings,
            "innodb-redo-log-capacity": "32M",  # every start copies it
        }

    @property
    def group_address(self):
        return f"{self.host}:{self.group_port}"

    @property
    def is_awake(self):
        return self.process is not None and not self.is_frozen

    def freeze(self):
        super().freeze()
        self.is_frozen = True

    def thaw(self):
        super().thaw()
        self.is_frozen = False

    def kill9(self):
        self.is_frozen = False
        return super().kill9()

    def view(self):
        """The group as this member sees it: (port, state, role) of each member."""
        rows = self.sql(f"SELECT MEMBER_PORT, MEMBER_STATE, MEMBER_ROLE FROM {MEMBERS_TABLE}")
        return [(int(port), state, role) for port, state, role in rows if port.isdigit()]

    def state(self):
        """ONLINE, RECOVERING, UNREACHABLE, ERROR or OFFLINE, as this member sees itself."""
        for port, state, _ in self.view():
            if port == self.port:
                return state
        return "OFFLINE"

    def join(self):
        self.sql("START GROUP_REPLICATION")

    def join_again(self):
        """Joins, unless the member is joining already. After an error it must be stopped first."""
        state = self.state()
        if state == "ERROR":
            self.sql("STOP GROUP_REPLICATION")
        if state in ("ERROR", "OFFLINE"):
            self.join()

    def bootstrap(self):
        """Starts a new group, of which this member is the primary."""
        self.sql(
            "SET GLOBAL group_replication_bootstrap_group = ON;"
            "START GROUP_REPLICATION;"
            "SET GLOBAL group_replication_bootstrap_group = OFF"
        )


class GroupReplication:
    """A group of `members` servers. `settings` are settings of every server.

    With `template`, a data directory that is made if it is missing, a start copies it instead of
    making data directories anew.
    """

    def __init__(self, directory, members=3, settings=None, template=None):
        self.directory = Path(directory).resolve()
        self.template = Path(template) if template else self.directory / "template"
        self.members = [
            Member(self.directory / f"member{number}", number, settings)
            for number in range(1, members + 1)
        ]
        seeds = ",".join(member.group_address for member in self.members)
        for member in self.members:
            member.settings["group-replication-group-seeds"] = seeds
        self.partition = None  # a Partition, if members are to be cut off

    @property
    def hosts(self):
        """The setting mysql.hosts: all members."""
        return ",".join(f"{member.host}:{member.port}" for member in self.members)

    def start(self):
        """Starts the servers, and the group with the first of them as its primary."""
        make_template(self.template)
        for member in self.members:
            shutil.copytree(self.template, member.data_dir)
        self.each(self.members, Member.start)
        self.members[0].bootstrap()
        self.each(self.members[1:], Member.join)
        self.wait_online(len(self.members))
        return self

    def close(self):
        for member in self.members:
            member.close()

    @staticmethod
    def each(members, do):
        """Calls `do` for several members at the same time."""
        errors = []

        def attempt(member):
            try:
                do(member)
            except AssertionError as error:
                errors.append(error)

        threads = [threading.Thread(target=attempt, args=(member,)) for member in members]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def primary(self):
        """The member that a majority takes for the primary, or None. The members vote, because a
        primary that was frozen or cut off calls itself the primary for a while."""
        votes = {}
        for member in self.members:
            view = _view_or_nothing(member)
            reachable = [port for port, state, _ in view if state != "UNREACHABLE"]
            if 2 * len(reachable) <= len(view):
                continue
            for port, state, role in view:
                if (state, role) == ("ONLINE", "PRIMARY"):
                    votes[port] = votes.get(port, 0) + 1
                    if 2 * votes[port] > len(view):
                        return self._member_at(port)
        return None

    def secondaries(self):
        """The members other than the primary, whatever their state."""
        primary = self.primary()
        return [member for member in self.members if member is not primary]

    def wait_primary(self, other_than=None, seconds=60):
        """Waits until there is a primary, and returns it."""
        found = []

        def is_there():
            found[:] = [self.primary()]
            return found[0] not in (None, other_than)

        wait_until(is_there, "a primary" if other_than is None else "another primary", seconds)
        return found[0]

    def wait_online(self, count, seconds=90):
        """Waits until so many members are online."""

        def are_online():
            primary = self.primary()
            view = _view_or_nothing(primary) if primary else []
            return sum(state == "ONLINE" for _, state, _ in view) == count

        wait_until(are_online, f"{count} members online; {self.views()}", seconds)

    def rejoin(self, member, seconds=180):
        """Takes a member back that was killed, or that has left the group. If it has left by an
        error, this takes up to 80 s."""
        if member.process is None:
            member.start()

        def is_back():
            try:
                return member.state() == "ONLINE" or member.join_again()
            except (AssertionError, subprocess.TimeoutExpired):
                return False  # it may still be busy with leaving, or try to rejoin by itself

        wait_until(is_back, f"online again; {self.views()}", seconds)

    def repair(self):
        """Brings every member back, whatever has happened to it."""
        for member in self.members:
            if member.is_frozen:
                member.thaw()
        for member in self.members:
            self.rejoin(member)
        self.wait_online(len(self.members))

    def make_primary(self, member):
        """Moves the role in an orderly way."""
        uuid = member.sql("SELECT @@server_uuid")[0][0]
        self.primary().sql(f"SELECT group_replication_set_as_primary('{uuid}')")

    def create_database(self, name="telemetryd", user="telemetryd", may_see_group=True):
        """A database, and a user as OPERATIONS.md tells to create it."""
        account = f"{user}@'127.0.0.1'"
        statements = [
            f"CREATE DATABASE {name}",
            f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{PASSWORD}'",
            f"GRANT {MYSQL_RIGHTS} ON {name}.* TO {account}",
        ]
        if may_see_group:
            statements.append(f"GRANT SELECT ON {MEMBERS_TABLE} TO {account}")
        self.wait_primary().sql(";".join(statements))

    def views(self):
        """The view of every member, as text for messages."""
        seen = []
        for member in self.members:
            view = _view_or_nothing(member)
            said = ", ".join(f"{self._name(port)} {state} {role}" for port, state, role in view)
            seen.append(f"member {member.number} sees: {said or '-'}")
        return "; ".join(seen)

    def _member_at(self, port):
        return next(member for member in self.members if member.port == port)

    def _name(self, port):
        return self._member_at(port).number


def _view_or_nothing(member):
    """The view of a member; empty if it does not run, or does not answer."""
    if not member.is_awake:
        return []
    try:
        return member.view()
    except (AssertionError, subprocess.TimeoutExpired):
        return []


def make_template(directory):
    """Makes the data directory that every member begins with, unless it is there. All members begin
    with the same users and with empty binary logs, so that no member has to catch up."""
    if directory.exists():
        return
    making = directory.with_name(directory.name + "-making")
    shutil.rmtree(making, ignore_errors=True)
    member = Member(making, 1)
    try:
        member.start()
        member.sql(
            "SET sql_log_bin = 0;"
            f"CREATE USER {RECOVERY}@'127.0.0.1' IDENTIFIED BY '{RECOVERY}';"
            f"GRANT REPLICATION SLAVE ON *.* TO {RECOVERY}@'127.0.0.1';"
            f"CHANGE REPLICATION SOURCE TO SOURCE_USER = '{RECOVERY}', SOURCE_PASSWORD ="
            f" '{RECOVERY}' FOR CHANNEL 'group_replication_recovery';"
            "RESET BINARY LOGS AND GTIDS"
        )
        member.stop()
        (member.data_dir / "auto.cnf").unlink()  # the identity of a server; each makes its own
        member.data_dir.rename(directory)
    finally:
        member.close()
        shutil.rmtree(making, ignore_errors=True)


class Partition:
    """Cuts members of a group off from the others, on the loopback of own_network().

    All members have the same address. Therefore nft marks each connection with the number of the
    member that opened it, which it knows by the group id of the process. The port to which the
    connection leads tells the other end. Make the partition before the group starts.
    """

    def __init__(self, group):
        self._group = group
        for member in group.members:
            member.unix_group = FIRST_UNIX_GROUP + member.number
        marks = "".join(
            f"meta skgid {member.unix_group} ct state new ct mark set {member.number}\n"
            for member in group.members
        )
        chains = "".join(f"chain {_chain(member)} {{ }}\n" for member in group.members)
        jumps = "".join(f"jump {_chain(member)}\n" for member in group.members)
        self._nft(
            "table inet group {\n"
            f"chain opened {{\ntype filter hook output priority mangle\n{marks}}}\n"
            f"{chains}"
            f"chain received {{\ntype filter hook input priority filter\n{jumps}}}\n"
            "}\n"
        )

    def cut_off(self, member, clients_reach="all"):
        """From now on, packets between `member` and the other members vanish. Clients still reach
        "all" servers, or only the "member", or only the "others"."""
        others = [one for one in self._group.members if one is not member]
        client = 0  # the mark of a connection that no member has opened
        beyond = {"all": [], "member": others, "others": [member]}[clients_reach]
        self._drop(member, [member.number], others)
        self._drop(member, [one.number for one in others], [member])
        if beyond:
            self._drop(member, [client], beyond)

    def heal(self, member):
        self._nft(f"flush chain inet group {_chain(member)}")

    def _drop(self, member, marks, targets):
        ports = ", ".join(f"{one.port}, {one.group_port}" for one in targets)
        self._nft(
            f"add rule inet group {_chain(member)} meta l4proto tcp"
            f" ct mark {{ {', '.join(map(str, marks))} }} ct original proto-dst {{ {ports} }} drop"
        )

    @staticmethod
    def _nft(rules):
        tool = shutil.which("nft", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert tool, "nft is missing: apt-get install nftables"
        done = subprocess.run([tool, "-f", "-"], input=rules, capture_output=True, text=True)
        assert done.returncode == 0, f"nft: {done.stderr}"


def _chain(member):
    return f"member{member.number}"


@contextmanager
def own_network():
    """Gives this thread a loopback of its own, and the threads and processes that it starts inside.
    Needs root."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise AssertionError(f"a network of its own needs root: {os.strerror(ctypes.get_errno())}")
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
    finally:
        libc.setns(before, CLONE_NEWNET)
        os.close(before)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: group_replication.py DIR")
    group = GroupReplication(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        group.start()
        group.create_database()
        print(group.hosts, flush=True)
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
    finally:
        group.close()


if __name__ == "__main__":
    main()
