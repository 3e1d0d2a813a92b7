use gateway_core::prelude::*;
#[tokio::main]
async fn main() -> Result<(), StartError> {
    Server::new().serve(3000).await
}
