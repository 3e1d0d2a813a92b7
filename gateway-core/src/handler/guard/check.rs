//! Guards: checks that run before a connection, an event or a join.

use std::any::{TypeId, type_name};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;

use crate::error::Exception;
use crate::handler::Layer;
use crate::handler::context::Subject;
use crate::handler::guard::grant::{ErasedGrant, Grant};
use crate::handler::guard::guard_context::GuardContext;
use crate::handler::guard::guard_point::{GuardPoint, GuardPoints};
use crate::handler::guard::socket_grants::{GuardKey, SocketGrants};
use crate::metrics::{Counter, Counters};

/// A check that allows or refuses a client without waiting. A guard that waits is an [`AsyncGuard`].
///
/// `#[guard(SignedIn)]` adds a guard to a method or a whole gateway, [`Server::guard`](crate::Server::guard) to all of
/// them. The guard runs at every [`GuardPoint`](crate::pipeline::GuardPoint), so that no way in is unguarded.
///
/// ```
/// use gateway_core::prelude::*;
///
/// struct User(String);
///
/// #[derive(Default)]
/// struct SignedIn;
///
/// impl Guard for SignedIn {
///     type Grants = User;
///
///     fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
///         let name: String = context.handshake().auth()?;
///         Ok(Grant::with(User(name)).for_socket())
///     }
/// }
///
/// #[gateway(namespace = "/chat")]
/// #[guard(SignedIn)]
/// struct Chat;
///
/// #[gateway]
/// impl Chat {
///     #[subscribe]
///     fn whoami(&self, user: Auth<User>) -> String {
///         user.0.0.clone()
///     }
/// }
/// ```
pub trait Guard: Send + Sync + 'static {
    /// The type of the granted value, read as [`Auth`](crate::extract::Auth); `()` if there is none.
    type Grants: Send + Sync + 'static;

    /// Allows or refuses the client.
    ///
    /// # Errors
    ///
    /// The exception sent to the client; [`Exception::forbidden`] if there is nothing to explain. A panic refuses too.
    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<Self::Grants>, Exception>;

    /// The points at which the guard runs. Default: all.
    fn points(&self) -> GuardPoints {
        GuardPoints::ALL
    }

    /// Returns `true` if a connected client may exchange its credentials for new ones (`docs/connections.md`, "New
    /// credentials"). They are then checked by every guard of the namespace that checks connections, at
    /// [`GuardPoint::Renewal`](crate::pipeline::GuardPoint::Renewal). Default: `false`.
    fn renews(&self) -> bool {
        false
    }
}

/// A check that may wait, for a database or another service.
///
/// Like [`Guard`] except that by default it does not run for rooms, which sockets join often. If its
/// [`points`](AsyncGuard::points) include them, [`Socket::join`](crate::Socket::join) waits for it.
///
/// ```
/// use gateway_core::prelude::*;
/// use gateway_core::pipeline::AsyncGuard;
///
/// #[derive(Default)]
/// struct NotBanned;
///
/// impl AsyncGuard for NotBanned {
///     type Grants = ();
///
///     async fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
///         let banned = is_banned(context.handshake().cookie("user")).await;
///         Grant::when(!banned)
///     }
/// }
///
/// async fn is_banned(user: Option<&str>) -> bool {
///     user == Some("mallory")
/// }
/// ```
pub trait AsyncGuard: Send + Sync + 'static {
    /// The type of the granted value, read as [`Auth`](crate::extract::Auth); `()` if there is none.
    type Grants: Send + Sync + 'static;

    /// Allows or refuses the client.
    ///
    /// # Errors
    ///
    /// The exception sent to the client; [`Exception::forbidden`] if there is nothing to explain. A panic or a timeout
    /// refuses too.
    fn check(&self, context: &GuardContext<'_>) -> impl Future<Output = Result<Grant<Self::Grants>, Exception>> + Send;

    /// The points at which the guard runs. Default: all except rooms.
    fn points(&self) -> GuardPoints {
        GuardPoints::ALL.without(GuardPoints::JOIN)
    }

    /// Returns `true` if a connected client may exchange its credentials for new ones (`docs/connections.md`, "New
    /// credentials"). They are then checked by every guard of the namespace that checks connections, at
    /// [`GuardPoint::Renewal`](crate::pipeline::GuardPoint::Renewal). Default: `false`.
    fn renews(&self) -> bool {
        false
    }
}

/// A type usable as a guard: a [`Guard`] or an [`AsyncGuard`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no guard",
    label = "this decides nothing",
    note = "implement `Guard` for `{Self}`, or `AsyncGuard` where it waits: `fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception>`"
)]
pub trait IntoGuard<Kind> {
    #[doc(hidden)]
    fn erase(this: Arc<Self>) -> ErasedGuard;

    #[doc(hidden)]
    fn grants() -> TypeId;
}

/// Marker of guards that do not wait.
#[derive(Debug)]
pub enum Prompt {}

/// Marker of guards that wait.
#[derive(Debug)]
pub enum Waits {}

#[diagnostic::do_not_recommend]
impl<G: Guard> IntoGuard<Prompt> for G {
    fn erase(this: Arc<Self>) -> ErasedGuard {
        ErasedGuard { grants: (TypeId::of::<G::Grants>(), type_name::<G::Grants>()), guard: Box::new(TypedGuard(this)) }
    }

    fn grants() -> TypeId {
        TypeId::of::<G::Grants>()
    }
}

#[diagnostic::do_not_recommend]
impl<G: AsyncGuard> IntoGuard<Waits> for G {
    fn erase(this: Arc<Self>) -> ErasedGuard {
        ErasedGuard {
            grants: (TypeId::of::<G::Grants>(), type_name::<G::Grants>()),
            guard: Box::new(TypedAsyncGuard(this)),
        }
    }

    fn grants() -> TypeId {
        TypeId::of::<G::Grants>()
    }
}

/// A type-erased guard.
pub struct ErasedGuard {
    pub(crate) grants: (TypeId, &'static str),
    guard: Box<dyn AnyGuard>,
}

/// A guard's decision, or a future of it.
enum Check<'a> {
    Now(Checked),
    Later(Pin<Box<dyn Future<Output = Checked> + Send + 'a>>),
}

type Checked = Result<ErasedGrant, Exception>;

trait AnyGuard: Send + Sync {
    fn points(&self) -> GuardPoints;
    fn renews(&self) -> bool;
    fn waits(&self) -> bool;
    fn check<'a>(&'a self, context: &'a GuardContext<'a>) -> Check<'a>;
}

struct TypedGuard<G>(Arc<G>);

impl<G: Guard> AnyGuard for TypedGuard<G> {
    fn points(&self) -> GuardPoints {
        self.0.points()
    }

    fn renews(&self) -> bool {
        self.0.renews()
    }

    fn waits(&self) -> bool {
        false
    }

    fn check<'a>(&'a self, context: &'a GuardContext<'a>) -> Check<'a> {
        Check::Now(self.0.check(context).map(ErasedGrant::from))
    }
}

struct TypedAsyncGuard<G>(Arc<G>);

impl<G: AsyncGuard> AnyGuard for TypedAsyncGuard<G> {
    fn points(&self) -> GuardPoints {
        self.0.points()
    }

    fn renews(&self) -> bool {
        self.0.renews()
    }

    fn waits(&self) -> bool {
        true
    }

    fn check<'a>(&'a self, context: &'a GuardContext<'a>) -> Check<'a> {
        Check::Later(Box::pin(async move { self.0.check(context).await.map(ErasedGrant::from) }))
    }
}

impl fmt::Debug for ErasedGuard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ErasedGuard").field("grants", &self.grants.1).finish_non_exhaustive()
    }
}

/// Guards in the order they run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards(Vec<Arc<Layer<ErasedGuard>>>);

impl Guards {
    pub(crate) fn new(guards: Vec<Arc<Layer<ErasedGuard>>>) -> Self {
        Self(guards)
    }

    pub(crate) fn extend(&mut self, guards: &[Arc<Layer<ErasedGuard>>]) {
        self.0.extend_from_slice(guards);
    }

    /// Adds the guards of `others`.
    pub(crate) fn append(&mut self, others: &Self) {
        self.extend(&others.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Layer<ErasedGuard>> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Returns `true` if one of them takes new credentials of connected clients.
    pub(crate) fn renew(&self) -> bool {
        self.iter().any(|guard| guard.layer.guard.renews())
    }

    /// Runs guards up to the first that waits. Returns how many have run.
    pub(crate) fn check_now(&self, context: &GuardContext<'_>, counters: &Counters) -> Result<usize, Exception> {
        for (index, guard) in self.iter().enumerate() {
            if guard.is_not_needed(context) {
                continue;
            }
            if guard.layer.guard.waits() {
                return Ok(index);
            }
            let checked = catch_unwind(AssertUnwindSafe(|| guard.layer.guard.check(context)));
            let Ok(Check::Now(verdict)) = checked else { return Err(guard.panicked(context, counters)) };
            guard.note(context, verdict)?;
        }
        Ok(self.len())
    }

    /// Runs all guards after the first `asked`.
    pub(crate) async fn check(
        &self,
        asked: usize,
        context: &GuardContext<'_>,
        counters: &Counters,
    ) -> Result<(), Exception> {
        for guard in self.iter().skip(asked).filter(|guard| !guard.is_not_needed(context)) {
            let begun = grants(context).exchanges();
            let checked = catch_unwind(AssertUnwindSafe(|| guard.layer.guard.check(context)));
            let mut verdict = match checked {
                Ok(Check::Now(verdict)) => Ok(verdict),
                Ok(Check::Later(verdict)) => {
                    context.note(|| format!("guard {} was asked", guard.written));
                    AssertUnwindSafe(verdict).catch_unwind().await
                }
                Err(panic) => Err(panic),
            };
            // What was granted for credentials that were exchanged meanwhile counts for this event alone.
            if let Ok(Ok(grant)) = &mut verdict
                && grants(context).exchanges() != begun
            {
                grant.limit_to_once();
            }
            guard.note(context, verdict.map_err(|_| guard.panicked(context, counters))?)?;
        }
        Ok(())
    }
}

impl Layer<ErasedGuard> {
    fn key(&self) -> GuardKey {
        GuardKey(std::ptr::from_ref(self).addr())
    }

    fn is_not_needed(&self, context: &GuardContext<'_>) -> bool {
        let point = context.point();
        !self.layer.guard.points().contains(point) || grants(context).hold(self.key(), point)
    }

    fn note(&self, context: &GuardContext<'_>, verdict: Checked) -> Result<(), Exception> {
        let point = context.point();
        context.note(|| match &verdict {
            Ok(_) => format!("guard {} said yes to {point:?}", self.written),
            Err(exception) => format!("guard {} said no to {point:?}: {exception}", self.written),
        });
        let grant = verdict?;
        // A grant for a room is valid for that room alone.
        if point != GuardPoint::Join {
            let event = matches!(context.subject(), Subject::Event(_)).then(|| context.extensions());
            // At a renewal the user is set when all guards have allowed it.
            let socket = context.scope().socket.filter(|_| point != GuardPoint::Renewal);
            grants(context).add(self.key(), grant, event, socket);
        }
        Ok(())
    }

    fn panicked(&self, context: &GuardContext<'_>, counters: &Counters) -> Exception {
        context.note(|| format!("guard {} panicked", self.written));
        counters.add(Counter::Panics);
        Exception::internal(|id| tracing::error!(guard = %self.written, id, "a guard panicked"))
    }
}

fn grants<'a>(context: &GuardContext<'a>) -> &'a SocketGrants {
    context.scope().grants.expect("the sockets of a namespace with guards have grants")
}
