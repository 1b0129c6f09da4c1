//! Files that others own or may write, and files that are written whole or not at all.

use std::os::unix::fs::{lchown, symlink};

use super::*;

#[test]
fn a_private_file_is_private_and_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lease");
    write_private(&path, b"one").unwrap();
    write_private(&path, b"two").unwrap();
    assert_eq!(read_private(&path).unwrap().unwrap(), b"two");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        1,
        "a temporary file stayed"
    );
}

#[test]
fn a_shared_file_is_refused_with_the_command_that_mends_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lease");
    write_public(&path, b"one").unwrap();
    let failure = read_private(&path).unwrap_err();
    assert_eq!(failure.hint, format!("run: chmod 600 '{}'", path.display()));
}

#[test]
fn a_file_that_others_may_write_is_not_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authority.toml");
    write_public(&path, b"").unwrap();
    assert_eq!(read_trusted(&path).unwrap().unwrap(), "");
    fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
    let failure = read_trusted(&path).unwrap_err();
    assert_eq!(
        failure.hint,
        format!("run: chmod go-w '{}'", path.display())
    );
}

#[test]
fn a_directory_is_ours_alone_also_behind_a_link() {
    let base = tempfile::tempdir().unwrap();
    let (real, link) = (base.path().join("a/b"), base.path().join("link"));
    private_directory(&real).unwrap();
    assert_eq!(fs::metadata(&real).unwrap().mode() & 0o777, 0o700);
    symlink(&real, &link).unwrap();
    private_directory(&link).unwrap();
    if geteuid().is_root() {
        lchown(&link, Some(12345), None).unwrap();
        let failure = private_directory(&link).unwrap_err();
        assert!(failure.message.ends_with("is a link of another user"));
    }
    fs::set_permissions(&real, Permissions::from_mode(0o750)).unwrap();
    assert!(
        private_directory(&real)
            .unwrap_err()
            .hint
            .contains("chmod 700")
    );
}

#[test]
fn nothing_is_made_below_a_directory_of_somebody_else() {
    let base = tempfile::tempdir().unwrap();
    let theirs = base.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    assert!(refuse_foreign_ground(&theirs.join("a/b")).is_ok());
    if geteuid().is_root() {
        lchown(&theirs, Some(12345), None).unwrap();
        let failure = private_directory(&theirs.join("a/b")).unwrap_err();
        assert!(
            failure.message.ends_with("theirs belongs to another user"),
            "{failure:?}"
        );
        assert!(failure.hint.contains("sudo -u '#12345'"), "{failure:?}");
        assert!(!theirs.join("a").exists());
    }
}

#[test]
fn an_absent_file_is_none_and_removing_it_is_no_error() {
    let path = Path::new("/nonexistent/lease");
    assert!(read_private(path).unwrap().is_none());
    assert!(read(path).unwrap().is_none());
    remove(path).unwrap();
}
