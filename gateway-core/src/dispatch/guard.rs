//! Guards: whether a client may pass a door.

use std::any::{TypeId, type_name};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;

use crate::dispatch::access::{Access, Doors};
use crate::dispatch::pass::{Pass, Passed};
use crate::dispatch::passes::GuardKey;
use crate::dispatch::{Exception, Placed};
use crate::telemetry::{Counter, Counters};

/// Decides whether a client may pass, without waiting. One that waits is an [`AsyncGuard`].
///
/// It stands before a method or a whole gateway by `#[guard(SignedIn)]`, before everything by
/// [`Server::guard`](crate::Server::guard). The same rule is asked at every [`Door`](crate::Door), so that nobody comes
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
///     fn check(&self, access: &Access<'_>) -> Result<Pass<User>, Exception> {
///         let name: String = access.handshake().auth()?;
///         Ok(Pass::with(User(name)).kept())
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
    /// What it may grant with its yes, to be read as [`Auth`](crate::Auth); `()` where it grants nothing.
    type Grants: Send + Sync + 'static;

    /// Whether the client may pass.
    ///
    /// # Errors
    ///
    /// What the client is told; [`Exception::forbidden`] where there is nothing to explain. A panic is a no.
    fn check(&self, access: &Access<'_>) -> Result<Pass<Self::Grants>, Exception>;

    /// The doors it is asked at: all of them, unless it says otherwise.
    fn doors(&self) -> Doors {
        Doors::ALL
    }
}

/// Decides whether a client may pass, and waits for that: for a database, for another service.
///
/// As [`Guard`] in everything else, with one difference: sockets join rooms often, so a guard that waits is not asked about
/// rooms, unless its [`doors`](AsyncGuard::doors) say so. [`Socket::join`](crate::Socket::join) waits for it then.
///
/// ```
/// use gateway_core::prelude::*;
///
/// #[derive(Default)]
/// struct NotBanned;
///
/// impl AsyncGuard for NotBanned {
///     type Grants = ();
///
///     async fn check(&self, access: &Access<'_>) -> Result<Pass, Exception> {
///         let banned = is_banned(access.handshake().cookie("user")).await;
///         Pass::when(!banned)
///     }
/// }
///
/// async fn is_banned(user: Option<&str>) -> bool {
///     user == Some("mallory")
/// }
/// ```
pub trait AsyncGuard: Send + Sync + 'static {
    /// What it may grant with its yes, to be read as [`Auth`](crate::Auth); `()` where it grants nothing.
    type Grants: Send + Sync + 'static;

    /// Whether the client may pass.
    ///
    /// # Errors
    ///
    /// What the client is told; [`Exception::forbidden`] where there is nothing to explain. A panic is a no, and so is a
    /// guard that takes too long.
    fn check(&self, access: &Access<'_>) -> impl Future<Output = Result<Pass<Self::Grants>, Exception>> + Send;

    /// The doors it is asked at: all but that of rooms, unless it says otherwise.
    fn doors(&self) -> Doors {
        Doors::ALL.without(Doors::JOIN)
    }
}

/// What can stand before a method: a [`Guard`] or an [`AsyncGuard`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no guard",
    label = "this decides nothing",
    note = "implement `Guard` for `{Self}`, or `AsyncGuard` where it waits: `fn check(&self, access: &Access<'_>) -> Result<Pass, Exception>`"
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
        ErasedGuard { grants: (TypeId::of::<G::Grants>(), type_name::<G::Grants>()), guard: Box::new(Now(this)) }
    }

    fn grants() -> TypeId {
        TypeId::of::<G::Grants>()
    }
}

#[diagnostic::do_not_recommend]
impl<G: AsyncGuard> IntoGuard<Waits> for G {
    fn erase(this: Arc<Self>) -> ErasedGuard {
        ErasedGuard { grants: (TypeId::of::<G::Grants>(), type_name::<G::Grants>()), guard: Box::new(Later(this)) }
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

type Checked = Result<Passed, Exception>;

trait AnyGuard: Send + Sync {
    fn doors(&self) -> Doors;
    fn waits(&self) -> bool;
    fn check<'a>(&'a self, access: &'a Access<'a>) -> Check<'a>;
}

struct Now<G>(Arc<G>);

impl<G: Guard> AnyGuard for Now<G> {
    fn doors(&self) -> Doors {
        self.0.doors()
    }

    fn waits(&self) -> bool {
        false
    }

    fn check<'a>(&'a self, access: &'a Access<'a>) -> Check<'a> {
        Check::Now(self.0.check(access).map(Passed::from))
    }
}

struct Later<G>(Arc<G>);

impl<G: AsyncGuard> AnyGuard for Later<G> {
    fn doors(&self) -> Doors {
        self.0.doors()
    }

    fn waits(&self) -> bool {
        true
    }

    fn check<'a>(&'a self, access: &'a Access<'a>) -> Check<'a> {
        Check::Later(Box::pin(async move { self.0.check(access).await.map(Passed::from) }))
    }
}

impl fmt::Debug for ErasedGuard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ErasedGuard").field("grants", &self.grants.1).finish_non_exhaustive()
    }
}

/// Guards in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards(Vec<Arc<Placed<ErasedGuard>>>);

impl Guards {
    pub(crate) fn new(guards: Vec<Arc<Placed<ErasedGuard>>>) -> Self {
        Self(guards)
    }

    pub(crate) fn extend(&mut self, guards: &[Arc<Placed<ErasedGuard>>]) {
        self.0.extend_from_slice(guards);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Placed<ErasedGuard>> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Asks those that do not wait, up to the first that does. Gives how many were asked.
    pub(crate) fn ask_at_once(&self, access: &Access<'_>, counters: &Counters) -> Result<usize, Exception> {
        for (index, guard) in self.iter().enumerate() {
            if guard.is_not_needed(access) {
                continue;
            }
            if guard.layer.guard.waits() {
                return Ok(index);
            }
            let checked = catch_unwind(AssertUnwindSafe(|| guard.layer.guard.check(access)));
            let Ok(Check::Now(verdict)) = checked else { return Err(guard.panicked(access, counters)) };
            guard.note(access, verdict)?;
        }
        Ok(self.len())
    }

    /// Asks all of them, the first `asked` left out.
    pub(crate) async fn ask(&self, asked: usize, access: &Access<'_>, counters: &Counters) -> Result<(), Exception> {
        for guard in self.iter().skip(asked).filter(|guard| !guard.is_not_needed(access)) {
            let checked = catch_unwind(AssertUnwindSafe(|| guard.layer.guard.check(access)));
            let verdict = match checked {
                Ok(Check::Now(verdict)) => Ok(verdict),
                Ok(Check::Later(verdict)) => {
                    access.handshake.diary().note(|| format!("guard {} was asked", guard.written));
                    AssertUnwindSafe(verdict).catch_unwind().await
                }
                Err(panic) => Err(panic),
            };
            guard.note(access, verdict.map_err(|_| guard.panicked(access, counters))?)?;
        }
        Ok(())
    }
}

impl Placed<ErasedGuard> {
    fn key(&self) -> GuardKey {
        GuardKey(std::ptr::from_ref(self).addr())
    }

    fn is_not_needed(&self, access: &Access<'_>) -> bool {
        !self.layer.guard.doors().contains(access.door) || access.passes.hold(self.key(), access.door)
    }

    fn note(&self, access: &Access<'_>, verdict: Checked) -> Result<(), Exception> {
        access.handshake.diary().note(|| match &verdict {
            Ok(_) => format!("guard {} said yes to {:?}", self.written, access.door),
            Err(exception) => format!("guard {} said no to {:?}: {exception}", self.written, access.door),
        });
        access.passes.take(self.key(), verdict?, access);
        Ok(())
    }

    fn panicked(&self, access: &Access<'_>, counters: &Counters) -> Exception {
        access.handshake.diary().note(|| format!("guard {} panicked", self.written));
        counters.add(Counter::Panics);
        Exception::internal(|id| tracing::error!(guard = %self.written, id, "a guard panicked"))
    }
}
