use gateway_core::prelude::*;

#[derive(Debug, thiserror::Error, Exception)]
#[error("closed")]
struct Closed;

#[gateway(namespace = "/one")]
struct One;

#[gateway]
impl One {
    #[on_init]
    async fn start(&self) -> Result<(), std::io::Error> {
        Ok(())
    }

    #[on_connect]
    async fn joined(&self, _socket: Socket, _handshake: Handshake) -> Result<(), Closed> {
        Err(Closed)
    }

    #[on_disconnect]
    async fn left(&self, _socket: Socket, _why: DisconnectReason) {}
}

#[gateway(namespace = "/two")]
struct Two;

#[gateway]
impl Two {
    #[on_init]
    fn start(&self) {}

    #[on_connect]
    fn joined(&self) -> Result<(), ConnectRejection> {
        Ok(())
    }

    #[on_connect]
    fn greeted(&self) {}

    #[on_disconnect]
    fn left(&self) -> Result<(), Closed> {
        Err(Closed)
    }
}
