//! A small file system of its own, which a test can fill, free and break. Only root can mount one.

use std::{
    fs::{self, File, Permissions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{
    home::run,
    skip::skip,
    whereabouts::{is_root, program},
};

/// A mounted file system; unmounted with this value, which must outlive whoever uses it.
pub(crate) struct Disk {
    at: PathBuf,
    directory: TempDir,
}

impl Disk {
    /// One in memory, of that many mebibytes.
    pub(crate) fn in_memory(mebibytes: u32) -> Option<Self> {
        let size = format!("size={mebibytes}m,mode=700");
        Self::mount(|_| {
            Some(vec![
                "-t".into(),
                "tmpfs".into(),
                "-o".into(),
                size,
                "tmpfs".into(),
            ])
        })
    }

    /// One of ext4 in a file, which the kernel remounts read-only at the first error.
    pub(crate) fn ext4(mebibytes: u64) -> Option<Self> {
        let Some(make) = program("mke2fs", None) else {
            skip("mke2fs is missing (Debian: e2fsprogs)");
            return None;
        };
        Self::mount(|directory| {
            let image = directory.join("image");
            let file = File::create(&image).expect("an image");
            file.set_len(mebibytes << 20).expect("its size");
            // With a journal its error would be final.
            let formatted = run(Command::new(&make)
                .args(["-q", "-F", "-t", "ext4", "-O", "^has_journal"])
                .arg(&image));
            assert_eq!(formatted.code, 0, "{formatted:?}");
            let image = image.display().to_string();
            Some(vec!["-o".into(), "loop,errors=remount-ro".into(), image])
        })
    }

    fn mount(source: impl FnOnce(&Path) -> Option<Vec<String>>) -> Option<Self> {
        if !is_root() {
            skip("only root can mount a small file system");
            return None;
        }
        let directory = TempDir::new().expect("temporary directory");
        let at = directory.path().join("mounted");
        fs::create_dir(&at).expect("a directory");
        let args = source(directory.path())?;
        let mounted = run(Command::new("mount").args(args).arg(&at));
        if mounted.code != 0 {
            skip(&format!(
                "nothing can be mounted here: {}",
                mounted.stderr.trim()
            ));
            return None;
        }
        fs::set_permissions(&at, Permissions::from_mode(0o700)).expect("chmod");
        Some(Self { at, directory })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.at
    }

    /// Has a directory of that name lead to it.
    pub(crate) fn link_from(&self, name: &Path) {
        fs::create_dir_all(name.parent().expect("a directory")).expect("directories");
        symlink(&self.at, name).expect("a link");
    }

    /// Has nobody write to it any more.
    pub(crate) fn seal(&self) {
        let ran = run(Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.at));
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.ballast()).expect("a file");
        for size in [1 << 16, 1 << 10, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Gives the space back.
    pub(crate) fn free(&self) {
        fs::remove_file(self.ballast()).expect("the ballast");
    }

    fn ballast(&self) -> PathBuf {
        self.at.join("ballast")
    }

    /// Has the kernel find an error in it, so that it is read-only from now on. Only of ext4.
    pub(crate) fn fail(&self) {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
        let line = mounts
            .lines()
            .find(|line| line.contains(&*self.at.to_string_lossy()))
            .expect("it is mounted");
        let device = line.split(' ').next().expect("a device");
        let device = device.trim_start_matches("/dev/");
        let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
        fs::write(trigger, "a test").expect("an error");
    }

    /// Repairs it, as somebody does after such an error, once nobody uses it.
    pub(crate) fn repair(&self) {
        self.unmount();
        let image = self.directory.path().join("image");
        let checked = run(Command::new("e2fsck").arg("-fy").arg(&image));
        assert!(checked.code < 4, "{checked:?}");
        let mut mount = Command::new("mount");
        let mounted = run(mount.args(["-o", "loop"]).arg(image).arg(&self.at));
        assert_eq!(mounted.code, 0, "{mounted:?}");
    }

    fn unmount(&self) {
        let ran = run(Command::new("umount").arg("--lazy").arg(&self.at));
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}
