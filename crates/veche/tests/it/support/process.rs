//! The examples as processes of their own.

use std::{
    hash::{BuildHasher, RandomState},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command},
};

use super::until;

/// A running example; killed when it goes.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts an example on a free port, and waits until it listens. `shell` is run before it in the same
    /// process, such as `ulimit -n 64;`.
    pub(crate) async fn example(name: &str, shell: &str) -> Self {
        let port = free_port();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell} exec \"$0\""), &path(name).display().to_string()]);
        let child = command.env("PORT", port.to_string()).spawn().expect("a shell");
        let mut process = Self { child, address: ([127, 0, 0, 1], port).into() };
        until(|| {
            let ended = process.child.try_wait().expect("a child");
            assert!(ended.is_none(), "{name} ended: {ended:?}");
            TcpStream::connect(process.address).is_ok()
        })
        .await;
        process
    }

    /// Whether it holds every descriptor below this one.
    pub(crate) fn holds_descriptors(&self, below: u32) -> bool {
        let folder = PathBuf::from(format!("/proc/{}/fd", self.child.id()));
        // What a descriptor leads to is a socket's or a pipe's name, and no file.
        (0..below).all(|number| folder.join(number.to_string()).is_symlink())
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(killed.expect("kill").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that the system gives to nobody by itself, so that no test beside this one can be given it before
/// the example has it.
fn free_port() -> u16 {
    let somewhere = RandomState::new().hash_one(std::process::id());
    let ports = (0..10_000).map(|next| 20_000 + (somewhere.wrapping_add(next) % 10_000) as u16);
    let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("a free port")
}

/// Where cargo put an example, which it builds before it runs a package's tests.
fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let profile = test.ancestors().nth(2).expect("tests lie in deps of a profile's folder");
    let path = profile.join("examples").join(name);
    assert!(path.exists(), "{} is not built: run `cargo test -p veche`", path.display());
    path
}
