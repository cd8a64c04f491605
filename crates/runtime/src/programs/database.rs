//! Redis, MySQL and PostgreSQL: they start with their own lines, listen, and refuse to start without a password.

use std::time::Duration;

use super::{Process, Program, Server, Step, flag};
use crate::clock::date;
use crate::cri::LogStream;
use crate::kernel::signal;

pub(super) fn step_redis(server: &mut Server, process: &mut dyn Process) -> Step {
    let argv = process.argv().to_vec();
    let port = flag(&argv, &["--port"]).and_then(|it| it.parse().ok()).unwrap_or(6379);
    let (pid, version) = (process.pid(), process.version());
    let lines = [
        ('C', "* oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo".to_owned()),
        ('C', format!("* Redis version={version}, bits=64, commit=00000000, modified=0, pid={pid}, just started")),
        ('C', "# Warning: no config file specified, using the default config. In order to specify a config file use redis-server /path/to/redis.conf".to_owned()),
        ('M', "* monotonic clock: POSIX clock_gettime".to_owned()),
    ];
    for (role, line) in lines {
        redis_log(process, role, &line);
    }
    if !process.listen(port) {
        let line = format!(
            "# Warning: Could not create server TCP listening socket *:{port}: bind: Address already in use"
        );
        redis_log(process, 'M', &line);
        redis_log(process, 'M', &format!("# Failed listening on port {port} (tcp), aborting."));
        return Step::Exit(1);
    }
    redis_log(process, 'M', &format!("* Running mode=standalone, port={port}."));
    redis_log(process, 'M', "* Server initialized");
    redis_log(process, 'M', "* Ready to accept connections tcp");
    process.set_title(&format!("redis-server *:{port}"));
    process.set_memory(9 << 20);
    server.phase = 1;
    Step::Wait
}

fn redis_log(process: &mut dyn Process, role: char, text: &str) {
    let (now, pid) = (date(process.now()), process.pid());
    let (day, month) = (now.day, now.month_name());
    let line =
        format!("{pid}:{role} {day:02} {month} {} {}.{:03} {text}", now.year, now.time(), now.micros / 1_000);
    process.print(LogStream::Stdout, &line);
}

/// How long a first start works on its data directory.
const MYSQL_INIT: Duration = Duration::from_secs(8);
const MYSQL_START: Duration = Duration::from_secs(2);

pub(super) fn step_mysql(server: &mut Server, process: &mut dyn Process) -> Step {
    let version = process.version();
    match server.phase {
        0 => {
            let started = format!("Entrypoint script for MySQL Server {version}-1.el9 started.");
            mysql_log(process, "Note", &started);
            mysql_log(process, "Note", "Switching to dedicated user 'mysql'");
            mysql_log(process, "Note", &started);
            process.set_memory(12 << 20);
            let fresh = process.list("/var/lib/mysql/mysql").is_none();
            let names = [
                "MYSQL_ROOT_PASSWORD",
                "MYSQL_ALLOW_EMPTY_PASSWORD",
                "MYSQL_RANDOM_ROOT_PASSWORD",
                "MARIADB_ROOT_PASSWORD",
                "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD",
            ];
            let given = names.iter().any(|it| process.env(it).is_some_and(|it| !it.is_empty()));
            if fresh && !given {
                mysql_log(
                    process,
                    "ERROR",
                    "Database is uninitialized and password option is not specified\n    You need to specify one of the following as an environment variable:\n    - MYSQL_ROOT_PASSWORD\n    - MYSQL_ALLOW_EMPTY_PASSWORD\n    - MYSQL_RANDOM_ROOT_PASSWORD",
                );
                return Step::Exit(1);
            }
            server.phase = 1;
            if !fresh {
                return Step::Until(process.now() + MYSQL_START);
            }
            mysql_log(process, "Note", "Initializing database files");
            process.set_memory(96 << 20);
            Step::Until(process.now() + MYSQL_INIT)
        }
        1 => {
            if process.list("/var/lib/mysql/mysql").is_none() {
                process.write_file("/var/lib/mysql/mysql/db.opt", b"default-character-set=utf8mb4\n");
                process.write_file("/var/lib/mysql/ibdata1", b"");
                mysql_log(process, "Note", "Database files initialized");
                mysql_log(process, "Note", "MySQL init process done. Ready for start up.");
            }
            if !process.listen(3306) {
                server_log(
                    process,
                    "ERROR",
                    "MY-010262",
                    "Can't start server: Bind on TCP/IP port: Address already in use",
                );
                return Step::Exit(1);
            }
            process.listen(33060);
            let ready = format!(
                "/usr/sbin/mysqld: ready for connections. Version: '{version}'  socket: '/var/run/mysqld/mysqld.sock'  port: 3306  MySQL Community Server - GPL."
            );
            server_log(process, "System", "MY-010931", &ready);
            process.set_title("mysqld");
            process.set_memory(118 << 20);
            server.phase = 2;
            Step::Wait
        }
        _ => Step::Wait,
    }
}

fn mysql_log(process: &mut dyn Process, level: &str, text: &str) {
    let time = date(process.now()).plain('-', " ");
    process.print(LogStream::Stdout, &format!("{time}+00:00 [{level}] [Entrypoint]: {text}"));
}

fn server_log(process: &mut dyn Process, level: &str, code: &str, text: &str) {
    let now = date(process.now());
    let time = now.plain('-', "T");
    process
        .print(LogStream::Stderr, &format!("{time}.{:06}Z 0 [{level}] [{code}] [Server] {text}", now.micros));
}

const POSTGRES_NO_PASSWORD: &str = "Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, \"-e POSTGRES_PASSWORD=password\" on \"docker run\".

       You may also use \"POSTGRES_HOST_AUTH_METHOD=trust\" to allow all
       connections without a password. This is *not* recommended.

       See PostgreSQL documentation about \"trust\":
       https://www.postgresql.org/docs/current/auth-trust.html";

pub(super) fn step_postgres(server: &mut Server, process: &mut dyn Process) -> Step {
    let data = process.env("PGDATA").unwrap_or_else(|| "/var/lib/postgresql/data".to_owned());
    let fresh = process.read_file(&format!("{data}/PG_VERSION")).is_none();
    match server.phase {
        0 => {
            let given = ["POSTGRES_PASSWORD", "POSTGRES_HOST_AUTH_METHOD"];
            if fresh && !given.iter().any(|it| process.env(it).is_some_and(|it| !it.is_empty())) {
                process.print(LogStream::Stderr, POSTGRES_NO_PASSWORD);
                return Step::Exit(1);
            }
            server.phase = 1;
            if !fresh {
                process.print(LogStream::Stdout, "\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n");
                return Step::Until(process.now() + Duration::from_millis(250));
            }
            process.print(LogStream::Stdout, "The files belonging to this database system will be owned by user \"postgres\".\nThis user must also own the server process.\n");
            process.print(
                LogStream::Stdout,
                &format!(
                    "fixing permissions on existing directory {data} ... ok\ncreating subdirectories ... ok"
                ),
            );
            process.set_memory(20 << 20);
            Step::Until(process.now() + Duration::from_millis(1_800))
        }
        1 => {
            if fresh {
                let version = process.version();
                let major = version.split('.').next().unwrap_or("18");
                process.write_file(&format!("{data}/PG_VERSION"), format!("{major}\n").as_bytes());
                process.print(LogStream::Stdout, "PostgreSQL init process complete; ready for start up.\n");
            }
            let version = process.version();
            postgres_log(process, &format!("starting PostgreSQL {version} on x86_64-pc-linux-gnu"));
            if !process.listen(5432) {
                postgres_log(process, "could not bind IPv4 address \"0.0.0.0\": Address already in use");
                process.print(LogStream::Stderr, "FATAL:  could not create any TCP/IP sockets");
                return Step::Exit(1);
            }
            postgres_log(process, "listening on IPv4 address \"0.0.0.0\", port 5432");
            postgres_log(process, "database system is ready to accept connections");
            process.set_title("postgres");
            for title in ["postgres: checkpointer", "postgres: background writer", "postgres: walwriter"] {
                process.worker(title, "postgres");
            }
            process.set_memory(34 << 20);
            server.phase = 2;
            Step::Wait
        }
        _ => Step::Wait,
    }
}

fn postgres_log(process: &mut dyn Process, text: &str) {
    let (now, pid) = (date(process.now()), process.pid());
    let time = now.plain('-', " ");
    process.print(LogStream::Stderr, &format!("{time}.{:03} UTC [{pid}] LOG:  {text}", now.micros / 1_000));
}

pub(super) fn stop(server: &Server, number: u8, process: &mut dyn Process) -> Step {
    match server.program {
        Program::Redis => {
            let name = if number == signal::INT { "SIGINT" } else { "SIGTERM" };
            let pid = process.pid();
            let now = crate::clock::unix_seconds(process.now());
            let line = format!("{pid}:signal-handler ({now}) Received {name} scheduling shutdown...");
            process.print(LogStream::Stdout, &line);
            for line in [
                "* User requested shutdown...",
                "* Saving the final RDB snapshot before exiting.",
                "* DB saved on disk",
                "# Redis is now ready to exit, bye bye...",
            ] {
                redis_log(process, 'M', line);
            }
        }
        Program::Mysql => {
            let text = "Received SHUTDOWN from user <via user signal>. Shutting down mysqld (Version: ";
            let line = format!("{text}{}).", process.version());
            server_log(process, "System", "MY-013172", &line);
            server_log(
                process,
                "System",
                "MY-010910",
                "/usr/sbin/mysqld: Shutdown complete (mysqld)  MySQL Community Server - GPL.",
            );
        }
        _ => {
            postgres_log(process, "received fast shutdown request");
            postgres_log(process, "database system is shut down");
        }
    }
    Step::Exit(0)
}
