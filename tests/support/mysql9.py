"""A real MySQL 9 in place of the MariaDB of mariadb.py, from a directory of install_mysql9."""

from pathlib import Path


class MySql9Program:
    """Runs the server with the libraries that lie beside it: they are newer than this machine's."""

    brand = "mysql"  # as telemetryd's log calls it
    settings = {"innodb-redo-log-capacity": "128M", "mysqlx": "OFF"}
    without_tls = {"tls-version": ""}  # it makes a certificate of its own

    def __init__(self, root):
        usr = Path(root).resolve() / "usr"
        loaders = list(usr.glob("lib/*/ld-linux-*.so.*"))
        assert loaders, f"no MySQL in {root}: run tests/support/install_mysql9 {root}"
        self._command = [
            str(loaders[0]),
            "--library-path",
            str(loaders[0].parent),
            str(usr / "sbin" / "mysqld"),
            "--no-defaults",
            f"--basedir={usr}",
            f"--plugin-dir={usr / 'lib' / 'mysql' / 'plugin'}",
            "--secure-file-priv=",  # its default does not exist here, and it would not start
        ]

    def install_command(self, data_dir):
        # MariaDB's installer makes this user; without names of hosts root@localhost is the socket's.
        init = Path(data_dir).with_name("init.sql")
        init.write_text(
            "CREATE USER root@'127.0.0.1';\n"
            "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        return [*self._command, "--initialize-insecure", f"--init-file={init}",
                f"--datadir={data_dir}"]

    def serve_command(self):
        return self._command
