//! Tomcat: a Java virtual machine that takes its time, and web archives that it unpacks and serves.

use std::time::Duration;

use super::files::{Served, clean, find};
use super::war::entries;
use super::{Process, Server, Step};
use crate::clock::date;
use crate::cri::LogStream;
use crate::network::{HttpRequest, HttpResponse, reason};

/// From the start of the virtual machine to its first line, and to the connector that listens.
const JVM_MILLIS: u64 = 450;
const DEPLOY_MILLIS: u64 = 900;
const READY_MILLIS: u64 = 2_150;
const MEMORY_BYTES: u64 = 118 << 20;

pub(super) fn step(server: &mut Server, process: &mut dyn Process) -> Step {
    let due = |millis| server.started_at + Duration::from_millis(millis);
    match server.phase {
        0 => {
            server.phase = 1;
            process.set_memory(32 << 20);
            let home = home(process);
            server.roots = vec![("webapps".to_owned(), format!("{home}/webapps"))];
            process.set_title(&format!(
                "java -Dcatalina.home={home} org.apache.catalina.startup.Bootstrap start"
            ));
            Step::Until(due(JVM_MILLIS))
        }
        1 => {
            server.phase = 2;
            let version = process.version();
            let logger = "org.apache.catalina.startup.VersionLoggerListener.log";
            log(process, logger, &format!("Server version name:   Apache Tomcat/{version}"));
            log(process, logger, "OS Name:               Linux");
            log(process, logger, "JVM Vendor:            Oracle Corporation");
            log(
                process,
                "org.apache.coyote.AbstractProtocol.init",
                "Initializing ProtocolHandler [\"http-nio-8080\"]",
            );
            log(
                process,
                "org.apache.catalina.startup.Catalina.load",
                "Server initialization in [410] milliseconds",
            );
            if !process.listen(8080) {
                let text = "Failed to initialize component [Connector[HTTP/1.1-8080]]: java.net.BindException: Address already in use";
                log(process, "org.apache.catalina.util.LifecycleBase.handleSubClassException", text);
                return Step::Exit(1);
            }
            // Bound, but not answering before all is deployed.
            process.close_ports();
            log(
                process,
                "org.apache.catalina.core.StandardService.startInternal",
                "Starting service [Catalina]",
            );
            let engine = format!("Starting Servlet engine: [Apache Tomcat/{version}]");
            log(process, "org.apache.catalina.core.StandardEngine.startInternal", &engine);
            process.set_memory(MEMORY_BYTES * 2 / 3);
            Step::Until(due(DEPLOY_MILLIS))
        }
        2 => {
            server.phase = 3;
            deploy(server, process, true);
            Step::Until(due(READY_MILLIS))
        }
        3 => {
            server.phase = 4;
            if !process.listen(8080) {
                return Step::Exit(1);
            }
            process.set_memory(MEMORY_BYTES);
            log(
                process,
                "org.apache.coyote.AbstractProtocol.start",
                "Starting ProtocolHandler [\"http-nio-8080\"]",
            );
            let took = READY_MILLIS - DEPLOY_MILLIS;
            log(
                process,
                "org.apache.catalina.startup.Catalina.start",
                &format!("Server startup in [{took}] milliseconds"),
            );
            Step::Wait
        }
        _ => Step::Wait,
    }
}

/// CATALINA_HOME, or where the start script lies.
fn home(process: &dyn Process) -> String {
    let script = process.argv().iter().find_map(|it| it.rsplit_once("/bin/").map(|it| it.0.to_owned()));
    script.or_else(|| process.env("CATALINA_HOME")).unwrap_or_else(|| "/usr/local/tomcat".to_owned())
}

/// Unpacks archives that have no directory yet.
fn deploy(server: &Server, process: &mut dyn Process, starting: bool) {
    let webapps = server.root("webapps").to_owned();
    let names = process.list(&webapps).unwrap_or_default();
    for name in names {
        if let Some(app) = name.strip_suffix(".war") {
            let target = format!("{webapps}/{app}");
            if process.list(&target).is_some() {
                continue;
            }
            let deployer = "org.apache.catalina.startup.HostConfig.deployWAR";
            log(process, deployer, &format!("Deploying web application archive [{webapps}/{name}]"));
            let bytes = process.read_file(&format!("{webapps}/{name}")).unwrap_or_default();
            for (path, content) in entries(&bytes) {
                process.write_file(&format!("{target}/{path}"), &content);
            }
            let text =
                format!("Deployment of web application archive [{webapps}/{name}] has finished in [612] ms");
            log(process, deployer, &text);
        } else if let Some(app) = name.strip_suffix('/').filter(|_| starting) {
            let deployer = "org.apache.catalina.startup.HostConfig.deployDirectory";
            log(process, deployer, &format!("Deploying web application directory [{webapps}/{app}]"));
        }
    }
}

pub(super) fn stop(process: &mut dyn Process) -> Step {
    log(process, "org.apache.coyote.AbstractProtocol.pause", "Pausing ProtocolHandler [\"http-nio-8080\"]");
    log(process, "org.apache.catalina.core.StandardService.stopInternal", "Stopping service [Catalina]");
    log(
        process,
        "org.apache.coyote.AbstractProtocol.destroy",
        "Destroying ProtocolHandler [\"http-nio-8080\"]",
    );
    // What the Java virtual machine returns when SIGTERM ends it.
    Step::Exit(143)
}

pub(super) fn answer(server: &Server, request: &HttpRequest, process: &mut dyn Process) -> HttpResponse {
    deploy(server, process, false);
    let webapps = server.root("webapps");
    let path = clean(&request.path);
    let app = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let known = !app.is_empty() && process.list(&format!("{webapps}/{app}")).is_some();
    let root = if known { webapps.to_owned() } else { format!("{webapps}/ROOT") };
    let hidden = path.contains("/WEB-INF") || path.contains("/META-INF");
    match find(&root, &path, &["index.html", "index.jsp"], process) {
        Served::File { bytes, kind, .. } if !hidden => {
            let kind = if kind == "application/octet-stream" { "text/html;charset=ISO-8859-1" } else { kind };
            HttpResponse::new(200, kind, bytes)
        }
        Served::Redirect(to) if !hidden => {
            HttpResponse { location: to, ..HttpResponse::new(302, "text/html", "") }
        }
        Served::File { .. } | Served::Redirect(_) | Served::Listing(_) | Served::NotFound => {
            error(404, &path, process)
        }
    }
}

fn error(status: u16, path: &str, process: &dyn Process) -> HttpResponse {
    let (words, version) = (reason(status), process.version());
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><title>HTTP Status {status} – {words}</title></head><body><h1>HTTP Status {status} – {words}</h1><hr class=\"line\" /><p><b>Type</b> Status Report</p><p><b>Message</b> The requested resource [{path}] is not available</p><p><b>Description</b> The origin server did not find a current representation for the target resource or is not willing to disclose that one exists.</p><hr class=\"line\" /><h3>Apache Tomcat/{version}</h3></body></html>"
    );
    HttpResponse::new(status, "text/html;charset=utf-8", body)
}

fn log(process: &mut dyn Process, logger: &str, text: &str) {
    let now = date(process.now());
    let level = if text.starts_with("Failed") { "SEVERE" } else { "INFO" };
    let line = if process.version().starts_with("7.") {
        // Two lines, as the older format has it.
        let (hour, half) = ((now.hour + 11) % 12 + 1, if now.hour < 12 { "AM" } else { "PM" });
        let method =
            logger.rsplit_once('.').map_or(logger.to_owned(), |(class, method)| format!("{class} {method}"));
        let time = format!("{hour}:{:02}:{:02} {half}", now.minute, now.second);
        format!("{} {}, {} {time} {method}\n{level}: {text}", now.month_name(), now.day, now.year)
    } else {
        let millis = now.micros / 1_000;
        let day = format!("{:02}-{}-{}", now.day, now.month_name(), now.year);
        format!("{day} {}.{millis:03} {level} [main] {logger} {text}", now.time())
    };
    process.print(LogStream::Stderr, &line);
}
