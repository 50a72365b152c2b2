"""Scenarios in which the disk below RocksDB goes wrong."""

from outage_kit import fill, hold, recover, scenario


@scenario
def data_dir_full(world):
    """The file system of storage.data_dir fills up, then has room again. Needs root."""
    directory = world.directory / "telemetryd" / "data"
    world.mount(directory, "600m")
    world.start()
    world.note("disk filled")
    ballast = fill(directory)
    hold(8)
    world.note("room again")
    ballast.unlink()
    recover(world)
