//! New credentials of a connected socket: the guards of its namespace check them, and what they grant replaces all that was
//! granted before.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::error::Exception;
use crate::gateway::Route;
use crate::handler::{
    Context, ErasedFilter, Extensions, Filter, FilterOutcome, Filters, GuardContext, GuardPoint, Guards, Handler,
    HandlerFuture, IntoReply, Layer, MethodName, Names, Pipeline, Reply, Scope, ServiceMap, SocketGrants, Subject,
    Subscription, Written,
};
use crate::limits::Limits;
use crate::protocol::{CloseCode, Disconnect, RENEWAL};
use crate::socket::Socket;
use crate::transport::Handshake;

/// Adds the handler of new credentials to a namespace, if one of its guards takes them. An event that the application handles
/// keeps its handler.
pub(super) fn add(route: &mut Route, limits: &Limits) {
    let mut guards = route.guards.clone();
    for hooks in &route.router.gateways {
        for hook in &hooks.connect {
            guards.append(&hook.guards);
        }
    }
    if route.router.raw().is_some() || !guards.renew() {
        return;
    }
    let renewal = Renewal { guards, auth_bytes: limits.auth_bytes };
    let mut subscription = Subscription::new(RENEWAL, "renew", file!(), line!()).timeout(limits.connect_timeout);
    if let Some(renewals) = limits.renewals_per_minute {
        subscription = subscription.rate(renewals.get(), Duration::from_mins(1));
    }
    let (names, event) = Names::new(RENEWAL, &[]);
    let refusal =
        Layer { layer: ErasedFilter::new(Arc::new(EndRefused)), written: Written::new(RENEWAL, file!(), line!()) };
    let pipeline = Pipeline { filters: Filters::new(vec![Arc::new(refusal)]), ..Pipeline::default() };
    let handler = Arc::new(Handler {
        event,
        names,
        method: MethodName { gateway: route.declared.name, method: "renew" },
        subscription,
        pipeline: Some(Arc::new(pipeline)),
        meter: None,
        call: Box::new(move |context| renewal.start(context)),
    });
    route.router.insert_unlisted(RENEWAL, &handler);
    route.renewal = Some(handler);
}

/// The guards that check new credentials.
#[derive(Debug)]
struct Renewal {
    guards: Guards,
    auth_bytes: usize,
}

impl Renewal {
    fn start(&self, context: &Context<'_>) -> HandlerFuture {
        let refuse = |exception: Exception| HandlerFuture::ready(exception.into());
        let Scope { services, socket: Some(socket), grants: Some(held) } = context.scope() else {
            return refuse(Exception::unauthorized());
        };
        let auth = match context.data() {
            None => return refuse(Exception::framework("unreadable", "no credentials were sent")),
            Some(auth) if auth.get().len() > self.auth_bytes => {
                return refuse(Exception::framework("too_large", "the credentials are too large"));
            }
            Some(auth) => auth.to_owned(),
        };
        let credentials = NewCredentials {
            guards: self.guards.clone(),
            services: Arc::clone(services),
            socket: socket.clone(),
            handshake: socket.handshake().with_new_credentials(&auth),
            auth,
            held: Arc::clone(held),
            renewed: Arc::default(),
        };
        match credentials.check_now() {
            Err(exception) => refuse(exception),
            Ok(asked) if asked == self.guards.len() => HandlerFuture::ready(credentials.accept()),
            Ok(asked) => HandlerFuture::future(async move {
                match credentials.check(asked).await {
                    Err(exception) => exception.into(),
                    Ok(()) => credentials.accept(),
                }
            }),
        }
    }
}

/// Credentials that a client presents in the place of its earlier ones.
struct NewCredentials {
    guards: Guards,
    services: Arc<ServiceMap>,
    socket: Socket,
    /// The handshake of the socket, with these credentials.
    handshake: Handshake,
    auth: Box<RawValue>,
    /// The grants of the socket.
    held: Arc<SocketGrants>,
    /// The grants for these credentials.
    renewed: Arc<SocketGrants>,
}

impl NewCredentials {
    /// Runs guards up to the first that waits. Returns how many have run.
    fn check_now(&self) -> Result<usize, Exception> {
        let extensions = Extensions::default();
        let about = self.context(&extensions);
        self.guards.check_now(&GuardContext::new(GuardPoint::Renewal, &about), self.socket.counters())
    }

    /// Runs all guards after the first `asked`.
    async fn check(&self, asked: usize) -> Result<(), Exception> {
        let extensions = Extensions::default();
        let about = self.context(&extensions);
        self.guards.check(asked, &GuardContext::new(GuardPoint::Renewal, &about), self.socket.counters()).await
    }

    fn context<'a>(&'a self, extensions: &'a Extensions) -> Context<'a> {
        let Self { services, socket, handshake, renewed, .. } = self;
        let scope = Scope { services, socket: Some(socket), grants: Some(renewed) };
        Context::new(scope, Subject::Renewal(handshake), extensions)
    }

    fn accept(self) -> Reply {
        let Self { socket, auth, held, renewed, .. } = self;
        socket.handshake().renew(auth);
        held.exchange(&renewed, &socket);
        tracing::debug!(socket = %socket.id(), "a client has renewed its credentials");
        ().into_reply()
    }
}

/// Ends the socket whose new credentials were refused, after the answer. Where no guard has decided, all stays as it was.
struct EndRefused;

impl Filter for EndRefused {
    type Error = Exception;

    fn catch(&self, error: &Exception, _: &Context<'_>) -> FilterOutcome {
        let is_undecided = error.id().is_some()
            || matches!(
                error.code(),
                Some("internal" | "timeout" | "unavailable" | "rate_limited" | "too_large" | "unreadable")
            );
        if is_undecided {
            FilterOutcome::rethrow()
        } else {
            FilterOutcome::disconnect(Disconnect::new(CloseCode::REFUSED, "refused"))
        }
    }
}
