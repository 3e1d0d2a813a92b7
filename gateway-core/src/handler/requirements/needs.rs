//! Requirements of a method's arguments on the server, known before it starts.

use std::any::{TypeId, type_name};
use std::fmt;

use crate::handler::{ServiceMap, Written};

/// Requirements of an argument on the server. An extractor declares them in
/// [`FromContext::needs`](crate::extract::FromContext::needs), and a missing value stops the start.
pub struct Requirements<'a> {
    pub(in crate::handler) scene: &'a Available<'a>,
    pub(in crate::handler) missing: Vec<Missing>,
    /// Types that are made for each socket because an argument asks for them.
    wanted: Vec<TypeId>,
}

/// Values available to a method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Available<'a> {
    pub(crate) services: &'a ServiceMap,
    /// Types that the guards before it may grant.
    pub(crate) grants: &'a [TypeId],
    /// Types that can be made for each socket.
    pub(crate) per_socket: &'a [TypeId],
    /// A layer around the method could put values into its request.
    pub(crate) is_intercepted: bool,
    /// The parameters of its namespace.
    pub(crate) parameters: &'a [&'a str],
}

/// A value that an argument does not get.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Missing {
    /// With a type that was provided and looks like it.
    Service(&'static str, Option<&'static str>),
    Grant(&'static str),
    Extension(&'static str),
    PerSocket(&'static str),
    Parameters(String),
}

impl<'a> Requirements<'a> {
    /// Values that the argument does not get, and those to be made for it.
    pub(crate) fn of(argument: &Argument, scene: &'a Available<'a>) -> (Vec<Missing>, Vec<TypeId>) {
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

    /// A value of this type must be made for each socket.
    pub fn per_socket<T: Send + Sync + 'static>(&mut self) {
        self.wanted.push(TypeId::of::<T>());
        if !self.scene.per_socket.contains(&TypeId::of::<T>()) {
            self.missing.push(Missing::PerSocket(type_name::<T>()));
        }
    }

    /// Something of this type must be provided to the server.
    pub fn service<T: Clone + Send + Sync + 'static>(&mut self) {
        let services = self.scene.services;
        if services.find_shared::<T>().is_none() && !services.is_promised::<T>() {
            self.missing.push(Missing::Service(type_name::<T>(), services.near::<T>()));
        }
    }

    /// A guard must be able to grant this type.
    pub fn granted<T: Send + Sync + 'static>(&mut self) {
        if !self.scene.grants.contains(&TypeId::of::<T>()) {
            self.missing.push(Missing::Grant(type_name::<T>()));
        }
    }

    /// The argument is read from the parameters of the namespace; `fits` says of their names why that could never be.
    pub fn parameters(&mut self, fits: impl FnOnce(&[&str]) -> Result<(), String>) {
        self.missing.extend(fits(self.scene.parameters).err().map(Missing::Parameters));
    }

    /// Something must stand around the handler that could put this type into its request.
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

/// One argument of a method.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    pub(crate) written: Written,
    needs: fn(&mut Requirements<'_>),
}

impl Argument {
    /// An argument of a type that is written like this, at this place. `needs` is that of its
    /// [`FromContext`](crate::extract::FromContext).
    #[must_use]
    pub const fn new(written: Written, needs: fn(&mut Requirements<'_>)) -> Self {
        Self { written, needs }
    }
}
