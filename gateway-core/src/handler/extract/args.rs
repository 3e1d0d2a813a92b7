//! The arguments of an event as a list, typed or raw, as an argument of a handler.

use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Rejection;
use crate::handler::validate::collected_errors::read_on;
use crate::handler::{Context, ErrorTypes, FromContext, IntoReply, Reply, on};
use crate::protocol::{Args, RawArgs};

impl<T: DeserializeOwned> FromContext<on::Message> for Args<T> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        const LEAD: &str = "the arguments cannot be read";
        let list = context.list();
        list.read_all().map(Self).or_else(|error| {
            if let Some(read) = read_on(context, LEAD, |most| list.faults_of_list(most)) {
                return read.map(Self);
            }
            let fault = list.fault_of_list::<T>(&error);
            Err(Rejection::unreadable(LEAD, &fault))
        })
    }
}

impl FromContext<on::Message> for RawArgs {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        Ok(context.args())
    }
}

impl<T: Serialize> IntoReply for Args<T> {
    fn into_reply(self) -> Reply {
        Reply::value(&self)
    }

    fn error_types(_: &mut ErrorTypes) {}
}

impl IntoReply for RawArgs {
    fn into_reply(self) -> Reply {
        Reply::unnamed(self.into_content())
    }

    fn error_types(_: &mut ErrorTypes) {}
}

impl<T> Deref for Args<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Args<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
