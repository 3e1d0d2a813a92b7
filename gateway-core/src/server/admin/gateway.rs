//! The gateway that the page of the Admin UI connects to. Its events are those of `@socket.io/admin-ui` 0.5.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::error::{ConnectRejection, Exception, Rejection};
use crate::gateway::{Fields, Gateway, Handlers};
use crate::handler::{Context, Declared, HandlerFuture, Hook, IntoReply, Subscription};
use crate::hub::Target;
use crate::protocol::{Disconnect, RawArgs};
use crate::server::admin::{Admin, AdminState};

/// The namespace of the pages.
#[derive(Debug)]
pub(crate) struct AdminGateway {
    state: Arc<AdminState>,
}

impl Gateway for AdminGateway {
    const NAMESPACE: &'static str = "/admin";
    const DECLARED: Declared = Declared::new("AdminGateway", file!(), line!());

    fn construct(fields: &mut Fields<'_>) -> Option<Self> {
        fields.provided("state", "Arc<AdminState>", line!()).map(|state| Self { state })
    }
}

/// The handlers for pages with these options.
pub(crate) fn handlers(options: &Admin) -> fn(&mut Handlers<AdminGateway>) {
    if options.is_read_only { handlers_of_reader } else { every_handler }
}

/// The handlers of pages that may only look. A command is answered as any event that has no handler.
fn handlers_of_reader(handlers: &mut Handlers<AdminGateway>) {
    handlers.on_connect(Hook::new("open", file!(), line!()), |gateway, context| match context.socket() {
        Ok(page) => {
            let (gateway, page) = (Arc::clone(gateway), page.clone());
            HandlerFuture::future(async move { gateway.state.open(page).await.map_err(ConnectRejection::from) })
        }
        Err(rejection) => HandlerFuture::rejected(rejection),
    });
    handlers.on_disconnect(Hook::new("close", file!(), line!()), |gateway, context| {
        if let Ok(page) = context.socket() {
            gateway.state.close(page);
        }
        HandlerFuture::ready(Ok(()))
    });
}

/// All handlers.
fn every_handler(handlers: &mut Handlers<AdminGateway>) {
    handlers_of_reader(handlers);
    handlers.subscribe(Subscription::new("emit", "emit", file!(), line!()), command(AdminGateway::emit));
    handlers.subscribe(Subscription::new("join", "join", file!(), line!()), command(AdminGateway::join));
    handlers.subscribe(Subscription::new("leave", "leave", file!(), line!()), command(AdminGateway::leave));
    handlers
        .subscribe(Subscription::new("_disconnect", "disconnect", file!(), line!()), command(AdminGateway::disconnect));
}

type Command = fn(&AdminGateway, &RawArgs) -> Result<(), Exception>;

fn command(run: Command) -> impl Fn(&Arc<AdminGateway>, &Context<'_>) -> HandlerFuture + Send + Sync + 'static {
    move |gateway, context| HandlerFuture::ready(run(gateway, &context.args()).into_reply())
}

/// Reads one argument of a command.
fn read<T: DeserializeOwned>(args: &RawArgs, index: usize) -> Result<T, Exception> {
    let unreadable = |error| Rejection::new("unreadable", format!("argument {index} cannot be read: {error}"));
    args.read(index).map_err(|error| unreadable(error).into_exception())
}

impl AdminGateway {
    /// The sockets that a command is for: those of a namespace, or of one room in it. A socket's id is a room too.
    fn target(&self, args: &RawArgs, filter: usize) -> Result<Target, Exception> {
        let name: String = read(args, 0)?;
        let room: Option<String> = read(args, filter)?;
        let namespace =
            self.state.handle.of(name).map_err(|error| Exception::framework("invalid_namespace", error.to_string()))?;
        Ok(room.map_or_else(|| namespace.all(), |room| namespace.to(room)))
    }

    fn emit(&self, args: &RawArgs) -> Result<(), Exception> {
        let (target, event): (_, String) = (self.target(args, 1)?, read(args, 2)?);
        target.emit(&event, &args.skip(3));
        Ok(())
    }

    fn join(&self, args: &RawArgs) -> Result<(), Exception> {
        let (target, room): (_, String) = (self.target(args, 2)?, read(args, 1)?);
        target.join(&room)?;
        Ok(())
    }

    fn leave(&self, args: &RawArgs) -> Result<(), Exception> {
        let (target, room): (_, String) = (self.target(args, 2)?, read(args, 1)?);
        target.leave(&room);
        Ok(())
    }

    fn disconnect(&self, args: &RawArgs) -> Result<(), Exception> {
        let (target, close): (_, Option<bool>) = (self.target(args, 2)?, read(args, 1)?);
        if close == Some(true) {
            target.disconnect_connections(Disconnect::default());
        } else {
            target.disconnect(Disconnect::default());
        }
        Ok(())
    }
}
