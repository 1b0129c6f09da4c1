//! Sleeping until an instant, or until directories change, whichever comes first.

use std::{io, path::Path};

use crate::domain::time::Timestamp;

/// A watch over directories: what happens there from its beginning on ends a sleep.
#[derive(Debug)]
pub struct Vigil {
    inner: system::Vigil,
}

impl Vigil {
    /// Watches `directories`, which must be there.
    pub fn over(directories: &[&Path]) -> io::Result<Self> {
        system::Vigil::over(directories).map(|inner| Self { inner })
    }

    /// Sleeps until `at` by the system's clock, also where that is set or the machine is suspended
    /// meanwhile; or until a file of theirs is removed, replaced or put.
    pub fn sleep(&self, at: Timestamp) -> io::Result<()> {
        self.inner.sleep(at)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::{io, os::fd::OwnedFd, path::Path};

    use rustix::{
        event::{PollFd, PollFlags, poll},
        fs::inotify::{self, CreateFlags, WatchFlags},
        io::{Errno, read},
        time::{
            Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
            timerfd_settime,
        },
    };

    use crate::domain::time::Timestamp;

    #[derive(Debug)]
    pub(super) struct Vigil {
        changes: Option<OwnedFd>,
        timer: OwnedFd,
    }

    impl Vigil {
        pub(super) fn over(directories: &[&Path]) -> io::Result<Self> {
            // A user may hold a hundred of these only; without one, the instant is waited for.
            let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok();
            let what = WatchFlags::DELETE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
            if let Some(changes) = &changes {
                for directory in directories {
                    inotify::add_watch(changes, *directory, what)?;
                }
            }
            let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
            let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
            Ok(Self { changes, timer })
        }

        pub(super) fn sleep(&self, at: Timestamp) -> io::Result<()> {
            let zero = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            // A little later, so that the instant has passed; and zero would disarm the timer.
            let millis = at.millis().max(0).saturating_add(1);
            let value = Timespec {
                tv_sec: millis / 1000,
                tv_nsec: millis % 1000 * 1_000_000,
            };
            let once = Itimerspec {
                it_interval: zero,
                it_value: value,
            };
            let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
            timerfd_settime(&self.timer, flags, &once)?;
            let both = self.changes.iter().chain([&self.timer]);
            let mut both: Vec<_> = both.map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            while let Err(error) = poll(&mut both, None) {
                if error != Errno::INTR {
                    return Err(error.into());
                }
            }
            self.changes.iter().for_each(drain);
            Ok(())
        }
    }

    /// What changed is not asked: whoever wakes looks at everything.
    fn drain(changes: &OwnedFd) {
        let mut events = [0_u8; 4096];
        while read(changes, &mut events).is_ok_and(|length| length > 0) {}
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::{io, path::Path, thread, time::Duration};

    use crate::{domain::time::Timestamp, platform::clock};

    /// Where nobody tells of changes, they are looked for this often.
    const LOOK: Duration = Duration::from_secs(30);

    #[derive(Debug)]
    pub(super) struct Vigil;

    impl Vigil {
        pub(super) fn over(_: &[&Path]) -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) fn sleep(&self, at: Timestamp) -> io::Result<()> {
            thread::sleep(at.left(clock::now()).min(LOOK));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;
    use crate::platform::{clock, files};

    #[test]
    fn a_change_ends_a_sleep_and_so_does_the_instant() {
        let directory = tempfile::tempdir().unwrap();
        let vigil = Vigil::over(&[directory.path()]).unwrap();
        files::write_passing(&directory.path().join("before"), b"").unwrap();
        let far = clock::now().after(Duration::from_hours(1));
        vigil.sleep(far).unwrap();
        vigil.sleep(clock::now()).unwrap();
        let (woken, told) = mpsc::channel();
        let sleeper = thread::spawn(move || {
            vigil.sleep(far).unwrap();
            woken.send(()).unwrap();
        });
        assert!(told.try_recv().is_err());
        files::remove(&directory.path().join("before")).unwrap();
        told.recv().unwrap();
        sleeper.join().unwrap();
    }
}
