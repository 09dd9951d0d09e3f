//! Who can log in to the demo, and the app that they can let in.

use consent::{Permit, Purpose};
use secrecy::SecretString;

use super::app::{CLIENT, SCOPES};
use crate::cli::Stop;
use crate::gateway::Gateway;
use crate::logins;
use crate::store::accounts::{New as NewAccount, Role};
use crate::store::clients::{Change, New as NewClient};

/// Login, name, role, and who that is in the record.
pub(super) const PEOPLE: [(&str, &str, Role, &str); 2] = [
    ("patient", "The first patient", Role::Patient, "Patient/p0001"),
    ("clinician", "Ramon de la Cruz", Role::Doctor, "Practitioner/np-delacruz"),
];
/// Who added them.
const BY: &str = "the demo";
/// Their links are not used.
const LASTING: std::time::Duration = std::time::Duration::from_secs(1);

/// A password for all of them, which fits what is asked of passwords.
pub(super) fn password(gateway: &Gateway) -> SecretString {
    let letters: String = gateway.ids.next().replace('-', "").chars().take(12).collect();
    format!("Demo-{letters}-7").into()
}

/// The people, with this password from now on; and the app, which is answered at this address.
pub(super) async fn prepare(
    gateway: &Gateway,
    permit: &Permit,
    password: &SecretString,
    app: &str,
) -> Result<(), Stop> {
    let hash = logins::hash(password).ok_or_else(|| Stop::failed("no password could be made"))?;
    for (login, name, role, actor) in PEOPLE {
        let store = &gateway.store;
        if store.account_of_login(login).await?.is_none() {
            let new = NewAccount {
                id: gateway.ids.next(),
                login: login.to_owned(),
                name: name.to_owned(),
                roles: vec![role],
                actors: vec![actor.to_owned()],
            };
            store.add_account(permit, new, LASTING, BY).await?;
        }
        let account = store
            .account_of_login(login)
            .await?
            .ok_or_else(|| Stop::failed(format!("the demo's account {login} has gone")))?;
        if !store.set_password(&account, &hash, None).await? {
            return Err(Stop::failed(format!("the demo's account {login} was changed or disabled")));
        }
    }
    register(gateway, permit, app).await
}

/// The app, at the address that it has this time.
async fn register(gateway: &Gateway, permit: &Permit, app: &str) -> Result<(), Stop> {
    let redirects = vec![app.to_owned()];
    let known = gateway.store.clients(permit).await?.into_iter().find(|client| &*client.id == CLIENT);
    match known {
        Some(client) if client.redirects == redirects => {}
        Some(_) => {
            let change = Change { redirects: Some(redirects), ..Change::default() };
            gateway.store.change_client(permit, CLIENT, change, BY).await?;
        }
        None => {
            let new = NewClient {
                id: CLIENT.to_owned(),
                name: "My record (demo app)".to_owned(),
                keys: None,
                public: true,
                provider: None,
                redirects,
                scopes: SCOPES.to_owned(),
                purposes: vec![Purpose::Patrqt, Purpose::Treat],
                default_purpose: Some(Purpose::Treat),
                actors: Vec::new(),
                officer: false,
                networks: Vec::new(),
                exchanges: Vec::new(),
                administrator: false,
            };
            gateway.store.add_client(permit, new, BY).await?;
        }
    }
    Ok(())
}
