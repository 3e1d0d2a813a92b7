//! The state of the Admin UI: who may look, and which pages are open.

use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::error::Exception;
use crate::metrics::{AdminFeed, Listeners};
use crate::server::admin::Admin;
use crate::server::admin::access::AdminAccess;
use crate::server::admin::page_view::send;
use crate::server::handle::ServerHandle;
use crate::socket::Socket;
use crate::sync::lock;

/// The open pages of a server, and what they may see.
pub(crate) struct AdminState {
    pub(super) options: Admin,
    access: AdminAccess,
    pub(super) feed: Arc<AdminFeed>,
    pub(super) handle: ServerHandle,
    pages: Mutex<Vec<Socket>>,
}

impl AdminState {
    pub(crate) fn new(options: Admin, handle: ServerHandle) -> Self {
        let access = AdminAccess::new(&options);
        Self { options, access, feed: Arc::default(), handle, pages: Mutex::default() }
    }

    /// Asks to be told of what the sockets do, if pages show it.
    pub(crate) fn listen(&self, listeners: &mut Listeners) {
        if !self.options.is_production {
            listeners.show(Arc::clone(&self.feed));
        }
    }

    /// Lets a page in, if its credentials are right.
    pub(super) async fn open(&self, page: Socket) -> Result<(), Exception> {
        if let Some(session) = self.access.check(page.handshake()).await? {
            send(&page, "session", &(session,))?;
        }
        send(&page, "config", &(json!({"supportedFeatures": self.options.features()}),))?;
        lock(&self.pages).push(page);
        self.feed.open();
        Ok(())
    }

    pub(super) fn close(&self, page: &Socket) {
        let mut pages = lock(&self.pages);
        let count = pages.len();
        pages.retain(|open| open.id() != page.id());
        let was_open = pages.len() < count;
        drop(pages);
        if was_open {
            self.feed.close();
        }
    }

    pub(super) fn pages(&self) -> Vec<Socket> {
        lock(&self.pages).clone()
    }
}

impl fmt::Debug for AdminState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt(formatter)
    }
}
