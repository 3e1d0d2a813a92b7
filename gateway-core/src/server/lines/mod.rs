//! Connections of lines over TCP and Unix sockets: their first message, their admission, and their refusal.

mod first;

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::ORIGIN;
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::connection::{ConnectionConfig, serve};
use crate::metrics::{Rejected, RejectedHandshake};
use crate::protocol::{Framing, LineDecoder, WireFormat, refusal};
use crate::server::admit::{Admitted, ConnectionRequest, Destination, admit, no_such_namespace, note_rejected};
use crate::server::handshake_check::HandshakeRejection;
use crate::server::http::lingering::linger;
use crate::server::state::StartedServer;
use crate::transport::{CertificateSlot, Handshake, Lines, Stream};
use first::{Opening, Unread, read_opening};

/// Seconds after which a refusal that will pass may be tried again, as the header `Retry-After` says it over HTTP.
const RETRY_AFTER: u32 = 5;

/// Serves a connection in a task of its own.
pub(crate) fn spawn<S: Stream>(
    stream: S,
    peer: Option<SocketAddr>,
    certificate: CertificateSlot,
    server: &Arc<StartedServer>,
) {
    server.shared.tasks.spawn(open(stream, LinePeer { address: peer, certificate }, Arc::clone(server)));
}

/// Reads the first message and admits its client, whose connection then goes on in another task.
async fn open<S: Stream>(mut stream: S, peer: LinePeer, server: Arc<StartedServer>) {
    let limits = &server.application.limits;
    let read = tokio::select! {
        biased;
        read = timeout(limits.handshake_timeout, read_opening(&mut stream, limits)) => match read {
            Ok(read) => read,
            Err(_) => Err(Unread::Late),
        },
        () = server.shared.stopping.cancelled() => Err(Unread::Stopping),
    };
    let (framing, refused) = match read {
        Ok(opening) => {
            let framing = opening.framing;
            match admitted(&server, &peer, opening).await {
                Ok((admitted, rest)) => return begin(stream, &server, framing, admitted, rest),
                Err(refused) => (Some(framing), refused),
            }
        }
        Err(Unread::Gone) => return,
        Err(unread) => (None, RefusedOpening::from(unread)),
    };
    refuse(stream, &server, framing, &refused).await;
}

/// The client's end of a connection.
struct LinePeer {
    address: Option<SocketAddr>,
    certificate: CertificateSlot,
}

/// A refusal, with what the log says of its request.
struct RefusedOpening {
    path: String,
    origin: Option<String>,
    rejection: HandshakeRejection,
}

async fn admitted(
    server: &StartedServer,
    peer: &LinePeer,
    opening: Opening,
) -> Result<(Admitted, Vec<u8>), RefusedOpening> {
    let Opening { framing: _, first, rest } = opening;
    let (path, query) = first.path.split_once('?').unwrap_or((&first.path, ""));
    let refused = |rejection, origin: Option<&str>| RefusedOpening {
        path: path.to_owned(),
        origin: origin.map(str::to_owned),
        rejection,
    };
    let Some(found) = server.application.routes.find(path) else {
        return Err(refused(no_such_namespace(server), None));
    };
    if found.route.router.raw().is_some() {
        let text = "this namespace takes whole messages, which lines do not have";
        return Err(refused(
            HandshakeRejection::new(http::StatusCode::NOT_FOUND, text).because(Rejected::NotFound),
            None,
        ));
    }
    let headers = first::header_map(&first.headers, &server.application.limits);
    let headers = headers.map_err(|rejection| refused(rejection, None))?;
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let query = first::with_resume(query, first.resume.as_ref());
    let request = ConnectionRequest {
        destination: Destination::Namespace(found),
        query: &query,
        headers: &headers,
        peer: peer.address,
        engine: None,
        cors: None,
    };
    let auth = first.auth.clone();
    let complete = |handshake: Handshake| {
        let handshake = handshake.with_certificate(peer.certificate.get());
        match auth.and_then(|auth| RawValue::from_string(auth).ok()) {
            Some(auth) => handshake.with_auth(auth),
            None => handshake,
        }
    };
    let admitted = admit(server, request, complete).await;
    admitted.map(|admitted| (admitted, rest)).map_err(|rejection| refused(rejection, origin))
}

fn begin<S: Stream>(stream: S, server: &StartedServer, framing: Framing, admitted: Admitted, rest: Vec<u8>) {
    let Admitted { scope, handshake, permit } = admitted;
    let application = Arc::clone(&server.application);
    let decoder = LineDecoder::new(framing, application.limits.message_bytes);
    let transport = Lines::new(stream, rest, decoder).holding(permit);
    let config = ConnectionConfig::lines(&application, &handshake, framing);
    server.shared.tasks.spawn(serve(transport, application, scope, handshake, config));
}

/// Tells the client why, in its own framing, and ends the connection.
async fn refuse<S: Stream>(mut stream: S, server: &StartedServer, framing: Option<Framing>, refused: &RefusedOpening) {
    let RefusedOpening { path, origin, rejection } = refused;
    let (status, text) = (rejection.status().as_u16(), rejection.text());
    note_rejected(server, RejectedHandshake { why: rejection.why(), status, text, path, origin: origin.as_deref() });
    let format = match framing {
        Some(Framing::Packed(_)) => WireFormat::LinesMsgpack,
        Some(Framing::Lines) | None => WireFormat::Lines,
    };
    let retry_after = rejection.why().is_passing().then_some(RETRY_AFTER);
    let answer = refusal(format, status, text, retry_after);
    let within = server.application.limits.close_timeout;
    let answering = async {
        stream.write_all(answer.as_slice()).await?;
        stream.flush().await
    };
    if let Ok(Ok(())) = timeout(within, answering).await {
        tokio::select! {
            () = linger(stream, within) => {}
            () = server.shared.told.cancelled() => {}
        }
    }
}
