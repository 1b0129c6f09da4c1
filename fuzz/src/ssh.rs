//! SSH: certificates and keys, and what clients ask the private agent.

use jit::{app::agent, domain::credential::Secret, issuers::ssh_host::HostKey};
use ssh_agent_lib::{
    proto::Request,
    ssh_encoding::{Decode as _, Encode as _},
    ssh_key::Certificate,
};

use crate::{answers, ground::text};

/// A host's public key in one line, a user's certificate, and one for a database.
pub(crate) fn certificate(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else {
        return;
    };
    match which % 3 {
        0 => answers::ssh_certificate(rest),
        1 => answers::database_certificate(rest),
        _ => {
            let Some(line) = text(rest) else { return };
            if let Ok(key) = HostKey::parse(line) {
                assert!(key.fingerprint().starts_with("SHA256:"));
            }
            drop(Certificate::from_openssh(line));
            let secret = serde_json::to_value(Secret::SshCertificate(line.to_owned()));
            answers::is_taken(answers::ASKED[0], &secret.expect("JSON"));
        }
    }
}

/// A message to the agent, and what it would sign.
pub(crate) fn agent(data: &[u8]) {
    if let Some(user) = agent::login(data) {
        // A request for authentication names its user once, behind the session's id.
        assert!(data.len() > user.len() + 4);
    }
    let Ok(request) = Request::decode(&mut &*data) else {
        return;
    };
    if let Request::SignRequest(request) = &request {
        let _login = agent::login(&request.data);
    }
    let mut written = Vec::new();
    if request.encode(&mut written).is_ok() {
        let again = Request::decode(&mut &*written).expect("what was written is read");
        let mut twice = Vec::new();
        again.encode(&mut twice).expect("it was written before");
        assert_eq!(written, twice);
    }
}
