//! Kubeconfigs that somebody else changed after setup.

use super::desk::{CANONICAL, Desk};

#[test]
fn what_kubectl_has_written_anew_is_undone_by_its_names() {
    let desk = Desk::with(CANONICAL);
    desk.set_up().unwrap();
    let text = desk.config().unwrap();
    let kept = text.lines().filter(|line| !line.trim().starts_with('#'));
    let rewritten = kept.collect::<Vec<_>>().join("\n") + "\n";
    let rewritten = rewritten.replace("current-context: prod", "current-context: prod:edit");
    desk.put(".kube/config", &rewritten);
    // Set up again: the marks are back.
    let again = desk.set_up().unwrap();
    assert!(
        again.notes[0].contains("was rewritten since setup"),
        "{again:?}"
    );
    assert!(desk.config().unwrap().contains("#jit#     user: me\n"));
    desk.put(".kube/config", &rewritten);
    let undone = desk.undo();
    assert!(undone.notes[0].contains("backups"), "{undone:?}");
    let wanted = CANONICAL.replace("current-context: prod", "current-context: prod:edit");
    assert_eq!((desk.config(), desk.litter()), (Some(wanted), 0));
    // Where nobody knows what was there, nothing that works is taken away.
    desk.put(".kube/config", &rewritten);
    let undone = desk.undo();
    assert!(
        undone
            .notes
            .iter()
            .any(|note| note.contains("keeps jit's user")),
        "{undone:?}"
    );
    assert_eq!(desk.config(), Some(rewritten));
}

#[test]
fn a_file_of_ours_goes_even_if_kubectl_wrote_it_anew() {
    let desk = Desk::new();
    desk.set_up().unwrap();
    let text = desk.config().unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    desk.put(".kube/config", &format!("{}\n", kept.join("\n")));
    desk.undo();
    assert_eq!((desk.config(), desk.litter()), (None, 0));
}

#[test]
fn a_torn_block_is_named_and_stays() {
    let desk = Desk::with(CANONICAL);
    desk.set_up().unwrap();
    let torn = desk
        .config()
        .unwrap()
        .replacen("# <<< jit setup kubernetes <<<\n", "", 1);
    desk.put(".kube/config", &torn);
    let failure = desk.set_up().unwrap_err();
    assert!(failure.message.contains("is not whole"), "{failure:?}");
    assert!(failure.message.contains(".kube/config: "), "{failure:?}");
    assert_eq!(desk.config(), Some(torn));
}
