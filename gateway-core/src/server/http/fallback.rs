//! Handler of all other HTTP requests: pages and routes of the application.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use crate::server::http::body::Body;
use crate::sync::lock;

type FallbackFuture = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A type-erased fallback service.
#[derive(Clone)]
pub(crate) struct Fallback(Arc<dyn Fn(Request<Body>) -> FallbackFuture + Send + Sync>);

impl Fallback {
    pub(crate) fn service<S, B>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // A service need not be `Sync`; it is cloned per request, as tower requires.
        let service = Mutex::new(service);
        Self(Arc::new(move |request| {
            let mut service = lock(&service).clone();
            Box::pin(async move {
                let ready = std::future::poll_fn(|context| service.poll_ready(context)).await;
                match ready {
                    Ok(()) => {}
                    Err(never) => match never {},
                }
                match service.call(request).await {
                    Ok(response) => response.map(Body::new),
                    Err(never) => match never {},
                }
            })
        }))
    }

    pub(crate) fn function<F>(respond: F) -> Self
    where
        F: Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static,
    {
        Self(Arc::new(move |request| Box::pin(std::future::ready(respond(request)))))
    }

    pub(crate) async fn respond(&self, request: Request<Body>) -> Response<Body> {
        (self.0)(request).await
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fallback")
    }
}
