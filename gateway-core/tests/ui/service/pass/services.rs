use std::convert::Infallible;
use std::sync::Arc;

use gateway_core::extract::PerSocket;
use gateway_core::prelude::*;
use gateway_core::{ServerHandle, SocketId};

struct Pool;

struct Visit(SocketId);

async fn connect(services: gateway_core::Services) -> Result<Arc<Pool>, Box<dyn std::error::Error>> {
    let _: ServerHandle = services.get().await?;
    Ok(Arc::new(Pool))
}

#[gateway(namespace = "/services")]
struct Services {
    pool: Arc<Pool>,
}

#[gateway]
impl Services {
    #[subscribe]
    fn read(&self, pool: State<Arc<Pool>>, visit: PerSocket<Visit>) -> String {
        assert!(Arc::ptr_eq(&pool, &self.pool));
        visit.0.0.to_string()
    }
}

#[test]
fn services_are_found_before_the_start() {
    let server = Server::empty()
        .gateway::<Services>()
        .provide_with(connect)
        .provide_with(async |_| Ok::<u8, Infallible>(1))
        .provide_with(|services| async move { services.get::<u8>().await.map(u16::from) })
        .provide_per_socket(async |socket: Socket, _| Ok::<_, ConnectRejection>(Visit(socket.id().clone())));
    assert!(server.check().is_ok());
}
