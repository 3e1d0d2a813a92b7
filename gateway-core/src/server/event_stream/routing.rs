//! Routing of a request to a namespace: preflight, the stream, or a message.

use http::{Request, Response};

use crate::gateway::MatchedRoute;
use crate::server::engine_io::Host;
use crate::server::event_stream::endpoint::{EventStreamEndpoint, EventStreamIntent};
use crate::server::event_stream::listen::{ConnectionUse, EventStreamRequest, listen};
use crate::server::event_stream::post::post;
use crate::server::http::body::Body;
use crate::server::http::manual_upgrade::StreamReceiver;

/// Responds to a request to a namespace.
pub(crate) async fn respond(
    host: Host<'_>,
    endpoint: &EventStreamEndpoint,
    mut request: Request<Body>,
    found: MatchedRoute,
    intent: EventStreamIntent,
) -> Response<Body> {
    let taken = request.extensions_mut().remove::<StreamReceiver>().and_then(|taken| taken.claim());
    let sharing = endpoint.sharing(host.server);
    let (head, body) = request.into_parts();
    let visit = EventStreamRequest { host, endpoint, head: &head };
    let mut response = match intent {
        EventStreamIntent::Preflight => sharing.preflight(&head.headers),
        EventStreamIntent::Listen => {
            let answered = listen(&visit, found, taken).await;
            answered.unwrap_or_else(|refusal| visit.rejected(&refusal, ConnectionUse::Listening))
        }
        EventStreamIntent::Post => {
            let answered = post(&visit, found, body).await;
            answered.unwrap_or_else(|refusal| visit.rejected(&refusal, ConnectionUse::OneRequest))
        }
    };
    sharing.apply(&head.headers, response.headers_mut());
    response
}
