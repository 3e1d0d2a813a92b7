//! Requirements of a method's arguments on the server, known before it starts.

use std::any::{TypeId, type_name};
use std::fmt;

use crate::handler::{ServiceMap, Written};

/// Requirements of an argument on the server. An extractor declares them in
/// [`FromContext::needs`](crate::extract::FromContext::needs); an unmet one fails the start.
pub struct Requirements<'a> {
    pub(in crate::handler) scene: &'a Available<'a>,
    pub(in crate::handler) missing: Vec<Missing>,
    /// Per-socket types that an argument uses.
    wanted: Vec<TypeId>,
}

/// Values available to a method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Available<'a> {
    pub(crate) services: &'a ServiceMap,
    /// Types that its guards may grant.
    pub(crate) grants: &'a [TypeId],
    /// Types with a factory per socket.
    pub(crate) per_socket: &'a [TypeId],
    /// Set if a layer around the method may store extensions.
    pub(crate) is_intercepted: bool,
    /// The parameters of the namespace.
    pub(crate) parameters: &'a [&'a str],
}

/// An unmet requirement of an argument.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Missing {
    /// A service, and a similar type that was provided.
    Service(&'static str, Option<&'static str>),
    Grant(&'static str),
    Extension(&'static str),
    PerSocket(&'static str),
    Parameters(String),
}

impl<'a> Requirements<'a> {
    /// Returns the unmet requirements of an argument, and the per-socket types it uses.
    pub(crate) fn check(argument: &Argument, scene: &'a Available<'a>) -> (Vec<Missing>, Vec<TypeId>) {
        let mut needs = Self { scene, missing: Vec::new(), wanted: Vec::new() };
        (argument.needs)(&mut needs);
        (needs.missing, needs.wanted)
    }

    /// Runs `ask` without reporting missing requirements.
    pub fn optional(&mut self, ask: impl FnOnce(&mut Requirements<'_>)) {
        let mut needs = Requirements { scene: self.scene, missing: Vec::new(), wanted: Vec::new() };
        ask(&mut needs);
        self.wanted.extend(needs.wanted);
    }

    /// Requires a value of this type per socket.
    pub fn per_socket<T: Send + Sync + 'static>(&mut self) {
        self.wanted.push(TypeId::of::<T>());
        if !self.scene.per_socket.contains(&TypeId::of::<T>()) {
            self.missing.push(Missing::PerSocket(type_name::<T>()));
        }
    }

    /// Requires a service of this type.
    pub fn service<T: Clone + Send + Sync + 'static>(&mut self) {
        let services = self.scene.services;
        if services.find_shared::<T>().is_none() && !services.is_promised::<T>() {
            self.missing.push(Missing::Service(type_name::<T>(), services.near::<T>()));
        }
    }

    /// Requires a guard that can grant this type.
    pub fn granted<T: Send + Sync + 'static>(&mut self) {
        if !self.scene.grants.contains(&TypeId::of::<T>()) {
            self.missing.push(Missing::Grant(type_name::<T>()));
        }
    }

    /// Requires parameters of the namespace. `fits` gets their names and returns an error if the argument can never be read.
    pub fn parameters(&mut self, fits: impl FnOnce(&[&str]) -> Result<(), String>) {
        self.missing.extend(fits(self.scene.parameters).err().map(Missing::Parameters));
    }

    /// Requires a layer around the handler that may store this type as an extension.
    pub fn extension<T: Clone + Send + Sync + 'static>(&mut self) {
        if !self.scene.is_intercepted {
            self.missing.push(Missing::Extension(type_name::<T>()));
        }
    }
}

impl fmt::Debug for Requirements<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Requirements").field("missing", &self.missing).finish_non_exhaustive()
    }
}

/// An argument of a method.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    pub(crate) written: Written,
    needs: fn(&mut Requirements<'_>),
}

impl Argument {
    /// Creates an argument from the source text and location of its type. `needs` is the function of its
    /// [`FromContext`](crate::extract::FromContext).
    #[must_use]
    pub const fn new(written: Written, needs: fn(&mut Requirements<'_>)) -> Self {
        Self { written, needs }
    }
}
