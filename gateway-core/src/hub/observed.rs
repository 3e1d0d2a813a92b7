//! Descriptions of sockets for the pages of the Admin UI: as they are when a page opens, and as they connect. Empty without the
//! feature `admin`.

#[cfg(not(feature = "admin"))]
pub(crate) use none::{show_connected, show_data};
#[cfg(feature = "admin")]
pub(crate) use shown::{Observed, show_connected, show_data, transport_of};

#[cfg(not(feature = "admin"))]
mod none {
    use serde_json::Value;

    use crate::hub::Space;
    use crate::session::Session;

    #[inline]
    pub(crate) fn show_connected(_: &Space, _: &Session) {}

    #[inline]
    pub(crate) fn show_data(_: &Session, _: &Value) {}
}

#[cfg(feature = "admin")]
mod shown {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::hub::remote_sockets::summary;
    use crate::hub::{PublicData, Space};
    use crate::metrics::AdminFeed;
    use crate::protocol::WireFormat;
    use crate::session::Session;

    /// The sockets of a namespace at one moment.
    #[derive(Debug)]
    pub(crate) struct Observed {
        /// Description of each socket.
        pub(crate) sockets: Vec<Value>,
        /// Number of the first entry of the feed that is not contained in the descriptions.
        pub(crate) next: u64,
    }

    impl Observed {
        /// Describes the connected sockets of a namespace, at most so many.
        pub(crate) fn new(space: &Space, feed: &AdminFeed, most: usize) -> Self {
            // Joins are noted under the same lock, so the number divides them exactly.
            let (members, next) = space.observe(|members| (members.with_rooms(most), feed.next_number()));
            let here = members.iter().filter(|(session, _)| session.is_accepted() && !session.is_away());
            let sockets = here.map(|(session, rooms)| describe(session, feed, rooms)).collect();
            Self { sockets, next }
        }
    }

    /// Tells the pages of a socket whose connect hooks have accepted.
    pub(crate) fn show_connected(space: &Space, session: &Session) {
        let Some(feed) = session.telemetry.admin_feed().filter(|feed| feed.has_pages()) else { return };
        space.observe(|members| {
            let rooms: Vec<Arc<str>> = members.every_room_of(&session.id).into_iter().map(Arc::from).collect();
            feed.connected(&session.namespace, || describe(session, feed, &rooms));
        });
    }

    /// Tells the pages of the data that a socket's handlers made public.
    pub(crate) fn show_data(session: &Session, data: &Value) {
        let Some(feed) = session.telemetry.admin_feed() else { return };
        feed.updated(
            &session.namespace,
            || json!({"id": session.id.as_str(), "nsp": &*session.namespace, "data": data}),
        );
    }

    /// Name of a socket's transport: a WebSocket is one in either protocol, with HTTP/2 below it or without.
    pub(crate) fn transport_of(session: &Session) -> &'static str {
        if session.handshake.is_polling() {
            "polling"
        } else if session.format.is_of_lines() {
            "lines"
        } else if session.format == WireFormat::EventStream {
            "server-sent events"
        } else {
            "websocket"
        }
    }

    fn describe(session: &Session, feed: &AdminFeed, rooms: &[Arc<str>]) -> Value {
        let own = std::iter::once(session.id.as_str());
        let rooms: Vec<&str> = own.chain(rooms.iter().map(AsRef::as_ref)).collect();
        let data = session.state.find::<PublicData>().map(|data| data.0.clone());
        json!({
            "id": session.id.as_str(),
            "clientId": feed.client_id(session.handshake.connection_place()),
            "transport": transport_of(session),
            "nsp": &*session.namespace,
            "data": data.unwrap_or_else(|| json!({})),
            "handshake": summary(&session.handshake),
            "rooms": rooms,
        })
    }
}
