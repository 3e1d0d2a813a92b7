use gateway_core::extract::{Args, EventName, RawArgs};
use gateway_core::prelude::*;
use gateway_core::{Rejection, ServerHandle};

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_server_event]
    fn reload(&self) {}

    #[on_server_event("a", "b.*")]
    async fn all(
        &self,
        _: Data<u8>,
        _: Args<(u8, u8)>,
        _: RawArgs,
        _: Bytes,
        _: EventName,
        _: State<ServerHandle>,
        _: Namespace,
        data: Result<Data<String>, Rejection>,
    ) -> Result<String, Exception> {
        Ok(data?.0)
    }

    #[gateway_core::cluster::on_server_event("of every other")]
    fn qualified(&self) -> Data<Vec<u8>> {
        Data(Vec::new())
    }
}
