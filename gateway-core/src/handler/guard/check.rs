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

/// Decides whether a client may pass, without waiting. One that waits is an [`AsyncGuard`].
///
/// It stands before a method or a whole gateway by `#[guard(SignedIn)]`, before everything by
/// [`Server::guard`](crate::Server::guard). The same rule is asked at every [`GuardPoint`](crate::pipeline::GuardPoint), so that nobody comes
/// in by another one.
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
    /// Type of the value it may grant, to be read as [`Auth`](crate::extract::Auth); `()` where it grants nothing.
    type Grants: Send + Sync + 'static;

    /// Decides about the client's request.
    ///
    /// # Errors
    ///
    /// Failure that the client is told; [`Exception::forbidden`] where there is nothing to explain. A panic refuses.
    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<Self::Grants>, Exception>;

    /// The guard points it is asked at: all of them, unless it says otherwise.
    fn points(&self) -> GuardPoints {
        GuardPoints::ALL
    }
}

/// Decides whether a client may pass, and waits for that: for a database, for another service.
///
/// As [`Guard`] in everything else, with one difference: sockets join rooms often, so a guard that waits is not asked about
/// rooms, unless its [`points`](AsyncGuard::points) say so. [`Socket::join`](crate::Socket::join) waits for it then.
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
    /// Type of the value it may grant, to be read as [`Auth`](crate::extract::Auth); `()` where it grants nothing.
    type Grants: Send + Sync + 'static;

    /// Decides about the client's request.
    ///
    /// # Errors
    ///
    /// What the client is told; [`Exception::forbidden`] where there is nothing to explain. A panic is a no, and so is a
    /// guard that takes too long.
    fn check(&self, context: &GuardContext<'_>) -> impl Future<Output = Result<Grant<Self::Grants>, Exception>> + Send;

    /// The guard points it is asked at: all but that of rooms, unless it says otherwise.
    fn points(&self) -> GuardPoints {
        GuardPoints::ALL.without(GuardPoints::JOIN)
    }
}

/// A check that can stand before a method: a [`Guard`] or an [`AsyncGuard`].
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

/// Marks what does not wait.
#[derive(Debug)]
pub enum Prompt {}

/// Marks what waits.
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

/// A guard whose type is forgotten.
pub struct ErasedGuard {
    pub(crate) grants: (TypeId, &'static str),
    guard: Box<dyn AnyGuard>,
}

/// A verdict that is there, or one that has to be waited for.
enum Check<'a> {
    Now(Checked),
    Later(Pin<Box<dyn Future<Output = Checked> + Send + 'a>>),
}

type Checked = Result<ErasedGrant, Exception>;

trait AnyGuard: Send + Sync {
    fn points(&self) -> GuardPoints;
    fn waits(&self) -> bool;
    fn check<'a>(&'a self, context: &'a GuardContext<'a>) -> Check<'a>;
}

struct TypedGuard<G>(Arc<G>);

impl<G: Guard> AnyGuard for TypedGuard<G> {
    fn points(&self) -> GuardPoints {
        self.0.points()
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

/// Guards in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards(Vec<Arc<Layer<ErasedGuard>>>);

impl Guards {
    pub(crate) fn new(guards: Vec<Arc<Layer<ErasedGuard>>>) -> Self {
        Self(guards)
    }

    pub(crate) fn extend(&mut self, guards: &[Arc<Layer<ErasedGuard>>]) {
        self.0.extend_from_slice(guards);
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

    /// Asks those that do not wait, up to the first that does. Gives how many were asked.
    pub(crate) fn ask_at_once(&self, context: &GuardContext<'_>, counters: &Counters) -> Result<usize, Exception> {
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

    /// Asks all of them, the first `asked` left out.
    pub(crate) async fn ask(
        &self,
        asked: usize,
        context: &GuardContext<'_>,
        counters: &Counters,
    ) -> Result<(), Exception> {
        for guard in self.iter().skip(asked).filter(|guard| !guard.is_not_needed(context)) {
            let checked = catch_unwind(AssertUnwindSafe(|| guard.layer.guard.check(context)));
            let verdict = match checked {
                Ok(Check::Now(verdict)) => Ok(verdict),
                Ok(Check::Later(verdict)) => {
                    context.handshake().test_log().note(|| format!("guard {} was asked", guard.written));
                    AssertUnwindSafe(verdict).catch_unwind().await
                }
                Err(panic) => Err(panic),
            };
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
        context.handshake().test_log().note(|| match &verdict {
            Ok(_) => format!("guard {} said yes to {point:?}", self.written),
            Err(exception) => format!("guard {} said no to {point:?}: {exception}", self.written),
        });
        let grant = verdict?;
        // What is said of one room counts for that room alone.
        if point != GuardPoint::Join {
            let event = matches!(context.subject(), Subject::Event(_)).then(|| context.extensions());
            grants(context).add(self.key(), grant, event, context.scope().socket);
        }
        Ok(())
    }

    fn panicked(&self, context: &GuardContext<'_>, counters: &Counters) -> Exception {
        context.handshake().test_log().note(|| format!("guard {} panicked", self.written));
        counters.add(Counter::Panics);
        Exception::internal(|id| tracing::error!(guard = %self.written, id, "a guard panicked"))
    }
}

fn grants<'a>(context: &GuardContext<'a>) -> &'a SocketGrants {
    context.scope().grants.expect("the sockets of a namespace with guards have grants")
}
