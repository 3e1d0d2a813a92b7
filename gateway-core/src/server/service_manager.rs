//! Notices to the service manager that started the process (`sd_notify(3)`): that the server is ready, and that it stops.

use std::io;

/// The variable with the address of the manager's socket.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// The server has opened its ports: units of `Type=notify` count as started.
pub(crate) fn notify_ready() {
    notify("READY=1\n");
}

/// The server begins to stop.
pub(crate) fn notify_stopping() {
    notify("STOPPING=1\n");
}

fn notify(state: &str) {
    let Some(address) = std::env::var_os(NOTIFY_SOCKET).filter(|address| !address.is_empty()) else { return };
    if let Err(error) = send(&address, state) {
        tracing::warn!(%error, state = state.trim_end(), "the service manager was not told");
    }
}

#[cfg(unix)]
fn send(address: &std::ffi::OsStr, state: &str) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixDatagram;

    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not hold up a server.
    socket.set_nonblocking(true)?;
    match address.as_bytes() {
        [b'/', ..] => socket.send_to(state.as_bytes(), address)?,
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt;

            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            socket.send_to_addr(state.as_bytes(), &address)?
        }
        _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "NOTIFY_SOCKET is no Unix socket")),
    };
    Ok(())
}

#[cfg(not(unix))]
fn send(_: &std::ffi::OsStr, _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
