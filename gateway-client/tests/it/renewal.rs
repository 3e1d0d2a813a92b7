//! New credentials of a client on its open connection.

use std::time::Duration;

use gateway_client::Status;
use gateway_core::Server;
use gateway_core::prelude::{Auth, Exception, Grant, Guard, GuardContext, gateway, subscribe};
use tokio::time::{Instant, sleep};

use crate::memory::serve;

/// Credentials are a name; each is good for a minute.
#[derive(Default)]
struct Named;

impl Guard for Named {
    type Grants = String;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<String>, Exception> {
        let name: String = context.handshake().auth()?;
        if name == "mallory" {
            return Err(Exception::unauthorized());
        }
        Ok(Grant::with(name).expires(Instant::now() + Duration::from_mins(1)))
    }

    fn renews(&self) -> bool {
        true
    }
}

#[gateway(namespace = "/named")]
#[guard(Named)]
struct Names;

#[gateway]
impl Names {
    #[subscribe]
    fn whoami(&self, name: Auth<String>) -> String {
        name.0.to_string()
    }
}

#[tokio::test(start_paused = true)]
async fn new_credentials_are_presented_on_the_open_connection() {
    let (network, _server) = serve(Server::empty().gateway::<Names>()).await;
    let client = network.client("/named").auth("ann").build().unwrap();
    assert_eq!(client.request::<String>("whoami", &()).await.unwrap(), "ann");
    sleep(Duration::from_secs(50)).await;
    client.renew("bob").await.unwrap();
    sleep(Duration::from_secs(50)).await;
    assert_eq!(client.request::<String>("whoami", &()).await.unwrap(), "bob");

    assert_eq!(client.renew("mallory").await.unwrap_err().code(), "unauthorized");
    let mut status = client.watch();
    let Status::Closed(closed) = &*status.wait_for(|status| matches!(status, Status::Closed(_))).await.unwrap() else {
        unreachable!()
    };
    assert_eq!((closed.code, &*closed.reason), (4500, "refused"));
}
