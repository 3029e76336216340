//! What Weir does not start with, and that it says so: each time a sentence that names the place.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::audit::Audit;
use crate::disk::Disk;
use crate::process::Setup;
use crate::upstream::Upstream;

#[test]
fn a_second_weir_on_the_same_data_is_refused_and_the_first_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "", "");
    let first = setup.start();
    let mut connection = first.connect();
    let mut ids: Vec<_> = (0..3).map(|_| connection.chat(false).unwrap().id().unwrap()).collect();
    for _ in 0..3 {
        let said = setup.start_in_vain();
        assert!(said.contains("in use by another Weir") && said.contains(setup.data_dir.to_str().unwrap()), "{said}");
        ids.push(connection.chat(true).unwrap().id().unwrap());
    }
    first.stop();
    let audit = Audit::of(&setup.data_dir);
    assert_eq!((audit.count(|fact| fact.is_completed()), audit.facts.len()), (ids.len(), ids.len()));
}

#[test]
fn a_taken_port_is_named_with_the_flag_that_changes_it() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let setup = |name| Setup::new(root.path(), &root.path().join(name), upstream.address, "", "");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    // A Weir shares its ports among its threads, and not with another Weir.
    let first = setup("first").start();
    for address in [taken.local_addr().unwrap(), first.callers, first.operators] {
        let port = format!("port {} is taken", address.port());
        let said = setup("second").with_listen(address).start_in_vain();
        assert!(said.contains(&port) && said.contains("--listen"), "{said}");
        let said = setup("second").with_admin_listen(address).start_in_vain();
        assert!(said.contains(&port) && said.contains("--admin-listen"), "{said}");
    }
    assert!(!root.path().join("second").exists(), "nothing is written before the ports are there");
    first.stop();
}

#[test]
fn a_directory_of_a_newer_weir_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "", "");
    setup.start().stop();
    let newer = store::data_dir::VERSION + 1;
    fs::write(setup.data_dir.join("version"), format!("{newer}\n")).unwrap();
    let said = setup.start_in_vain();
    let sentence = format!("has layout version {newer}");
    assert!(said.contains(&sentence) && said.contains("use the newer Weir"), "{said}");
    assert!(said.contains(setup.data_dir.to_str().unwrap()), "{said}");
    fs::write(setup.data_dir.join("version"), "of something else\n").unwrap();
    let said = setup.start_in_vain();
    assert!(said.contains("is not a Weir data directory"), "{said}");
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let new = Setup::new(root.path(), &root.path().join("disk/new"), upstream.address, "max_in_flight = 16", "");
    let used = new.with_data_dir(&root.path().join("disk/used"));
    let start = || {
        let weir = used.start();
        weir.connect().chat(false).unwrap();
        weir.stop();
    };
    let (_disk, why) = if rustix::process::getuid().is_root() {
        // Permissions do not hold for root.
        let test = "refusal::a_directory_that_cannot_be_written_to_is_named";
        let Some(disk) = Disk::mount(&root.path().join("disk"), "4m", test) else { return };
        start();
        disk.make_read_only();
        (Some(disk), "Read-only file system")
    } else {
        start();
        for (path, mode) in [("disk/used/lock", 0o400), ("disk", 0o500)] {
            fs::set_permissions(root.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
        (None, "Permission denied")
    };
    for setup in [new, used] {
        let said = setup.start_in_vain();
        assert!(said.contains(why) && said.contains(setup.data_dir.to_str().unwrap()), "{said}");
    }
    // So that it can be removed.
    let _ = fs::set_permissions(root.path().join("disk"), fs::Permissions::from_mode(0o700));
}
