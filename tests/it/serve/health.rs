//! Whether a server is ready, while its database goes and comes back.

use crate::support::{
    Access, Postgres, Serve, until,
    web::{CATALOGUE, POLICIES},
};

#[test]
fn a_server_without_its_database_is_there_and_not_ready() {
    let Some(mut postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let serve = Serve::start_on(&postgres.owner_url(), CATALOGUE, POLICIES);
    let site = serve.site();
    assert_eq!(site.get("/readyz").status, 200);
    postgres.stop();
    let away = site.get("/readyz");
    assert_eq!(away.status, 503, "{away:?}");
    assert_eq!(away.json()["type"], "urn:jit:away");
    assert!(away.header("retry-after").is_some());
    assert_eq!(site.get("/healthz").status, 200);
    postgres.start_again();
    until("the server to be ready again", || {
        (site.get("/readyz").status == 200).then_some(())
    });
}
