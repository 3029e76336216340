//! nginx as upstream and as baseline, each in a directory of its own; the system's nginx is never touched.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;

use crate::http::ANSWER;
use crate::lab::{Lab, Process, Seat, free_port};

const UPSTREAM: &str = include_str!("../nginx/upstream.conf");
const PROXY: &str = include_str!("../nginx/proxy.conf");

/// The provider of the unary runs.
pub(crate) fn start_upstream(lab: &Lab) -> Result<(Process, SocketAddr)> {
    start(lab, "upstream", Seat::Others, &UPSTREAM.replace("@ANSWER@", ANSWER.trim_end()))
}

/// The baseline in front of `upstream`.
pub(crate) fn start_proxy(lab: &Lab, upstream: SocketAddr, buffering: bool) -> Result<(Process, SocketAddr)> {
    let config = PROXY
        .replace("@UPSTREAM_PORT@", &upstream.port().to_string())
        .replace("@BUFFERING@", if buffering { "on" } else { "off" });
    start(lab, "nginx", Seat::Proxy, &config)
}

fn start(lab: &Lab, name: &str, seat: Seat, config: &str) -> Result<(Process, SocketAddr)> {
    let directory = lab.directory(name)?;
    let port = free_port()?;
    let file = directory.join("nginx.conf");
    fs::write(&file, config.replace("@PORT@", &port.to_string()))?;
    // `-e stderr`: until the config is read, nginx would write to the system's log.
    let args = ["-e", "stderr", "-p"].map(OsStr::new).into_iter().chain([
        directory.as_os_str(),
        OsStr::new("-c"),
        file.as_os_str(),
    ]);
    let args: Vec<&OsStr> = args.collect();
    let mut process = lab.start(seat, &lab.nginx, &args, &directory)?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    process.wait_for(addr)?;
    Ok((process, addr))
}
